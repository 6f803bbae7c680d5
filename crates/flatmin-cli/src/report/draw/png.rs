//! A scene as a PNG at 288 dots an inch, and rasters as PNG for inlining.

use anyhow::Context as _;
use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint,
    StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::colour::Colour;
use super::scene::{Anchor, Item, Point, Raster, Rect, Scene, Stroke, Text};
use super::text::{Font, runs};

/// Pixels a point: 288 dpi, 1020 pixels across a 9 cm column.
const SCALE: f32 = 4.0;

pub(crate) fn print(scene: &Scene, font: &Font) -> anyhow::Result<Vec<u8>> {
    let pixels = |length: f64| (length as f32 * SCALE).ceil() as u32;
    let mut page = Pixmap::new(pixels(scene.width), pixels(scene.height)).context("a figure of no size")?;
    page.fill(Color::WHITE);
    for item in &scene.items {
        paint(&mut page, item, font)?;
    }
    Ok(page.encode_png()?)
}

/// The pixels of a raster as a PNG.
pub(crate) fn encode(raster: &Raster) -> anyhow::Result<Vec<u8>> {
    Ok(pixmap(raster)?.encode_png()?)
}

/// Alpha is 0 or 255, so the premultiplied colours are the colours themselves or zero.
fn pixmap(raster: &Raster) -> anyhow::Result<Pixmap> {
    let mut out = Pixmap::new(raster.width, raster.height).context("an image of no size")?;
    anyhow::ensure!(
        out.data().len() == raster.rgba.len(),
        "an image of the wrong size"
    );
    out.data_mut().copy_from_slice(&raster.rgba);
    Ok(out)
}

fn paint(page: &mut Pixmap, item: &Item, font: &Font) -> anyhow::Result<()> {
    match item {
        Item::Line { points, stroke } => draw(page, polyline(points, false), None, Some(stroke)),
        Item::Polygon { points, fill, stroke } => {
            draw(page, polyline(points, true), Some(*fill), stroke.as_ref());
        }
        Item::Circle {
            centre,
            radius,
            fill,
            stroke,
        } => {
            let path = PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
            draw(page, path, Some(*fill), stroke.as_ref());
        }
        Item::Text(text) => paint_text(page, text, font),
        Item::Image { area, raster } => paint_image(page, area, raster)?,
    }
    Ok(())
}

/// Fills, then strokes; a path of no extent has nothing to paint.
fn draw(page: &mut Pixmap, path: Option<Path>, fill: Option<Colour>, stroke: Option<&Stroke>) {
    let Some(path) = path else { return };
    let scale = Transform::from_scale(SCALE, SCALE);
    if let Some(colour) = fill {
        page.fill_path(&path, &ink(colour), FillRule::Winding, scale, None);
    }
    if let Some(stroke) = stroke {
        page.stroke_path(&path, &ink(stroke.colour), &pen(stroke), scale, None::<&Mask>);
    }
}

fn pen(stroke: &Stroke) -> tiny_skia::Stroke {
    let dash = stroke
        .dash
        .and_then(|(dash, space)| StrokeDash::new(vec![dash as f32, space as f32], 0.0));
    let line_join = if stroke.width > 1.0 {
        LineJoin::Round
    } else {
        LineJoin::Miter
    };
    tiny_skia::Stroke {
        width: stroke.width as f32,
        line_cap: LineCap::Butt,
        line_join,
        dash,
        ..Default::default()
    }
}

fn ink(Colour(r, g, b): Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, 255);
    paint
}

fn polyline(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0 as f32, first.1 as f32);
    for point in rest {
        path.line_to(point.0 as f32, point.1 as f32);
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn paint_image(page: &mut Pixmap, area: &Rect, raster: &Raster) -> anyhow::Result<()> {
    let image = pixmap(raster)?;
    let stretch = |length: f64, pixels: u32| length as f32 * SCALE / pixels as f32;
    let place = Transform::from_scale(
        stretch(area.width, raster.width),
        stretch(area.height, raster.height),
    )
    .post_translate(area.x as f32 * SCALE, area.y as f32 * SCALE);
    let nearest = PixmapPaint {
        quality: FilterQuality::Nearest,
        ..PixmapPaint::default()
    };
    page.draw_pixmap(0, 0, image.as_ref(), &nearest, place, None);
    Ok(())
}

fn paint_text(page: &mut Pixmap, text: &Text, font: &Font) {
    let length = font.width(&text.content, text.size);
    let mut pen = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -length / 2.0,
        Anchor::End => -length,
    };
    let turn = if text.upwards {
        Transform::from_rotate(-90.0)
    } else {
        Transform::identity()
    };
    let place = turn
        .post_translate(text.at.0 as f32, text.at.1 as f32)
        .post_concat(Transform::from_scale(SCALE, SCALE));
    for run in runs(&text.content) {
        let size = text.size * run.scale;
        if let Some(path) = outline(font, &run.text, (pen, -run.raise * text.size), size) {
            page.fill_path(&path, &ink(super::colour::INK), FillRule::Winding, place, None);
        }
        pen += font.run_width(&run, text.size);
    }
}

/// The outlines of a run's glyphs, from `start` along its baseline.
fn outline(font: &Font, text: &str, start: Point, size: f64) -> Option<Path> {
    let scale = size / f64::from(font.face.units_per_em());
    let mut pen = GlyphPen {
        path: PathBuilder::new(),
        x: start.0 as f32,
        y: start.1 as f32,
        scale: scale as f32,
    };
    for character in text.chars() {
        if let Some(glyph) = font.face.glyph_index(character) {
            font.face.outline_glyph(glyph, &mut pen);
        }
        pen.x += (font.advance(character) * size) as f32;
    }
    pen.path.finish()
}

/// Moves a glyph's outline (font units, y upwards) to the page.
struct GlyphPen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl GlyphPen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for GlyphPen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
