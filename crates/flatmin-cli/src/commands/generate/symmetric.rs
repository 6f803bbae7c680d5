//! Covariance, phase and quadratic network: y_i = x_iᵀ M x_i with normal x_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Symmetric;
use ndarray::{Array1, Array2};

use super::Members;
use super::size::Size;
use super::target::array;
use crate::args::{DrawingArgs, Model};
use crate::failure::{Failure, usage};

/// Draws x, y and the truth.
pub(super) fn draw(model: Model, args: &DrawingArgs) -> Result<Members, Failure> {
    let size = Size::of(model, args)?;
    let negative = negative(model, args, size.rank)?;
    let (m, d, recipe) = (size.m, size.shape.0, size.recipe(args));
    let made = Symmetric::draw(&mut Stream::new(args.seed), d, m, negative, &recipe)
        .context("the sizes are checked")?;
    let x = Array2::from_shape_vec((m, d), made.x).context("x has its shape")?;
    Ok(vec![
        ("x", x.into()),
        ("y", Array1::from(made.y).into()),
        ("truth", array(&made.truth).into()),
    ])
}

/// How many eigenvalues of M are negative.
fn negative(model: Model, args: &DrawingArgs, rank: usize) -> Result<usize, Failure> {
    if model != Model::Network {
        return Ok(0);
    }
    let negative = args.negative.unwrap_or(rank / 2);
    if negative > rank {
        return Err(usage(format!(
            "--negative: found {negative}, expected at most {rank}, the rank"
        )));
    }
    Ok(negative)
}
