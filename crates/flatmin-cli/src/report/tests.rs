//! The report as a whole.

use std::fs;
use std::path::Path;

use super::*;
use crate::output::result::{CrossSection, Heatmap, HistoryRow};

fn drawn(data: &ReportData) -> Rendered {
    render(&sample::result(), data).unwrap()
}

fn names(rendered: &Rendered) -> Vec<&str> {
    rendered.figures.iter().map(|figure| figure.name).collect()
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

/// Everything drawn lies on the page: with a text's start and end taken from its anchor.
fn assert_nothing_clipped(figure: &Figure) {
    let font = draw::text::Font::load().unwrap();
    let xml = roxmltree::Document::parse(&figure.svg).unwrap();
    let size: Vec<f64> = xml
        .root_element()
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| {
        node.attribute(name).unwrap().parse::<f64>().unwrap()
    };
    for text in xml.descendants().filter(|node| node.has_tag_name("text")) {
        let content: String = text
            .descendants()
            .filter_map(|node| node.is_text().then(|| node.text())?)
            .collect();
        let length = font.width(&content, number(text, "font-size"));
        let before = match text.attribute("text-anchor") {
            Some("middle") => length / 2.0,
            Some("end") => length,
            _ => 0.0,
        };
        let (place, room) = match text.attribute("transform") {
            Some(_) => (size[3] - number(text, "y"), size[3]),
            None => (number(text, "x"), size[2]),
        };
        let (start, end) = (place - before, place - before + length);
        assert!(
            start >= 0.0 && end <= room,
            "{}: “{content}” from {start} to {end} of {room}",
            figure.name
        );
        assert!(
            (8.0..=size[3]).contains(&number(text, "y")) || text.attribute("transform").is_some()
        );
    }
}

fn history(rows: &[(Option<f64>, Option<f64>, Option<f64>)]) -> Vec<HistoryRow> {
    let row = |(iteration, &(value, lower_bound, residual))| HistoryRow {
        iteration,
        value,
        lower_bound,
        residual,
        ..HistoryRow::default()
    };
    rows.iter().enumerate().map(row).collect()
}

fn scaled(map: Heatmap, factor: f64) -> Heatmap {
    Heatmap {
        values: map
            .values
            .iter()
            .map(|value| value.map(|value| value * factor))
            .collect(),
        ..map
    }
}

/// Data at the edges of what may come, each with a name.
fn edge_cases() -> Vec<(&'static str, ReportData)> {
    let full = |_, _| true;
    let some = |i: usize, j: usize| (i * 31 + j * 17) % 5 < 2;
    let one = ReportData {
        singular_values: vec![2.0],
        history: history(&[(Some(1.0), Some(0.5), Some(1e-3))]),
        cross_section: Some(CrossSection {
            offsets: vec![0.0],
            flat: vec![0.0],
            sharp: vec![0.0],
            trace_ratio: 1.0,
        }),
        recovered: Some(sample::heatmap(1, 1, full)),
        ..ReportData::default()
    };
    let equal = ReportData {
        singular_values: vec![7.0; 5],
        history: history(&[(Some(2.0), Some(1.0), Some(0.1)); 5]),
        recovered: Some(Heatmap {
            shape: (3, 4),
            full_shape: (3, 4),
            values: vec![Some(-4.0); 12],
        }),
        ..ReportData::default()
    };
    let wild = ReportData {
        source: String::new(),
        singular_values: vec![1e300, 1.0, 1e-300, 0.0, f64::NAN],
        history: history(&[
            (Some(1e300), Some(-1e300), Some(1e300)),
            (Some(1.0), Some(2.0), None),
            (Some(1.0), Some(1.0), Some(0.0)),
            (Some(1.0), Some(1.0 - 1e-16), Some(1e-300)),
        ]),
        cross_section: Some(CrossSection {
            offsets: vec![-1e-300, 0.0, 1e-300],
            flat: vec![1e300, 0.0, 1e300],
            sharp: vec![f64::MAX, 0.0, f64::INFINITY],
            trace_ratio: 1e280,
        }),
        observed: Some(scaled(sample::heatmap(4, 9, some), 1e300)),
        recovered: Some(scaled(sample::heatmap(4, 9, full), -1e-300)),
        truth: None,
    };
    let (wide, tall) = (sample::heatmap(1, 200, some), sample::heatmap(200, 1, some));
    let long = ReportData {
        observed: Some(wide),
        recovered: Some(tall),
        ..ReportData::default()
    };
    let averaged = Heatmap {
        full_shape: (138_493, 26_744),
        ..sample::heatmap(256, 200, some)
    };
    let large = ReportData {
        source: "a & b \"<script>alert(1)</script>\" 'ü'\u{7}".into(),
        singular_values: (0..200)
            .map(|i| 100.0 * (-0.1 * f64::from(i)).exp())
            .collect(),
        history: (0..20_000)
            .flat_map(|_| history(&[(Some(3.0), Some(1.0), Some(0.1))]))
            .enumerate()
            .map(late)
            .collect(),
        observed: Some(scaled(averaged, 1e5)),
        ..ReportData::default()
    };
    vec![
        ("one", one),
        ("equal", equal),
        ("wild", wild),
        ("long", long),
        ("large", large),
    ]
}

fn late((iteration, row): (usize, HistoryRow)) -> HistoryRow {
    let residual = Some((-(iteration as f64) / 1000.0).exp());
    HistoryRow {
        iteration,
        residual,
        lower_bound: residual.map(|r| 3.0 - r),
        ..row
    }
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
    for (name, data) in edge_cases() {
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
        history: history(&[(Some(1.0), Some(1.0), None)]),
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
    for (_, data) in edge_cases() {
        let html = drawn(&data)
            .html
            .replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in [
            "http:", "https:", "<script", "<link", "@import", "url(", "src=",
        ] {
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
    for (name, data) in edge_cases() {
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
    let message = || format!("{:#}", redraw(dir.path()).unwrap_err());
    let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    assert!(message().contains("result.json: no such file"));
    put("result.json", "{\n \"model\": ?}");
    assert!(
        message().contains("result.json: expected value at line 2 column 11"),
        "{}",
        message()
    );
    put("result.json", "{}");
    assert!(message().contains("result.json: no `model`"));
    put("result.json", "{\"model\": \"sensing\"}");
    assert!(message().contains("report.json: no such file"));
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

/// For the eye: `FLATMIN_GALLERY=DIR cargo test gallery -- --ignored` writes reports to look at.
#[test]
#[ignore = "writes files"]
fn gallery() {
    let dir = std::env::var("FLATMIN_GALLERY").unwrap();
    write(&Path::new(&dir).join("usual"), &drawn(&sample::data()));
    for (name, data) in edge_cases() {
        write(&Path::new(&dir).join(name), &drawn(&data));
    }
}

fn write(dir: &Path, rendered: &Rendered) {
    fs::create_dir_all(dir.join("figures")).unwrap();
    fs::write(dir.join("report.html"), &rendered.html).unwrap();
    for figure in &rendered.figures {
        fs::write(
            dir.join(format!("figures/{}.svg", figure.name)),
            &figure.svg,
        )
        .unwrap();
        fs::write(
            dir.join(format!("figures/{}.png", figure.name)),
            &figure.png,
        )
        .unwrap();
    }
}
