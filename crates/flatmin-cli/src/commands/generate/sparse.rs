//! Sparse: y = A x with normal A and a few normal non-zeros in x, at random places, of unit norm.

use anyhow::Context as _;
use ndarray::ArrayView2;

use super::draw::Draw;
use super::size::Size;
use super::target::{Target, vector};
use crate::args::GenerateArgs;
use crate::failure::{Failure, usage};

/// Writes A, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    if args.d2.is_some() || args.condition != 1.0 {
        return Err(usage(
            "--d2, --condition: found with sparse, expected only with a matrix".to_owned(),
        ));
    }
    let (d, count) = (args.d1, args.rank);
    let m = args.m.unwrap_or_else(|| plenty(d, count));
    let size = Size::of(&GenerateArgs {
        m: Some(m),
        ..args.clone()
    })?;
    let target = Target::new(&args.out, args.model)?;
    let mut draw = Draw::new(args.seed);
    let mut truth = vec![0.0; d];
    let values = draw.normal(count);
    let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    for ((place, _), value) in draw.places((d, 1), count).into_iter().zip(values) {
        truth[place] = value / norm;
    }
    let a = draw.normal(size.m * d);
    let mut y: Vec<f64> = a
        .chunks_exact(d)
        .map(|row| row.iter().zip(&truth).map(|(a, x)| a * x).sum())
        .collect();
    draw.disturb(&mut y, args.noise);
    let a = ArrayView2::from_shape((size.m, d), &a).context("A has its shape")?;
    target.archive(&[("A", a.into()), ("y", vector(&y)), ("truth", vector(&truth))])?;
    Ok(())
}

/// A few more measurements than weighted ℓ1 needs: 2s·ln(d/s) + (7/5)s (Candès and Recht, Math. Program. 141, 2013).
fn plenty(d: usize, count: usize) -> usize {
    let s = count as f64;
    (2.0 * s * (d as f64 / s).ln() + 2.0 * s).ceil() as usize + 1
}
