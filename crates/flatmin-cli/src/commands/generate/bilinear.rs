//! Bilinear sensing: y_i = a_iᵀ X b_i with normal a_i and b_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Bilinear;
use ndarray::ArrayView2;

use super::size::Size;
use super::target::{Target, array, vector};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// Writes a, b, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let recipe = size.recipe(args);
    let made = Bilinear::draw(&mut Stream::new(args.seed), size.shape, size.m, &recipe)
        .context("the sizes are checked")?;
    let (m, (d1, d2)) = (size.m, size.shape);
    let a = ArrayView2::from_shape((m, d1), &made.a).context("a has its shape")?;
    let b = ArrayView2::from_shape((m, d2), &made.b).context("b has its shape")?;
    let truth = array(&made.truth);
    target.archive(&[
        ("a", a.into()),
        ("b", b.into()),
        ("y", vector(&made.y)),
        ("truth", truth.view().into()),
    ])?;
    Ok(())
}
