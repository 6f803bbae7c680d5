//! Bilinear sensing: y_i = a_iᵀ X b_i with normal a_i and b_i.

use anyhow::Context as _;
use ndarray::ArrayView2;

use super::draw::Draw;
use super::size::Size;
use super::target::{Target, vector};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// Writes a, b, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let mut draw = Draw::new(args.seed);
    let truth = draw.truth(size.shape, size.rank, args.condition);
    let (m, (d1, d2)) = (size.m, size.shape);
    let (a, b) = (draw.normal(m * d1), draw.normal(m * d2));
    let form = |(a, b): (&[f64], &[f64])| -> f64 {
        let rows = truth.rows().into_iter().zip(a);
        rows.map(|(row, a)| a * row.iter().zip(b).map(|(x, b)| x * b).sum::<f64>())
            .sum()
    };
    let mut y: Vec<f64> = a.chunks_exact(d1).zip(b.chunks_exact(d2)).map(form).collect();
    draw.disturb(&mut y, args.noise);
    let a = ArrayView2::from_shape((m, d1), &a).context("a has its shape")?;
    let b = ArrayView2::from_shape((m, d2), &b).context("b has its shape")?;
    let truth = ("truth", truth.view().into());
    target.archive(&[("a", a.into()), ("b", b.into()), ("y", vector(&y)), truth])?;
    Ok(())
}
