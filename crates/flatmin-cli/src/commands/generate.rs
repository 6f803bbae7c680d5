//! `flatmin generate`: an instance whose answer is known.
//!
//! The truth is U diag(s) Vᵀ with random orthonormal U, V and geometrically falling s, scaled to Frobenius norm 1.

mod draw;
mod write;

use std::path::Path;

use anyhow::anyhow;

use super::Ending;
use crate::args::{GenerateArgs, Model};
use crate::failure::{Failure, OrInput as _, usage};
use crate::output::files::OutputDir;
use draw::Draw;
use write::Format;

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> Result<Ending, Failure> {
    let format = Format::of(&args.out, args.model)?;
    let size = Size::of(args)?;
    let (out, name) = place(&args.out)?;
    let mut draw = Draw::new(args.seed);
    let truth = draw.truth(size.shape, size.rank, args.condition);
    let sigma = args.noise;
    match args.model {
        Model::Sensing => {
            let a = draw.normal(size.m * size.shape.0 * size.shape.1);
            write::sensing(&out, &name, &a, &truth, |y| draw.disturb(y, sigma))?;
        }
        Model::Bilinear => {
            let (a, b) = (
                draw.normal(size.m * size.shape.0),
                draw.normal(size.m * size.shape.1),
            );
            write::bilinear(&out, &name, &a, &b, &truth, |y| draw.disturb(y, sigma))?;
        }
        Model::Completion => {
            let places = match args.p {
                Some(p) => draw.coins(size.shape, p),
                None => draw.places(size.shape, size.m),
            };
            if places.is_empty() {
                return Err(usage(
                    "--p: no entry came out as observed, expected a larger p".to_owned(),
                ));
            }
            write::completion(&out, &name, format, &places, &truth, |y| draw.disturb(y, sigma))?;
        }
    }
    Ok(Ending::Done)
}

/// The sizes, once they are known to fit together.
#[derive(Clone, Copy, Debug)]
struct Size {
    shape: (usize, usize),
    rank: usize,
    m: usize,
}

/// Most numbers of a generated file: 32 GiB, more than a slip of the finger should ask for.
const MOST: usize = 1 << 32;

impl Size {
    fn of(args: &GenerateArgs) -> Result<Self, Failure> {
        let shape @ (d1, d2) = (args.d1, args.d2.unwrap_or(args.d1));
        let refuse = |option: &str, found: usize, expected: String| {
            Err(usage(format!("--{option}: found {found}, expected {expected}")))
        };
        if args.rank > d1.min(d2) {
            return refuse(
                "rank",
                args.rank,
                format!("at most {}, the smaller dimension", d1.min(d2)),
            );
        }
        if args.p.is_some() && args.model != Model::Completion {
            return Err(usage(format!(
                "--p: found with {}, expected only with completion",
                args.model.name()
            )));
        }
        let freedom = args.rank * (d1 + d2 - args.rank);
        // How many measurements there can be, how many numbers one takes, and how many a degree of freedom recover well.
        let (most, numbers, plenty) = match args.model {
            Model::Sensing => (usize::MAX, d1.saturating_mul(d2), 3),
            Model::Bilinear => (usize::MAX, d1 + d2, 3),
            Model::Completion => (d1.saturating_mul(d2), 1, 5),
        };
        let m = args.m.unwrap_or((plenty * freedom).min(most));
        if m > most {
            return refuse("m", m, format!("at most {most}, the entries there are"));
        }
        let largest = m.saturating_mul(numbers).max(d1.saturating_mul(d2));
        if largest > MOST {
            return refuse(
                "m",
                m,
                format!("sizes with at most {MOST} numbers in an array, not {largest}"),
            );
        }
        Ok(Size {
            shape,
            rank: args.rank,
            m,
        })
    }
}

/// The folder of the file, and its name there.
fn place(path: &Path) -> Result<(OutputDir, String), Failure> {
    let shown = path.display();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| anyhow!("--out: found {shown}, expected the name of a file"))
        .or_input()?;
    if path.is_dir() {
        return Err(usage(format!(
            "--out: {shown}: found a folder, expected the name of a file"
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let out = OutputDir::create(folder.unwrap_or(Path::new("."))).or_input()?;
    Ok((out, name.to_owned()))
}
