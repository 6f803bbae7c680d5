//! Bilinear sensing: y_i = a_iᵀ X b_i with normal a_i and b_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Bilinear;
use ndarray::{Array1, Array2};

use super::Members;
use super::size::Size;
use super::target::array;
use crate::args::{DrawingArgs, Model};
use crate::failure::Failure;

/// Draws a, b, y and the truth.
pub(super) fn draw(model: Model, args: &DrawingArgs) -> Result<Members, Failure> {
    let size = Size::of(model, args)?;
    let recipe = size.recipe(args);
    let made = Bilinear::draw(&mut Stream::new(args.seed), size.shape, size.m, &recipe)
        .context("the sizes are checked")?;
    let (m, (d1, d2)) = (size.m, size.shape);
    let a = Array2::from_shape_vec((m, d1), made.a).context("a has its shape")?;
    let b = Array2::from_shape_vec((m, d2), made.b).context("b has its shape")?;
    Ok(vec![
        ("a", a.into()),
        ("b", b.into()),
        ("y", Array1::from(made.y).into()),
        ("truth", array(&made.truth).into()),
    ])
}
