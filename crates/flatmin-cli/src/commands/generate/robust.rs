//! Robust PCA: Y = X + S, X with entries of size about 1, S with a few ±1.

use flatmin::random::Stream;
use flatmin::synthetic::Robust;
use ndarray::aview0;

use super::size::Size;
use super::target::{Target, array};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// The share of outliers where none is given.
const SHARE: f64 = 0.05;

/// Writes Y, the truth X and the radius ‖S‖_1.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let share = args.outliers.unwrap_or(SHARE);
    let made = Robust::draw(&mut Stream::new(args.seed), size.shape, share, &size.recipe(args));
    let radius = made.outliers.norm_l1();
    let (y, truth) = (array(&made.y), array(&made.truth));
    target.archive(&[
        ("Y", y.view().into()),
        ("truth", truth.view().into()),
        ("radius", aview0(&radius).into()),
    ])?;
    Ok(())
}
