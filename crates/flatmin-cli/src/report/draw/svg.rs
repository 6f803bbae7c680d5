//! A scene as a self-contained SVG. Text stays text: it can be selected, searched and edited.

use std::fmt::Write as _;

use base64::Engine as _;

use super::colour::Colour;
use super::scene::{Anchor, Item, Point, Raster, Rect, Scene, Stroke, Text};
use super::text::runs;
use crate::report::html::escape;

const FAMILY: &str = "DejaVu Sans Condensed, Arial, Helvetica, Liberation Sans, sans-serif";

pub(crate) fn print(scene: &Scene) -> anyhow::Result<String> {
    let (width, height, label) = (number(scene.width), number(scene.height), escape(&scene.label));
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" font-family="{FAMILY}" fill="none">"#
    );
    let _ = write!(out, r##"<rect width="{width}" height="{height}" fill="#fff"/>"##);
    for item in &scene.items {
        out.push('\n');
        out.push_str(&shape(item)?);
    }
    out.push_str("\n</svg>\n");
    Ok(out)
}

fn shape(item: &Item) -> anyhow::Result<String> {
    Ok(match item {
        Item::Line { points, stroke } => {
            format!(
                r#"<polyline points="{}"{}/>"#,
                coordinates(points),
                stroke_attributes(Some(stroke))
            )
        }
        Item::Polygon { points, fill, stroke } => format!(
            r#"<polygon points="{}" fill="{}"{}/>"#,
            coordinates(points),
            hex(*fill),
            stroke_attributes(stroke.as_ref())
        ),
        Item::Circle {
            centre,
            radius,
            fill,
            stroke,
        } => format!(
            r#"<circle cx="{}" cy="{}" r="{}" fill="{}"{}/>"#,
            number(centre.0),
            number(centre.1),
            number(*radius),
            hex(*fill),
            stroke_attributes(stroke.as_ref())
        ),
        Item::Text(text) => text_element(text),
        Item::Image { area, raster } => image(area, raster)?,
    })
}

fn text_element(text: &Text) -> String {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => r#" text-anchor="middle""#,
        Anchor::End => r#" text-anchor="end""#,
    };
    let turn = if text.upwards {
        format!(r#" transform="rotate(-90 {x} {y})""#)
    } else {
        String::new()
    };
    let ink = hex(super::colour::INK);
    let size = number(text.size);
    format!(
        r#"<text x="{x}" y="{y}" font-size="{size}" fill="{ink}"{anchor}{turn}>{}</text>"#,
        spans(text)
    )
}

/// The runs; each raised or lowered one moves the baseline and the next one moves it back.
fn spans(text: &Text) -> String {
    let mut out = String::new();
    let mut baseline = 0.0;
    for run in runs(&text.content) {
        let content = escape(&run.text);
        if run.raise == baseline && run.scale == 1.0 {
            out.push_str(&content);
        } else {
            let (shift, size) = (
                number((baseline - run.raise) * text.size),
                number(run.scale * text.size),
            );
            let _ = write!(out, r#"<tspan dy="{shift}" font-size="{size}">{content}</tspan>"#);
        }
        baseline = run.raise;
    }
    out
}

fn image(area: &Rect, raster: &Raster) -> anyhow::Result<String> {
    let data = base64::engine::general_purpose::STANDARD.encode(super::png::encode(raster)?);
    Ok(format!(
        r#"<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>"#,
        number(area.x),
        number(area.y),
        number(area.width),
        number(area.height)
    ))
}

fn stroke_attributes(stroke: Option<&Stroke>) -> String {
    let Some(stroke) = stroke else {
        return String::new();
    };
    let mut out = format!(
        r#" stroke="{}" stroke-width="{}""#,
        hex(stroke.colour),
        number(stroke.width)
    );
    if let Some((dash, space)) = stroke.dash {
        let _ = write!(out, r#" stroke-dasharray="{} {}""#, number(dash), number(space));
    }
    if stroke.width > 1.0 {
        out.push_str(r#" stroke-linejoin="round""#);
    }
    out
}

fn coordinates(points: &[Point]) -> String {
    let pairs: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", number(*x), number(*y)))
        .collect();
    pairs.join(" ")
}

fn hex(Colour(r, g, b): Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Two decimals are 1/100 pt, finer than any printer; zeros at the end are dropped.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [number(1.0), number(-0.001), number(2.345), number(10.5)],
            ["1", "0", "2.35", "10.5"]
        );
    }

    #[test]
    fn text_is_escaped_and_returns_to_the_baseline() {
        let mut scene = Scene {
            width: 10.0,
            height: 10.0,
            label: "a<b & \"c\"".into(),
            items: vec![],
        };
        scene.text((0.0, 5.0), "x^{<2>} & y", 8.0, Anchor::End);
        let svg = print(&scene).unwrap();
        assert!(svg.contains("aria-label=\"a&lt;b &amp; &quot;c&quot;\""), "{svg}");
        let xml = roxmltree::Document::parse(&svg).unwrap();
        let shifts: f64 = xml
            .descendants()
            .filter_map(|n| n.attribute("dy"))
            .map(|dy| dy.parse::<f64>().unwrap())
            .sum();
        assert_eq!(shifts, 0.0);
    }
}
