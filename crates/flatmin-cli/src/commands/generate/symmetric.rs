//! Covariance, phase and quadratic network: y_i = x_iᵀ M x_i with normal x_i.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Symmetric;
use ndarray::ArrayView2;

use super::size::Size;
use super::target::{Target, array, vector};
use crate::args::{GenerateArgs, Model};
use crate::failure::{Failure, usage};

/// Writes x, y and the truth.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let size = Size::of(args)?;
    let negative = negative(args, size.rank)?;
    let target = Target::new(&args.out, args.model)?;
    let (m, d, recipe) = (size.m, size.shape.0, size.recipe(args));
    let made = Symmetric::draw(&mut Stream::new(args.seed), d, m, negative, &recipe)
        .context("the sizes are checked")?;
    let x = ArrayView2::from_shape((m, d), &made.x).context("x has its shape")?;
    let truth = array(&made.truth);
    target.archive(&[
        ("x", x.into()),
        ("y", vector(&made.y)),
        ("truth", truth.view().into()),
    ])?;
    Ok(())
}

/// How many eigenvalues of M are negative.
fn negative(args: &GenerateArgs, rank: usize) -> Result<usize, Failure> {
    if args.model != Model::Network {
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
