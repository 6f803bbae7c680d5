//! The bar beside a picture that says what its colours mean.

use super::axis::Axis;
use super::colour::{Colour, INK};
use super::hatch::frame;
use super::scene::{Anchor, Item, Raster, Rect, Scene, Stroke};
use super::text::{Font, widest};
use super::{HALF_DIGIT, TEXT};

/// Of the coloured part.
pub(crate) const WIDTH: f64 = 8.0;
const TICK: f64 = 3.0;
/// Height of a row of text.
const ROW: f64 = 11.0;

/// A scale and the colours of its fractions.
pub(crate) struct Bar<'a> {
    pub(crate) scale: &'a Axis,
    pub(crate) map: fn(f64) -> Colour,
}

impl Bar<'_> {
    /// With its labels and title.
    pub(crate) fn width(&self, font: &Font) -> f64 {
        WIDTH + TICK + 3.0 + widest(self.scale.labels(), font) + 3.0 + ROW
    }

    /// Into `area`, which is the coloured part; the labels stand to its right.
    pub(crate) fn draw(&self, scene: &mut Scene, area: &Rect, font: &Font) {
        scene.items.push(Item::Image {
            area: *area,
            raster: self.raster(),
        });
        frame(scene, area);
        for tick in &self.scale.ticks {
            let y = area.bottom() - tick.place * area.height;
            let length = if tick.label.is_some() { TICK } else { TICK / 2.0 };
            scene.line(
                vec![(area.right(), y), (area.right() + length, y)],
                Stroke::solid(INK, 0.5),
            );
            let at = (area.right() + TICK + 2.0, y + HALF_DIGIT * TEXT);
            scene.text(at, tick.label.as_deref().unwrap_or_default(), TEXT, Anchor::Start);
        }
        let x = area.right() + TICK + 3.0 + widest(self.scale.labels(), font) + 2.0 + TEXT;
        scene.text_upwards((x, area.y + area.height / 2.0), &self.scale.title, TEXT);
        if let Some(factor) = self.scale.factor() {
            scene.text((area.x, area.y - 6.0), &factor, TEXT, Anchor::Start);
        }
    }

    /// One pixel wide, the high end on top.
    fn raster(&self) -> Raster {
        let pixel = |level: i32| {
            let colour = (self.map)(f64::from(level) / 255.0);
            [colour.0, colour.1, colour.2, 255]
        };
        Raster {
            width: 1,
            height: 256,
            rgba: (0..256).rev().flat_map(pixel).collect(),
        }
    }
}
