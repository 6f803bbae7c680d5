//! The report as a whole.

use std::fs;
use std::path::Path;

use super::*;
use crate::output::result::{CrossSection, Heatmap};

fn drawn(data: &ReportData) -> Rendered {
    render(&sample::result(), data).unwrap()
}

fn names(rendered: &Rendered) -> Vec<&str> {
    rendered
        .figures
        .iter()
        .map(|figure| figure.name.as_str())
        .collect()
}

/// Parses the page as XML, which is stricter than HTML, and every figure too.
fn assert_well_formed(rendered: &Rendered) {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(&rendered.html, options).unwrap();
    for figure in &rendered.figures {
        roxmltree::Document::parse(&figure.svg).unwrap();
        assert!(figure.png.starts_with(b"\x89PNG"));
        for bad in ["NaN", "inf"] {
            let numbers = figure.svg.split("data:image").next().unwrap();
            assert!(!numbers.contains(bad), "{}: {bad}", figure.name);
        }
        assert!(
            rendered.html.contains(figure.svg.trim_end()),
            "{} is inlined",
            figure.name
        );
    }
}

/// Everything drawn lies on the page.
fn assert_nothing_clipped(figure: &Figure) {
    let font = draw::text::Font::load().unwrap();
    let xml = roxmltree::Document::parse(&figure.svg).unwrap();
    let page = numbers(xml.root_element(), "viewBox");
    for node in xml.descendants() {
        let (name, [left, top, right, bottom]) = match node.tag_name().name() {
            "text" => (written(node), text_box(node, &font)),
            "circle" => ("circle".into(), circle_box(node)),
            "polyline" | "polygon" => ("line".into(), line_box(node)),
            _ => continue,
        };
        let inside = left >= 0.0 && top >= 0.0 && right <= page[2] && bottom <= page[3];
        assert!(
            inside,
            "{}: {name} at {left} {top} to {right} {bottom}",
            figure.name
        );
    }
}

fn numbers(node: roxmltree::Node<'_, '_>, name: &str) -> Vec<f64> {
    let text = node.attribute(name).unwrap();
    text.split([' ', ','])
        .map(|number| number.parse().unwrap())
        .collect()
}

fn written(node: roxmltree::Node<'_, '_>) -> String {
    node.descendants()
        .filter(|part| part.is_text())
        .filter_map(|part| part.text())
        .collect()
}

/// From the font's widths and the anchor; scripts are taken as wide as plain text.
fn text_box(node: roxmltree::Node<'_, '_>, font: &draw::text::Font) -> [f64; 4] {
    let [x, y, size] = ["x", "y", "font-size"].map(|name| numbers(node, name)[0]);
    let length = font.width(&written(node), size);
    let before = match node.attribute("text-anchor") {
        Some("middle") => length / 2.0,
        Some("end") => length,
        _ => 0.0,
    };
    let (over, under) = (0.76 * size, 0.24 * size);
    match node.attribute("transform") {
        None => [x - before, y - over, x - before + length, y + under],
        Some(_) => [x - over, y + before - length, x + under, y + before],
    }
}

fn circle_box(node: roxmltree::Node<'_, '_>) -> [f64; 4] {
    let [x, y, r] = ["cx", "cy", "r"].map(|name| numbers(node, name)[0]);
    [x - r, y - r, x + r, y + r]
}

fn line_box(node: roxmltree::Node<'_, '_>) -> [f64; 4] {
    let all = numbers(node, "points");
    let along = |start: usize| all.iter().skip(start).step_by(2).copied();
    let (least, most) = (
        (f64::INFINITY, f64::min as fn(f64, f64) -> f64),
        (f64::NEG_INFINITY, f64::max as fn(f64, f64) -> f64),
    );
    let [left, top] = [0, 1].map(|start| along(start).fold(least.0, least.1));
    let [right, bottom] = [0, 1].map(|start| along(start).fold(most.0, most.1));
    [left, top, right, bottom]
}

#[test]
fn a_usual_report_has_every_figure() {
    let rendered = drawn(&sample::data());
    let all = [
        "singular-values",
        "gap",
        "residual",
        "cross-section",
        "observed",
        "recovered",
        "truth",
    ];
    assert_eq!(names(&rendered), all);
    assert_well_formed(&rendered);
    rendered.figures.iter().for_each(assert_nothing_clipped);
    assert!(rendered.html.contains(
        "proved to be within 3·10⁻¹⁰ (relative) of the flattest possible one. It is the only one."
    ));
}

#[test]
fn edge_cases_are_drawn_whole() {
    for (name, data) in sample::edge_cases() {
        let rendered = drawn(&data);
        assert!(!rendered.figures.is_empty(), "{name}");
        assert_well_formed(&rendered);
        rendered.figures.iter().for_each(assert_nothing_clipped);
    }
}

