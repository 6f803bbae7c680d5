//! Sensing, and deep, which has the same data: y_i = ⟨A_i, X⟩ with normal A_i.

use anyhow::Context as _;
use ndarray::ArrayView3;

use super::draw::Draw;
use super::size::Size;
use super::target::{Target, vector};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// Writes A, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let mut draw = Draw::new(args.seed);
    let truth = draw.truth(size.shape, size.rank, args.condition);
    let (d1, d2) = size.shape;
    let a = draw.normal(size.m * d1 * d2);
    let flat = truth.as_slice().context("the truth is in C order")?;
    let inner = |matrix: &[f64]| -> f64 { matrix.iter().zip(flat).map(|(a, x)| a * x).sum() };
    let mut y: Vec<f64> = a.chunks_exact(d1 * d2).map(inner).collect();
    draw.disturb(&mut y, args.noise);
    let a = ArrayView3::from_shape((y.len(), d1, d2), &a).context("A has its shape")?;
    target.archive(&[("A", a.into()), ("y", vector(&y)), ("truth", truth.view().into())])?;
    Ok(())
}
