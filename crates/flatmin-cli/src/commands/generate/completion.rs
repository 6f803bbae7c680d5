//! Completion: some entries of the truth, or ratings.

use std::io::Write as _;

use anyhow::Result;
use flatmin::random::Stream;
use flatmin::synthetic::{Completion, Observed, Ratings, RatingsShape};
use ndarray::{Array1, Array2};

use super::Members;
use super::size::Size;
use super::target::{Format, Target, array};
use crate::args::{DrawingArgs, GenerateArgs, Model};
use crate::completion::split::{hold_out, pick};
use crate::failure::{Failure, usage};
use crate::output::npz::Member;

/// The share that `--test` takes away.
const TEST: f64 = 0.1;

/// Writes entries, and where there is one and the format can hold it the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let made = Made::draw(&args.drawing)?;
    let target = Target::new("--out", &args.out, args.model)?;
    let Some(test) = &args.test else {
        return Ok(write(&target, &made)?);
    };
    let test = Target::new("--test", test, args.model)?;
    if test.is(&target) {
        let found = args.out.display();
        return Err(usage(format!(
            "--test: found {found}, expected another file than that of --out"
        )));
    }
    let marked = hold_out(&made.rows, &made.columns, made.shape, TEST, args.drawing.seed);
    write(&test, &made.part(&marked, true))?;
    Ok(write(&target, &made.part(&marked, false))?)
}

/// What is to be written.
struct Made {
    rows: Vec<u32>,
    columns: Vec<u32>,
    y: Vec<f64>,
    shape: (usize, usize),
    truth: Option<Array2<f64>>,
}

/// The arrays.
pub(super) fn draw(args: &DrawingArgs) -> Result<Members, Failure> {
    Ok(Made::draw(args)?.members())
}

impl Made {
    fn draw(args: &DrawingArgs) -> Result<Self, Failure> {
        match &args.ratings {
            Some(shape) => ratings(args, shape),
            None => entries(args),
        }
    }

    fn members(&self) -> Members {
        let integers = |values: &[u32]| Member::Integers(values.iter().map(|v| i64::from(*v)).collect());
        // Dimensions have 32 bits: the command line sees to it.
        let (d1, d2) = self.shape;
        let mut members = vec![
            ("rows", integers(&self.rows)),
            ("cols", integers(&self.columns)),
            ("y", Array1::from(self.y.clone()).into()),
            ("shape", integers(&[d1 as u32, d2 as u32])),
        ];
        members.extend(self.truth.iter().map(|truth| ("truth", truth.clone().into())));
        members
    }

    /// The entries whose mark is `which`.
    fn part(&self, marked: &[bool], which: bool) -> Made {
        Made {
            rows: pick(&self.rows, marked, which),
            columns: pick(&self.columns, marked, which),
            y: pick(&self.y, marked, which),
            shape: self.shape,
            truth: self.truth.clone(),
        }
    }
}

/// Each entry of a matrix with probability p, or m of them.
fn entries(args: &DrawingArgs) -> Result<Made, Failure> {
    let size = Size::of(Model::Completion, args)?;
    let observed = args.p.map_or(Observed::Count(size.m), Observed::Each);
    let stream = &mut Stream::new(args.seed);
    let made =
        Completion::draw(stream, size.shape, observed, &size.recipe(args)).map_err(anyhow::Error::from)?;
    if made.y.is_empty() {
        return Err(usage(
            "--p: no entry came out as observed, expected a larger p".to_owned(),
        ));
    }
    Ok(Made {
        rows: made.rows,
        columns: made.columns,
        y: made.y,
        shape: size.shape,
        truth: Some(array(&made.truth.dense())),
    })
}

/// Ratings in half stars.
fn ratings(args: &DrawingArgs, shape: &RatingsShape) -> Result<Made, Failure> {
    let made = Ratings::draw(&mut Stream::new(args.seed), shape)
        .map_err(|error| usage(format!("--ratings: {error}")))?;
    Ok(Made {
        rows: made.rows,
        columns: made.columns,
        y: made.y,
        shape: (shape.users, shape.items),
        truth: None,
    })
}

fn write(target: &Target, made: &Made) -> Result<()> {
    let places = made.rows.iter().zip(&made.columns);
    let mut entries = places.zip(&made.y).map(|((i, j), y)| (*i, *j, *y));
    match target.format {
        Format::Npz => target.archive(&made.members()),
        Format::Table(separator) => target.out.write(&target.name, |file| {
            writeln!(file, "row{separator}column{separator}value")?;
            entries.try_for_each(|(i, j, y)| Ok(writeln!(file, "{i}{separator}{j}{separator}{y}")?))
        }),
        Format::MatrixMarket => target.out.write(&target.name, |file| {
            let (d1, d2) = made.shape;
            writeln!(
                file,
                "%%MatrixMarket matrix coordinate real general\n{d1} {d2} {}",
                made.y.len()
            )?;
            entries.try_for_each(|(i, j, y)| {
                let (i, j) = (u64::from(i) + 1, u64::from(j) + 1);
                Ok(writeln!(file, "{i} {j} {y}")?)
            })
        }),
    }
}
