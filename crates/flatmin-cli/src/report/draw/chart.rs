//! Lines and marks over two axes, and coloured tiles under them.

use super::axis::{Axis, Tick};
use super::bar::{self, Bar};
use super::colour::{Colour, GREY, GRID, INK, PAPER, VERMILION};
use super::hatch::hatch;
use super::legend::Legend;
use super::scene::{Anchor, Item, Point, Rect, Scene, Stroke};
use super::text::{Font, widest};
use super::{COLUMN, HALF_DIGIT, TEXT};

/// Height of the frame.
const FRAME_HEIGHT: f64 = 130.0;
const EDGE: f64 = 4.0;
const TICK: f64 = 3.0;
/// Between the frame and a colour bar.
const BAR_GAP: f64 = 8.0;
/// Height of a row of text.
const ROW: f64 = 11.0;
/// The most points drawn one by one; beyond, a line keeps the extremes of each of this many slices.
const SLICES: usize = 600;

/// What stands at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Disc,
    Ring,
    /// A triangle that points down, at the low end of a log axis: a zero.
    Zero,
}

pub(crate) struct Series {
    /// For the legend; an empty name is left out of it.
    pub(crate) name: String,
    pub(crate) colour: Colour,
    pub(crate) line: bool,
    pub(crate) dash: Option<(f64, f64)>,
    pub(crate) mark: Mark,
    /// In the order of x; points that are not finite break the line.
    pub(crate) points: Vec<Point>,
}

impl Series {
    /// A solid line without marks.
    pub(crate) fn line(name: impl Into<String>, colour: Colour, points: Vec<Point>) -> Self {
        Self {
            name: name.into(),
            colour,
            line: true,
            dash: None,
            mark: Mark::None,
            points,
        }
    }

    /// Marks without a line.
    pub(crate) fn marks(name: impl Into<String>, colour: Colour, mark: Mark, points: Vec<Point>) -> Self {
        Self {
            line: false,
            mark,
            ..Self::line(name, colour, points)
        }
    }

    /// The same line, dashed where there are lengths for it.
    pub(crate) fn dashed(self, dash: Option<(f64, f64)>) -> Self {
        Self { dash, ..self }
    }

    /// The same with marks at its points.
    pub(crate) fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    /// A dashed line without a name goes with a named one, as the edge of its band: thinner.
    fn stroke(&self) -> Stroke {
        let accompanies = self.name.is_empty() && self.dash.is_some();
        Stroke {
            colour: self.colour,
            width: if accompanies { 0.6 } else { 1.4 },
            dash: self.dash,
        }
    }
}

/// A rectangle of the plane, from (x, y) to (x, y).
pub(crate) struct Tile {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// `None`: hatched.
    pub(crate) fill: Option<Colour>,
    /// A small cross over it.
    pub(crate) crossed: bool,
}

#[derive(Default)]
pub(crate) struct Tiles<'a> {
    /// Painted in order, under the lines.
    pub(crate) tiles: Vec<Tile>,
    /// What their colours mean.
    pub(crate) bar: Option<Bar<'a>>,
}

pub(crate) struct Chart {
    pub(crate) label: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

impl Chart {
    pub(crate) fn draw(&self, font: &Font) -> Scene {
        self.draw_over(&Tiles::default(), font)
    }

