//! A matrix as colours, with the bar that says what they mean.

use super::axis::{Axis, index_ticks};
use super::bar::{self, Bar};
use super::colour::{INK, viridis};
use super::hatch::{frame, hatch};
use super::legend::{self, Legend};
use super::scene::{Anchor, Item, Point, Raster, Rect, Scene, Stroke};
use super::text::Font;
use super::{COLUMN, HALF_DIGIT, TEXT};

const EDGE: f64 = 4.0;
const TICK: f64 = 3.0;
const ROW: f64 = 11.0;
/// Space between the picture and its bar.
const BAR_GAP: f64 = 10.0;
/// The bar is at least this high, however flat the matrix.
const BAR_HEIGHT: f64 = 70.0;
/// Sides of the picture: cells are square as far as these allow. The least width has room for three numbers.
const LEAST_WIDTH: f64 = 90.0;
const LEAST_HEIGHT: f64 = 24.0;
const GREATEST_HEIGHT: f64 = 230.0;
/// Pixels along the longer side of the image, at least: viewers that smooth images then do not blur cells.
const PIXELS: usize = 384;

pub(crate) struct HeatmapFigure<'a> {
    pub(crate) label: String,
    /// Rows and columns of cells; both positive, `values` row-major and as many.
    pub(crate) cells: (usize, usize),
    /// Rows and columns the axes count.
    pub(crate) counted: (usize, usize),
    pub(crate) values: &'a [Option<f64>],
    /// The common scale of all the maps.
    pub(crate) scale: &'a Axis,
    /// What a cell without a value means.
    pub(crate) missing: &'a str,
    /// Keep the legend's place even if every cell has a value, so that figures side by side line up.
    pub(crate) keep_place: bool,
}

/// Where the parts of a figure stand.
struct Layout {
    picture: Rect,
    bar: Rect,
    height: f64,
}

