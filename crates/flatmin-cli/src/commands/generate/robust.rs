//! Robust PCA: Y = X + S, X with entries of size about 1, S with a few ±1.

use flatmin::random::Stream;
use flatmin::synthetic::Robust;
use ndarray::arr0;

use super::Members;
use super::size::Size;
use super::target::array;
use crate::args::{DrawingArgs, Model};
use crate::failure::Failure;

/// The share of outliers where none is given.
const SHARE: f64 = 0.05;

/// Draws Y, the truth X and the radius ‖S‖_1.
pub(super) fn draw(model: Model, args: &DrawingArgs) -> Result<Members, Failure> {
    let size = Size::of(model, args)?;
    let share = args.outliers.unwrap_or(SHARE);
    let made = Robust::draw(&mut Stream::new(args.seed), size.shape, share, &size.recipe(args));
    let radius = made.outliers.norm_l1();
    Ok(vec![
        ("Y", array(&made.y).into()),
        ("truth", array(&made.truth).into()),
        ("radius", arr0(radius).into()),
    ])
}
