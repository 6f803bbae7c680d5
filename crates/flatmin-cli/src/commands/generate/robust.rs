//! Robust PCA: Y = X + S, X with entries of size about 1, S with a few ±1.

use ndarray::{Array2, aview0};

use super::draw::Draw;
use super::size::Size;
use super::target::Target;
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// The share of outliers where none is given.
const SHARE: f64 = 0.05;

/// Writes Y, the truth X and the radius ‖S‖_1.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let target = Target::new(&args.out, args.model)?;
    let mut draw = Draw::new(args.seed);
    let (d1, d2) = size.shape;
    let truth = draw.truth(size.shape, size.rank, args.condition) * ((d1 * d2) as f64).sqrt();
    let outliers = draw.outliers(d1 * d2, args.outliers.unwrap_or(SHARE));
    let radius: f64 = outliers.iter().map(|s| s.abs()).sum();
    let mut y: Vec<f64> = truth.iter().zip(&outliers).map(|(x, s)| x + s).collect();
    draw.disturb(&mut y, args.noise);
    let y = Array2::from_shape_vec(size.shape, y).map_err(anyhow::Error::from)?;
    target.archive(&[
        ("Y", y.view().into()),
        ("truth", truth.view().into()),
        ("radius", aview0(&radius).into()),
    ])?;
    Ok(())
}