impl HeatmapFigure<'_> {
    pub(crate) fn draw(&self, font: &Font) -> Scene {
        let has_missing = self.values.iter().any(|value| finite(*value).is_none());
        let names = has_missing.then_some(self.missing);
        let legend = Legend::new(names.into_iter(), COLUMN, font);
        let layout = self.layout(legend.height(), font);
        let mut scene = Scene {
            width: COLUMN,
            height: layout.height,
            label: self.label.clone(),
            items: Vec::new(),
        };
        legend.draw(&mut scene, (layout.picture.x, EDGE), |scene, _, from, to| {
            swatch(scene, from, to)
        });
        self.draw_picture(&mut scene, &layout.picture, has_missing, font);
        self.bar().draw(&mut scene, &layout.bar, font);
        scene
    }

    fn layout(&self, legend_height: f64, font: &Font) -> Layout {
        let left = EDGE + ROW + index_width(self.counted.0, font) + TICK + 3.0;
        let right = BAR_GAP + self.bar().width(font) + EDGE;
        let kept = if self.keep_place { legend::ROW } else { 0.0 };
        let factor = if self.scale.factor().is_some() { ROW } else { 0.0 };
        let y = EDGE + 4.0 + legend_height.max(factor).max(kept);
        let (width, height) = self.sides(COLUMN - left - right);
        let picture = Rect {
            x: left,
            y,
            width,
            height,
        };
        let x = picture.right() + BAR_GAP;
        let bar = Rect {
            x,
            y,
            width: bar::WIDTH,
            height: height.max(BAR_HEIGHT),
        };
        let height = (picture.bottom() + TICK + 2.0 * ROW).max(bar.bottom()) + EDGE + 2.0;
        Layout { picture, bar, height }
    }

    /// Width and height of the picture in the room it has.
    fn sides(&self, room: f64) -> (f64, f64) {
        let (rows, columns) = (self.counted.0 as f64, self.counted.1 as f64);
        let cell = (room / columns).min(GREATEST_HEIGHT / rows);
        (
            (cell * columns).max(LEAST_WIDTH).min(room),
            (cell * rows).clamp(LEAST_HEIGHT, GREATEST_HEIGHT),
        )
    }

    fn draw_picture(&self, scene: &mut Scene, picture: &Rect, has_missing: bool, font: &Font) {
        if has_missing {
            hatch(scene, picture);
        }
        scene.items.push(Item::Image {
            area: *picture,
            raster: self.raster(),
        });
        frame(scene, picture);
        self.draw_row_numbers(scene, picture);
        self.draw_column_numbers(scene, picture, font);
    }

    fn draw_row_numbers(&self, scene: &mut Scene, picture: &Rect) {
        let count = self.counted.0;
        for row in index_ticks(count, ticks_along(picture.height, 22.0)) {
            let y = picture.y + picture.height * (row as f64 + 0.5) / count as f64;
            scene.line(
                vec![(picture.x - TICK, y), (picture.x, y)],
                Stroke::solid(INK, 0.5),
            );
            let at = (picture.x - TICK - 2.0, y + HALF_DIGIT * TEXT);
            scene.text(at, &row.to_string(), TEXT, Anchor::End);
        }
        scene.text_upwards((EDGE + TEXT, picture.y + picture.height / 2.0), "row", TEXT);
    }

    fn draw_column_numbers(&self, scene: &mut Scene, picture: &Rect, font: &Font) {
        let count = self.counted.1;
        let distance = index_width(count, font) + 14.0;
        for column in index_ticks(count, ticks_along(picture.width, distance)) {
            let x = picture.x + picture.width * (column as f64 + 0.5) / count as f64;
            scene.line(
                vec![(x, picture.bottom()), (x, picture.bottom() + TICK)],
                Stroke::solid(INK, 0.5),
            );
            let at = (x, picture.bottom() + TICK + ROW - 2.0);
            scene.text(at, &column.to_string(), TEXT, Anchor::Middle);
        }
        let at = (
            picture.x + picture.width / 2.0,
            picture.bottom() + TICK + 2.0 * ROW,
        );
        scene.text(at, "column", TEXT, Anchor::Middle);
    }

    fn bar(&self) -> Bar<'_> {
        Bar {
            scale: self.scale,
            map: viridis,
        }
    }

    /// The cells, each as a block of pixels; a cell without a value is transparent.
    fn raster(&self) -> Raster {
        let (rows, columns) = self.cells;
        let block = PIXELS.div_ceil(rows.max(columns)).max(1);
        let mut rgba = Vec::with_capacity(rows * columns * block * block * 4);
        for row in self.values.chunks(columns) {
            let line: Vec<u8> = row
                .iter()
                .flat_map(|value| self.pixel(*value).repeat(block))
                .collect();
            rgba.extend(line.repeat(block));
        }
        Raster {
            width: (columns * block) as u32,
            height: (rows * block) as u32,
            rgba,
        }
    }

    fn pixel(&self, value: Option<f64>) -> [u8; 4] {
        finite(value).map_or([0; 4], |value| opaque(self.scale.place(value)))
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn opaque(fraction: f64) -> [u8; 4] {
    let colour = viridis(fraction);
    [colour.0, colour.1, colour.2, 255]
}

/// Width of the greatest index, or of one as long.
fn index_width(count: usize, font: &Font) -> f64 {
    font.width(&count.to_string(), TEXT)
}

/// How many numbers fit along a side at the given distance.
fn ticks_along(length: f64, distance: f64) -> usize {
    (length / distance) as usize
}

/// The legend's sample of a cell without a value.
fn swatch(scene: &mut Scene, from: Point, to: Point) {
    let area = Rect {
        x: from.0,
        y: from.1 - 4.0,
        width: to.0 - from.0,
        height: 8.0,
    };
    hatch(scene, &area);
    frame(scene, &area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_without_a_value_are_transparent() {
        let scale = Axis::linear([0.0, 1.0], "").unwrap();
        let values = [Some(0.0), None, Some(f64::NAN), Some(1.0)];
        let shape = (2, 2);
        let figure = HeatmapFigure {
            label: String::new(),
            cells: shape,
            counted: shape,
            values: &values,
            scale: &scale,
            missing: "",
            keep_place: false,
        };
        let raster = figure.raster();
        let pixel = |row: u32, column: u32| {
            let at = ((row * raster.width + column) * 4) as usize;
            &raster.rgba[at..at + 4]
        };
        assert_eq!(pixel(0, 0), opaque(0.0));
        assert_eq!(pixel(0, raster.width - 1), [0; 4]);
        assert_eq!(pixel(raster.height - 1, 0), [0; 4]);
        assert_eq!(pixel(raster.height - 1, raster.width - 1), opaque(1.0));
    }
}
