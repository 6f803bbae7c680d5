//! Completion: some entries of the truth.

use std::io::Write as _;

use anyhow::Result;
use flatmin::random::Stream;
use flatmin::synthetic::{Completion, Observed};

use super::size::Size;
use super::target::{Format, Target, array, vector};
use crate::args::GenerateArgs;
use crate::failure::{Failure, usage};
use crate::output::npz::Member;

/// Writes entries, each with probability p or m of them, and where the format can hold it the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let observed = args.p.map_or(Observed::Count(size.m), Observed::Each);
    let made = Completion::draw(
        &mut Stream::new(args.seed),
        size.shape,
        observed,
        &size.recipe(args),
    )
    .map_err(anyhow::Error::from)?;
    if made.y.is_empty() {
        return Err(usage(
            "--p: no entry came out as observed, expected a larger p".to_owned(),
        ));
    }
    write(&Target::new(&args.out, args.model)?, &made)?;
    Ok(())
}

fn write(target: &Target, made: &Completion) -> Result<()> {
    let places = made.rows.iter().zip(&made.columns);
    let mut entries = places.zip(&made.y).map(|((i, j), y)| (*i, *j, *y));
    match target.format {
        Format::Npz => archive(target, made),
        Format::Table(separator) => target.out.write(&target.name, |file| {
            writeln!(file, "row{separator}column{separator}value")?;
            entries.try_for_each(|(i, j, y)| Ok(writeln!(file, "{i}{separator}{j}{separator}{y}")?))
        }),
        Format::MatrixMarket => target.out.write(&target.name, |file| {
            let (d1, d2) = made.truth.shape();
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

fn archive(target: &Target, made: &Completion) -> Result<()> {
    let integers = |values: &[u32]| Member::Integers(values.iter().map(|v| i64::from(*v)).collect());
    // Dimensions have 32 bits: the command line sees to it.
    let (d1, d2) = made.truth.shape();
    let truth = array(&made.truth.dense());
    target.archive(&[
        ("rows", integers(&made.rows)),
        ("cols", integers(&made.columns)),
        ("y", vector(&made.y)),
        ("shape", integers(&[d1 as u32, d2 as u32])),
        ("truth", truth.view().into()),
    ])
}