    /// The chart over tiles.
    pub(crate) fn draw_over(&self, tiles: &Tiles<'_>, font: &Font) -> Scene {
        let named: Vec<&Series> = self
            .series
            .iter()
            .filter(|series| !series.name.is_empty())
            .collect();
        let left = EDGE + ROW + widest(self.y.labels(), font) + TICK + 4.0;
        let bar = tiles.bar.as_ref().map_or(0.0, |bar| BAR_GAP + bar.width(font));
        let right = EDGE + bar.max(self.overhang(font));
        let width = COLUMN - left - right;
        let legend = Legend::new(
            named.iter().map(|series| series.name.as_str()),
            COLUMN - left - EDGE,
            font,
        );
        let factor = if self.y.factor().is_some() { ROW } else { 0.0 };
        let top = EDGE + legend.height() + factor + 3.0;
        let frame = Rect {
            x: left,
            y: top,
            width,
            height: FRAME_HEIGHT,
        };
        let height = frame.bottom() + TICK + 2.0 * ROW + EDGE + 2.0;
        let mut scene = Scene {
            width: COLUMN,
            height,
            label: self.label.clone(),
            items: Vec::new(),
        };
        legend.draw(&mut scene, (left, EDGE), |scene, index, from, to| {
            sample(scene, named[index], from, to)
        });
        for tile in &tiles.tiles {
            self.draw_tile(&mut scene, &frame, tile);
        }
        if let Some(bar) = &tiles.bar {
            let area = Rect {
                x: frame.right() + BAR_GAP,
                width: bar::WIDTH,
                ..frame
            };
            bar.draw(&mut scene, &area, font);
        }
        self.draw_axes(&mut scene, &frame, tiles.tiles.is_empty());
        for series in &self.series {
            self.draw_series(&mut scene, &frame, series);
        }
        scene
    }

    /// How far the last label of the x axis may stick out of the frame on the right.
    fn overhang(&self, font: &Font) -> f64 {
        let half_widest = widest(self.x.labels(), font) / 2.0;
        let last = self.x.ticks.iter().map(|tick| tick.place).fold(0.0, f64::max);
        (half_widest - (1.0 - last) * COLUMN / 2.0).max(0.0)
    }

    fn draw_axes(&self, scene: &mut Scene, frame: &Rect, grid: bool) {
        for tick in &self.y.ticks {
            y_tick(scene, frame, tick, grid);
        }
        for tick in &self.x.ticks {
            x_tick(scene, frame, tick);
        }
        let bottom_left = (frame.x, frame.bottom());
        scene.line(
            vec![(frame.x, frame.y), bottom_left, (frame.right(), frame.bottom())],
            Stroke::solid(INK, 0.7),
        );
        let middle = (frame.x + frame.width / 2.0, frame.y + frame.height / 2.0);
        let baseline = frame.bottom() + TICK + 2.0 * ROW;
        scene.text((middle.0, baseline), &self.x.title, TEXT, Anchor::Middle);
        scene.text_upwards((EDGE + TEXT, middle.1), &self.y.title, TEXT);
        if let Some(factor) = self.y.factor() {
            scene.text((frame.x, frame.y - 5.0), &factor, TEXT, Anchor::Middle);
        }
        if let Some(factor) = self.x.factor() {
            scene.text((frame.right(), baseline), &factor, TEXT, Anchor::End);
        }
    }

    /// On the page.
    fn place(&self, frame: &Rect, (x, y): Point) -> Point {
        (
            frame.x + frame.width * self.x.place(x),
            frame.bottom() - frame.height * self.y.place(y),
        )
    }

    fn draw_tile(&self, scene: &mut Scene, frame: &Rect, tile: &Tile) {
        let (left, bottom) = self.place(frame, tile.from);
        let (right, top) = self.place(frame, tile.to);
        let area = Rect {
            x: left,
            y: top,
            width: right - left,
            height: bottom - top,
        };
        match tile.fill {
            // The outline closes the seam that viewers leave between neighbours.
            Some(colour) => scene.items.push(Item::Polygon {
                points: area.corners(),
                fill: colour,
                stroke: Some(Stroke::solid(colour, 0.3)),
            }),
            None => hatch(scene, &area),
        }
        if tile.crossed {
            let (x, y) = (left + area.width / 2.0, top + area.height / 2.0);
            let arm = (area.width.min(area.height) / 4.0).min(2.5);
            for sign in [-1.0, 1.0] {
                let points = vec![(x - arm, y - sign * arm), (x + arm, y + sign * arm)];
                scene.line(points, Stroke::solid(VERMILION, 0.8));
            }
        }
    }

