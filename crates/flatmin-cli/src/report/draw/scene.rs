//! A picture as a list of shapes, in points (1/72 inch), y downwards. One picture, two printers: `svg` and `png`.

use super::colour::Colour;

/// A point of the page, in points.
pub(crate) type Point = (f64, f64);

/// A rectangle of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The four corners, clockwise from the top left.
    pub(crate) fn corners(&self) -> Vec<Point> {
        let (right, bottom) = (self.right(), self.bottom());
        vec![
            (self.x, self.y),
            (right, self.y),
            (right, bottom),
            (self.x, bottom),
        ]
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    /// Lengths of dash and space; `None` is a solid line.
    pub(crate) dash: Option<(f64, f64)>,
}

impl Stroke {
    pub(crate) fn solid(colour: Colour, width: f64) -> Self {
        Self {
            colour,
            width,
            dash: None,
        }
    }
}

/// Which point of a text its position means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text; `content` may hold `^{…}` and `_{…}` (see `text`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    /// On the baseline.
    pub(crate) at: Point,
    pub(crate) content: String,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    /// Reads upwards instead of rightwards.
    pub(crate) upwards: bool,
}

/// Pixels, row-major RGBA; alpha is 0 or 255.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raster {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgba: Vec<u8>,
}

/// One shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Line {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Polygon {
        points: Vec<Point>,
        fill: Colour,
        stroke: Option<Stroke>,
    },
    Circle {
        centre: Point,
        radius: f64,
        fill: Colour,
        stroke: Option<Stroke>,
    },
    Text(Text),
    Image {
        area: Rect,
        raster: Raster,
    },
}

/// A whole picture on white.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// What it shows, for those who cannot see it.
    pub(crate) label: String,
    /// Painted in order.
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        self.items.push(Item::Line { points, stroke });
    }

    pub(crate) fn fill(&mut self, points: Vec<Point>, fill: Colour) {
        self.items.push(Item::Polygon {
            points,
            fill,
            stroke: None,
        });
    }

    pub(crate) fn text(&mut self, at: Point, content: &str, size: f64, anchor: Anchor) {
        let content = content.to_owned();
        self.items.push(Item::Text(Text {
            at,
            content,
            size,
            anchor,
            upwards: false,
        }));
    }

    pub(crate) fn text_upwards(&mut self, at: Point, content: &str, size: f64) {
        let content = content.to_owned();
        self.items.push(Item::Text(Text {
            at,
            content,
            size,
            anchor: Anchor::Middle,
            upwards: true,
        }));
    }
}
