//! A folder of images as a matrix: one frame a file, in the order of their names, each a column of grey values from 0 to 1,
//! pixels row after row.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use image::{GenericImageView as _, ImageBuffer, ImageReader, Luma};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::instance::{Frames, RobustData};
use crate::memory::Free;

/// The endings of names that are taken for images.
const ENDINGS: [&str; 5] = ["png", "pgm", "pnm", "jpg", "jpeg"];

/// Most characters of what the decoder says.
const SHOWN: usize = 200;
/// Frames decoded at a time.
const TOGETHER: usize = 32;

pub(super) fn read(folder: &Path) -> Result<RobustData> {
    let files = image_files(folder)?;
    ensure!(
        !files.is_empty(),
        "found no image, expected files whose names end in .png, .pgm, .pnm, .jpg or .jpeg"
    );
    let (width, height) = decode(&files[0]).with_context(|| shown(&files[0]))?.dimensions();
    ensure!(
        width > 0 && height > 0,
        "{}: found {width} × {height} pixels, expected at least one",
        shown(&files[0])
    );
    let bytes = (size_of::<f64>() * files.len()) as u64;
    Free::now().holds(bytes.saturating_mul(u64::from(width) * u64::from(height)), || {
        format!("{} images of {width} × {height} pixels", files.len())
    })?;
    let mut y = Array2::zeros((width as usize * height as usize, files.len()));
    // A few frames at a time, so that their pixels are written side by side.
    for (files, mut columns) in files
        .chunks(TOGETHER)
        .zip(y.axis_chunks_iter_mut(Axis(1), TOGETHER))
    {
        let frames: Vec<Result<GreyFrame>> =
            files.par_iter().map(|path| grey(path, (width, height))).collect();
        let frames = frames.into_iter().collect::<Result<Vec<_>>>()?;
        for (i, mut row) in columns.rows_mut().into_iter().enumerate() {
            for (out, frame) in row.iter_mut().zip(&frames) {
                *out = f64::from(frame.as_raw()[i]) / 65535.0;
            }
        }
    }
    let stem = |path: &PathBuf| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let names: Vec<String> = files.iter().map(stem).collect();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(anyhow!(
            "found two images named {name:?} with different endings, expected one"
        ));
    }
    Ok(RobustData {
        y,
        truth: None,
        frames: Some(Frames { names, width, height }),
    })
}

/// Of 16 bits: 8-bit values come out as v/255 exactly.
type GreyFrame = ImageBuffer<Luma<u16>, Vec<u16>>;

fn grey(path: &Path, expected: (u32, u32)) -> Result<GreyFrame> {
    let image = decode(path).with_context(|| shown(path))?;
    let found = image.dimensions();
    ensure!(
        found == expected,
        "{}: found {} × {} pixels, expected {} × {} as in the first image",
        shown(path),
        found.0,
        found.1,
        expected.0,
        expected.1
    );
    Ok(image.to_luma16())
}

fn shown(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir().context("cannot be read")? {
        let path = entry.context("cannot be read")?.path();
        let is_image = path
            .extension()
            .is_some_and(|found| ENDINGS.iter().any(|ending| found.eq_ignore_ascii_case(ending)));
        if is_image && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn decode(path: &Path) -> Result<image::DynamicImage> {
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .context("cannot be read")?;
    // The decoder's own messages may span lines, and quote the file at length.
    reader.decode().map_err(|error| {
        let text = error.to_string();
        let shown: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(SHOWN)
            .collect();
        anyhow!("cannot be decoded: {shown}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    fn grey(width: u32, height: u32, value: u8) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| Luma([value + 10 * y as u8 + x as u8]))
    }

    #[test]
    fn frames_are_columns_in_the_order_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        grey(3, 2, 100).save(dir.path().join("b.png")).unwrap();
        grey(3, 2, 0).save(dir.path().join("a.PGM")).unwrap();
        RgbImage::from_pixel(3, 2, Rgb([255, 255, 255]))
            .save(dir.path().join("c.jpg"))
            .unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no image").unwrap();
        let data = read(dir.path()).unwrap();
        let frames = data.frames.unwrap();
        assert_eq!(
            (frames.names.join(" "), frames.width, frames.height),
            ("a b c".into(), 3, 2)
        );
        assert_eq!(data.y.dim(), (6, 3));
        assert_eq!(data.y[[0, 0]], 0.0);
        assert_eq!(data.y[[4, 0]], 11.0 / 255.0, "row 1, column 1");
        assert_eq!(data.y[[5, 1]], 112.0 / 255.0);
        assert!(data.y.column(2).iter().all(|value| *value > 0.99));
    }

    #[test]
    fn folders_that_are_no_film_are_refused() {
        let refusal = |dir: &Path| format!("{:#}", read(dir).unwrap_err());
        let dir = tempfile::tempdir().unwrap();
        assert!(refusal(dir.path()).contains("found no image"));
        grey(3, 2, 0).save(dir.path().join("a.png")).unwrap();
        grey(2, 3, 0).save(dir.path().join("b.png")).unwrap();
        assert_eq!(
            refusal(dir.path()),
            "b.png: found 2 × 3 pixels, expected 3 × 2 as in the first image"
        );
        std::fs::write(dir.path().join("b.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
        assert!(
            refusal(dir.path()).starts_with("b.png: cannot be decoded"),
            "{}",
            refusal(dir.path())
        );
        std::fs::remove_file(dir.path().join("b.png")).unwrap();
        grey(3, 2, 0).save(dir.path().join("a.pgm")).unwrap();
        // Sorted between the two.
        grey(3, 2, 0).save(dir.path().join("a.pn.pgm")).unwrap();
        assert!(refusal(dir.path()).contains("found two images named \"a\""));
    }
}
