//! Sparse: y = A x with normal A and a few normal non-zeros in x, at random places, of unit norm.

use anyhow::Context as _;
use flatmin::random::Stream;
use flatmin::synthetic::Sparse;
use ndarray::{Array1, Array2};

use super::Members;
use super::size::Size;
use crate::args::{DrawingArgs, Model};
use crate::failure::{Failure, usage};

/// Draws A, y and the truth.
pub(super) fn draw(model: Model, args: &DrawingArgs) -> Result<Members, Failure> {
    if args.d2.is_some() || args.condition != 1.0 {
        return Err(usage(
            "--d2, --condition: found with sparse, expected only with a matrix".to_owned(),
        ));
    }
    let (d, count) = (args.d1, args.rank.unwrap_or(2));
    let m = args.m.unwrap_or_else(|| plenty(d, count));
    let drawing = DrawingArgs {
        m: Some(m),
        ..args.clone()
    };
    let size = Size::of(model, &drawing)?;
    let made = Sparse::draw(&mut Stream::new(args.seed), d, size.m, count, args.noise);
    let a = Array2::from_shape_vec((size.m, d), made.a).context("A has its shape")?;
    Ok(vec![
        ("A", a.into()),
        ("y", Array1::from(made.y).into()),
        ("truth", Array1::from(made.truth).into()),
    ])
}

/// A few more measurements than weighted ℓ1 needs: 2s·ln(d/s) + (7/5)s (Candès and Recht, Math. Program. 141, 2013).
fn plenty(d: usize, count: usize) -> usize {
    let s = count as f64;
    (2.0 * s * (d as f64 / s).ln() + 2.0 * s).ceil() as usize + 1
}
