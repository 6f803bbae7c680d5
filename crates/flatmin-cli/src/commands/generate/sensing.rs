//! Sensing, and deep, which has the same data: y_i = ⟨A_i, X⟩ with normal A_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Sensing;
use ndarray::ArrayView3;

use super::size::Size;
use super::target::{Target, array, vector};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// Writes A, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let made = Sensing::draw(
        &mut Stream::new(args.seed),
        size.shape,
        size.m,
        &size.recipe(args),
    );
    let (d1, d2) = size.shape;
    let a = ArrayView3::from_shape((size.m, d1, d2), &made.a).context("A has its shape")?;
    let truth = array(&made.truth);
    target.archive(&[
        ("A", a.into()),
        ("y", vector(&made.y)),
        ("truth", truth.view().into()),
    ])?;
    Ok(())
}
