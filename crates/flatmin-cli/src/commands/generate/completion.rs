//! Completion: some entries of the truth.

use std::io::Write as _;

use anyhow::Result;
use ndarray::Array2;

use super::draw::Draw;
use super::size::Size;
use super::target::{Format, Target, vector};
use crate::args::GenerateArgs;
use crate::failure::{Failure, usage};
use crate::output::npz::Member;

/// Writes entries, each with probability p or m of them, and where the format can hold it the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let mut draw = Draw::new(args.seed);
    let truth = draw.truth(size.shape, size.rank, args.condition);
    let places = match args.p {
        Some(p) => draw.coins(size.shape, p),
        None => draw.places(size.shape, size.m),
    };
    if places.is_empty() {
        return Err(usage(
            "--p: no entry came out as observed, expected a larger p".to_owned(),
        ));
    }
    let mut y: Vec<f64> = places.iter().map(|place| truth[*place]).collect();
    draw.disturb(&mut y, args.noise);
    write(&target, &places, &y, &truth)?;
    Ok(())
}

fn write(target: &Target, places: &[(usize, usize)], y: &[f64], truth: &Array2<f64>) -> Result<()> {
    let entries = || places.iter().zip(y).map(|((i, j), y)| (*i, *j, *y));
    match target.format {
        Format::Npz => archive(target, places, y, truth),
        Format::Table(separator) => target.out.write(&target.name, |file| {
            writeln!(file, "row{separator}column{separator}value")?;
            entries().try_for_each(|(i, j, y)| Ok(writeln!(file, "{i}{separator}{j}{separator}{y}")?))
        }),
        Format::MatrixMarket => target.out.write(&target.name, |file| {
            let (d1, d2) = truth.dim();
            writeln!(
                file,
                "%%MatrixMarket matrix coordinate real general\n{d1} {d2} {}",
                y.len()
            )?;
            entries().try_for_each(|(i, j, y)| Ok(writeln!(file, "{} {} {y}", i + 1, j + 1)?))
        }),
    }
}

fn archive(target: &Target, places: &[(usize, usize)], y: &[f64], truth: &Array2<f64>) -> Result<()> {
    // Dimensions have 32 bits: the command line sees to it.
    let integers =
        |values: &mut dyn Iterator<Item = usize>| Member::Integers(values.map(|v| v as i64).collect());
    let (d1, d2) = truth.dim();
    let members = [
        ("rows", integers(&mut places.iter().map(|place| place.0))),
        ("cols", integers(&mut places.iter().map(|place| place.1))),
        ("y", vector(y)),
        ("shape", integers(&mut [d1, d2].into_iter())),
        ("truth", truth.view().into()),
    ];
    target.archive(&members)
}