    fn draw_series(&self, scene: &mut Scene, frame: &Rect, series: &Series) {
        let place = |point: &Point| self.place(frame, *point);
        let finite = |point: &&Point| point.0.is_finite() && point.1.is_finite();
        if series.line {
            for stretch in series.points.split(|point| !finite(&point)) {
                draw_stretch(scene, series, stretch.iter().map(place).collect());
            }
        }
        let radius = if series.points.len() > 60 { 1.1 } else { 1.9 };
        let marks = thinned(series.points.iter().filter(finite).map(place).collect());
        for at in marks {
            draw_mark(scene, series.mark, at, radius, series.colour);
        }
    }
}

fn y_tick(scene: &mut Scene, frame: &Rect, tick: &Tick, grid: bool) {
    let y = frame.bottom() - tick.place * frame.height;
    let length = if tick.label.is_some() { TICK } else { TICK / 2.0 };
    if let Some(label) = &tick.label {
        if grid {
            scene.line(vec![(frame.x, y), (frame.right(), y)], Stroke::solid(GRID, 0.5));
        }
        scene.text(
            (frame.x - TICK - 2.0, y + HALF_DIGIT * TEXT),
            label,
            TEXT,
            Anchor::End,
        );
    }
    scene.line(vec![(frame.x - length, y), (frame.x, y)], Stroke::solid(INK, 0.5));
}

fn x_tick(scene: &mut Scene, frame: &Rect, tick: &Tick) {
    let x = frame.x + tick.place * frame.width;
    let length = if tick.label.is_some() { TICK } else { TICK / 2.0 };
    scene.line(
        vec![(x, frame.bottom()), (x, frame.bottom() + length)],
        Stroke::solid(INK, 0.5),
    );
    if let Some(label) = &tick.label {
        scene.text(
            (x, frame.bottom() + TICK + ROW - 2.0),
            label,
            TEXT,
            Anchor::Middle,
        );
    }
}

/// A line between holes; a lone point makes no line, so it gets a mark.
fn draw_stretch(scene: &mut Scene, series: &Series, points: Vec<Point>) {
    match points[..] {
        [] => {}
        [at] => draw_mark(scene, Mark::Disc, at, 1.1, series.colour),
        _ => scene.line(thinned(points), series.stroke()),
    }
}

fn sample(scene: &mut Scene, series: &Series, from: Point, to: Point) {
    if series.line {
        scene.line(vec![from, to], series.stroke());
    }
    draw_mark(
        scene,
        series.mark,
        ((from.0 + to.0) / 2.0, from.1),
        1.9,
        series.colour,
    );
}

fn draw_mark(scene: &mut Scene, mark: Mark, at: Point, radius: f64, colour: Colour) {
    let outline = Some(Stroke::solid(colour, 0.8));
    match mark {
        Mark::None => {}
        Mark::Disc => scene.items.push(Item::Circle {
            centre: at,
            radius,
            fill: colour,
            stroke: None,
        }),
        Mark::Ring => scene.items.push(Item::Circle {
            centre: at,
            radius,
            fill: PAPER,
            stroke: outline,
        }),
        Mark::Zero => {
            let (half, height) = (radius * 1.3, radius * 2.2);
            let points = vec![(at.0 - half, at.1 - height), (at.0 + half, at.1 - height), at];
            scene.items.push(Item::Polygon {
                points,
                fill: PAPER,
                stroke: Some(Stroke::solid(GREY, 0.8)),
            });
        }
    }
}

/// Of very many points, the first, lowest, highest and last of each slice: the same picture in far fewer bytes.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= 4 * SLICES {
        return points;
    }
    points
        .chunks(points.len().div_ceil(SLICES))
        .flat_map(corners)
        .collect()
}

fn corners(slice: &[Point]) -> Vec<Point> {
    let by_height = |a: &usize, b: &usize| slice[*a].1.total_cmp(&slice[*b].1);
    let lowest = (0..slice.len()).min_by(by_height).unwrap_or(0);
    let highest = (0..slice.len()).max_by(by_height).unwrap_or(0);
    let mut kept = vec![0, lowest, highest, slice.len().saturating_sub(1)];
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter()
        .filter_map(|index| slice.get(index).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut points: Vec<Point> = (0..10_000).map(|i| (f64::from(i), 0.5)).collect();
        points[4321].1 = 9.0;
        points[4322].1 = -9.0;
        let kept = thinned(points.clone());
        assert!(kept.len() <= 4 * SLICES);
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
        for index in [0, 4321, 4322, 9_999] {
            assert!(kept.contains(&points[index]));
        }
    }
}