#[test]
fn nothing_to_draw_is_said() {
    let empty = Heatmap {
        shape: (0, 3),
        full_shape: (0, 3),
        values: vec![],
    };
    let unseen = Heatmap {
        shape: (1, 2),
        full_shape: (1, 2),
        values: vec![None, None],
    };
    let data = ReportData {
        singular_values: vec![0.0, 0.0],
        history: sample::history(&[(Some(1.0), Some(1.0), None)]),
        observed: Some(unseen),
        recovered: Some(empty),
        ..ReportData::default()
    };
    let rendered = drawn(&data);
    assert_eq!(names(&rendered), [""; 0]);
    assert_well_formed(&rendered);
    for reason in [
        "no singular value is positive",
        "are equal wherever both are known",
        "no record has a residual",
        "no known entry",
    ] {
        assert!(rendered.html.contains(reason), "{reason}");
    }
}

#[test]
fn the_page_asks_nobody_and_runs_nothing() {
    for (_, data) in sample::edge_cases() {
        let html = drawn(&data)
            .html
            .replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["http:", "https:", "<script", "<link", "@import", "url(", "src="] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn names_are_escaped() {
    let result = ResultFile {
        model: "<b>&".into(),
        status: Some("<i>".into()),
        ..sample::result()
    };
    let rendered = render(&result, &sample::data()).unwrap();
    assert_well_formed(&rendered);
    assert!(rendered.html.contains("ratings &lt;small&gt;.csv"));
    assert!(rendered.html.contains("&lt;b&gt;&amp;") && rendered.html.contains("“&lt;i&gt;”"));
}

#[test]
fn same_data_same_bytes() {
    assert_eq!(drawn(&sample::data()), drawn(&sample::data()));
}

#[test]
fn large_figures_stay_small_files() {
    for (name, data) in sample::edge_cases() {
        for figure in drawn(&data).figures {
            assert!(
                figure.svg.len() < 300_000,
                "{name}/{}: {}",
                figure.name,
                figure.svg.len()
            );
        }
    }
}

#[test]
fn contradictions_are_errors() {
    let mut data = sample::data();
    data.truth = Some(Heatmap {
        shape: (2, 2),
        full_shape: (2, 2),
        values: vec![None; 3],
    });
    assert_eq!(
        render(&sample::result(), &data).unwrap_err().to_string(),
        "`truth`: shape 2 × 2, but 3 values"
    );
    let mut data = sample::data();
    data.cross_section = Some(CrossSection {
        offsets: vec![0.0],
        ..CrossSection::default()
    });
    assert!(render(&sample::result(), &data).is_err());
}

#[test]
fn redrawing_gives_the_same_report() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("result.json"),
        serde_json::to_string(&sample::result()).unwrap(),
    )
    .unwrap();
    fs::write(
        dir.path().join("report.json"),
        serde_json::to_string(&sample::data()).unwrap(),
    )
    .unwrap();
    assert_eq!(redraw(dir.path()).unwrap(), drawn(&sample::data()));
}

#[test]
fn bad_files_are_named_with_the_place() {
    let dir = tempfile::tempdir().unwrap();
    let message = || redraw(dir.path()).unwrap_err().message();
    let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    assert!(message().contains("result.json: found nothing there"));
    put("result.json", "{\n \"model\": ?}");
    assert!(
        message().contains("result.json: expected value at line 2 column 11"),
        "{}",
        message()
    );
    put("result.json", "{}");
    assert!(message().contains("result.json: no `model`"));
    put("result.json", "{\"model\": \"sensing\"}");
    assert!(message().contains("report.json: found nothing there"));
    put(
        "report.json",
        "{\"recovered\": {\"shape\": [1, 2], \"full_shape\": [1, 2], \"values\": [0]}}",
    );
    assert!(
        message().contains("report.json: `recovered`: shape 1 × 2, but 1 values"),
        "{}",
        message()
    );
    assert!(!message().contains('\n'));
}

/// Every edge case is drawn; with `FLATMIN_GALLERY=DIR cargo test gallery` the pages are kept for the eye.
#[test]
fn gallery() {
    let kept = std::env::var("FLATMIN_GALLERY");
    let temporary = tempfile::tempdir().unwrap();
    let dir = kept.as_ref().map_or(temporary.path(), Path::new);
    write(&dir.join("usual"), &drawn(&sample::data()));
    for (name, data) in sample::edge_cases() {
        write(&dir.join(name), &drawn(&data));
        assert!(dir.join(name).join("report.html").is_file(), "{name}");
    }
}

fn write(dir: &Path, rendered: &Rendered) {
    fs::create_dir_all(dir.join("figures")).unwrap();
    fs::write(dir.join("report.html"), &rendered.html).unwrap();
    for figure in &rendered.figures {
        fs::write(dir.join(format!("figures/{}.svg", figure.name)), &figure.svg).unwrap();
        fs::write(dir.join(format!("figures/{}.png", figure.name)), &figure.png).unwrap();
    }
}
