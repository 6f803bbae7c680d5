//! The line above a figure's frame that says which mark means what.

use super::scene::{Anchor, Point, Scene};
use super::text::Font;
use super::{HALF_DIGIT, TEXT};

/// Height of one row of the legend.
pub(crate) const ROW: f64 = 12.0;
/// Width of the sample before a name, and the spaces behind it and behind the name.
const SAMPLE: f64 = 16.0;
const AFTER_SAMPLE: f64 = 4.0;
const AFTER_NAME: f64 = 12.0;

/// Names laid out in rows from the left, as many a row as fit.
pub(crate) struct Legend<'a> {
    entries: Vec<(&'a str, Point)>,
    pub(crate) rows: usize,
}

impl<'a> Legend<'a> {
    /// `width` is what a row may take; a name wider than that stands alone.
    pub(crate) fn new(names: impl Iterator<Item = &'a str>, width: f64, font: &Font) -> Self {
        let (mut x, mut row) = (0.0, 0);
        let mut entries = Vec::new();
        for name in names {
            let length = SAMPLE + AFTER_SAMPLE + font.width(name, TEXT);
            if x > 0.0 && x + length > width {
                (x, row) = (0.0, row + 1);
            }
            entries.push((name, (x, row as f64 * ROW)));
            x += length + AFTER_NAME;
        }
        let rows = if entries.is_empty() { 0 } else { row + 1 };
        Self { entries, rows }
    }

    pub(crate) fn height(&self) -> f64 {
        self.rows as f64 * ROW
    }

    /// Writes the names; `sample(scene, entry, left, right)` draws what stands before each, on the line between the points.
    pub(crate) fn draw(
        &self,
        scene: &mut Scene,
        corner: Point,
        mut sample: impl FnMut(&mut Scene, usize, Point, Point),
    ) {
        for (index, (name, (x, y))) in self.entries.iter().enumerate() {
            let (x, middle) = (corner.0 + x, corner.1 + y + ROW / 2.0);
            sample(scene, index, (x, middle), (x + SAMPLE, middle));
            let baseline = middle + HALF_DIGIT * TEXT;
            scene.text((x + SAMPLE + AFTER_SAMPLE, baseline), name, TEXT, Anchor::Start);
        }
    }
}
