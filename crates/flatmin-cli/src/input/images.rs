//! A folder of images as a matrix: one frame a file, in the order of their names, each a column of grey values from 0 to 1,
//! pixels row after row.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use image::{GenericImageView as _, ImageReader};
use ndarray::Array2;

use super::instance::{Frames, RobustData};
use crate::memory::Free;

/// The endings of names that are taken for images.
const ENDINGS: [&str; 5] = ["png", "pgm", "pnm", "jpg", "jpeg"];

pub(super) fn read(folder: &Path) -> Result<RobustData> {
    let files = image_files(folder)?;
    ensure!(
        !files.is_empty(),
        "found no image, expected files whose names end in .png, .pgm, .pnm, .jpg or .jpeg"
    );
    let mut pixels: Vec<f64> = Vec::new();
    let (mut size, free) = (None, Free::now());
    for path in &files {
        let shown = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let image = decode(path).with_context(|| shown.clone())?;
        let (expected, found) = (*size.get_or_insert(image.dimensions()), image.dimensions());
        ensure!(
            found == expected,
            "{shown}: found {} × {} pixels, expected {} × {} as in the first image",
            found.0,
            found.1,
            expected.0,
            expected.1
        );
        ensure!(
            found.0 > 0 && found.1 > 0,
            "{shown}: found {} × {} pixels, expected at least one",
            found.0,
            found.1
        );
        let (width, height) = (u64::from(found.0), u64::from(found.1));
        let bytes = (2 * size_of::<f64>() * files.len()) as u64;
        free.holds(bytes.saturating_mul(width * height), || {
            format!("{} images of {width} × {height} pixels", files.len())
        })?;
        // Of 16 bits: 8-bit values come out as v/255 exactly.
        let grey = image.to_luma16();
        pixels.extend(grey.as_raw().iter().map(|value| f64::from(*value) / 65535.0));
    }
    let (width, height) = size.unwrap_or((0, 0));
    let frames = Array2::from_shape_vec((files.len(), width as usize * height as usize), pixels)?;
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
        y: frames.t().as_standard_layout().into_owned(),
        truth: None,
        frames: Some(Frames { names, width, height }),
    })
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
    // The decoder's own messages may span lines.
    reader.decode().map_err(|error| {
        let text = error.to_string();
        anyhow!("cannot be decoded: {}", text.lines().next().unwrap_or_default())
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
