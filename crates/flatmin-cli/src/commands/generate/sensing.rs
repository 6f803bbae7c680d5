//! Sensing, and deep, which has the same data: y_i = ⟨A_i, X⟩ with normal A_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Sensing;
use ndarray::{Array1, Array3};

use super::Members;
use super::size::Size;
use super::target::array;
use crate::args::{DrawingArgs, Model};
use crate::failure::Failure;

/// Draws A, y and the truth.
pub(super) fn draw(model: Model, args: &DrawingArgs) -> Result<Members, Failure> {
    let size = Size::of(model, args)?;
    let made = Sensing::draw(
        &mut Stream::new(args.seed),
        size.shape,
        size.m,
        &size.recipe(args),
    );
    let (d1, d2) = size.shape;
    let a = Array3::from_shape_vec((size.m, d1, d2), made.a).context("A has its shape")?;
    Ok(vec![
        ("A", a.into()),
        ("y", Array1::from(made.y).into()),
        ("truth", array(&made.truth).into()),
    ])
}
