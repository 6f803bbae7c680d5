//! The two parts of a matrix that robust PCA separates: `low_rank.npy` and `sparse.npy`, and for a film each frame of both as
//! a picture.

use anyhow::{Context as _, Result};
use flatmin::map::{Identity, MeasurementMap as _};
use flatmin::{Factors, Problem};
use image::{GrayImage, ImageFormat};
use ndarray::Array2;

use super::files::Stage;
use super::npz::write_npy;
use crate::commands::outcome::Separated;
use crate::input::instance::Frames;

/// The values of S that a sparse frame shows as black and as white: no change is mid-grey.
const RANGE: f64 = 1.0;

/// X and S, one number a measurement of `problem`.
pub(crate) fn separated(problem: &Problem, x: &Factors, s: &[f64], frames: Option<Frames>) -> Separated {
    Separated {
        low_rank: formed(x),
        sparse: placed(problem, s),
        frames,
    }
}

/// Adds them to the files of a run.
pub(crate) fn add(stage: &mut Stage<'_>, separated: &Separated) -> Result<()> {
    let Separated {
        low_rank,
        sparse,
        frames,
    } = separated;
    for (name, matrix) in [("low_rank.npy", low_rank), ("sparse.npy", sparse)] {
        stage.add(name, |file| write_npy(file, &matrix.view().into()))?;
    }
    let Some(frames) = frames else {
        return Ok(());
    };
    for (i, name) in frames.names.iter().enumerate() {
        let own = |value: f64| value;
        let offset = |value: f64| 0.5 + 0.5 * value / RANGE;
        add_frame(
            stage,
            &format!("low_rank/{name}.png"),
            frames,
            low_rank.column(i).iter(),
            own,
        )?;
        add_frame(
            stage,
            &format!("sparse/{name}.png"),
            frames,
            sparse.column(i).iter(),
            offset,
        )?;
    }
    Ok(())
}

/// L Rᵀ.
fn formed(x: &Factors) -> Array2<f64> {
    let values = Identity::new(x.shape()).apply_factored(x.l.as_ref(), x.r.as_ref());
    Array2::from_shape_vec(x.shape(), values).unwrap_or_default()
}

/// `s` in the places that it was observed in, 0 elsewhere.
fn placed(problem: &Problem, s: &[f64]) -> Array2<f64> {
    let mut out = Array2::zeros(problem.map().shape());
    for (i, s) in s.iter().enumerate() {
        if let Some(place) = problem.map().entry(i) {
            out[place] = *s;
        }
    }
    out
}

/// Grey values from 0 to 1 after `shown`, cut off beyond.
fn add_frame<'a>(
    stage: &mut Stage<'_>,
    name: &str,
    frames: &Frames,
    values: impl Iterator<Item = &'a f64>,
    shown: impl Fn(f64) -> f64,
) -> Result<()> {
    let grey: Vec<u8> = values
        .map(|value| (shown(*value).clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    let image =
        GrayImage::from_raw(frames.width, frames.height, grey).context("a frame has all of its pixels")?;
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, ImageFormat::Png)?;
    stage.add(name, |file| Ok(std::io::Write::write_all(file, png.get_ref())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::files::OutputDir;
    use image::Luma;

    #[test]
    fn frames_are_written_in_the_grey_they_were_read_in() {
        let dir = tempfile::tempdir().unwrap();
        let out = OutputDir::create(dir.path()).unwrap();
        let mut stage = out.stage();
        let frames = Frames {
            names: vec!["a".into()],
            width: 2,
            height: 1,
        };
        let values = [0.2, 7.0];
        add_frame(&mut stage, "low_rank/a.png", &frames, values.iter(), |value| {
            value
        })
        .unwrap();
        stage.commit(&[]).unwrap();
        let read = image::open(dir.path().join("low_rank/a.png")).unwrap().to_luma8();
        assert_eq!(
            (read.get_pixel(0, 0), read.get_pixel(1, 0)),
            (&Luma([51]), &Luma([255]))
        );
    }
}
