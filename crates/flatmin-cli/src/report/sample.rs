//! Made-up runs for the tests.

use crate::output::result::{CrossSection, Heatmap, HistoryRow, ReportData, ResultFile, VectorPicture};

/// A certified, unique, flat and exact solution.
pub(crate) fn result() -> ResultFile {
    ResultFile {
        model: "completion".into(),
        objective: "flat".into(),
        fit: "exact".into(),
        shape: (30, 30),
        measurements: 450,
        rank: 2,
        status: Some("certified".into()),
        value: Some(1.234_567_89),
        lower_bound: Some(1.234_567_889_6),
        gap: Some(3.0e-10),
        scaled_trace: Some(2222.2),
        trace: Some(66666.0),
        trace_left: Some(33333.0),
        trace_right: Some(33333.0),
        excess_flatness: Some(3.0e-10),
        residual: Some(2.0e-12),
        unique: Some(true),
        unique_margin: Some(0.31),
        balancedness: Some(1.0e-3),
        squared_norm: Some(2.5),
        condition_d1: Some(1.4),
        condition_d2: Some(1.3),
        lambda_max: Some(88.0),
        error: Some(1.5e-9),
        relative_error: Some(1.5e-9),
        seed: 7,
        threads: 2,
        version: "0.1.0".into(),
        seconds: 0.83,
        iterations: 29,
        method: Some("path".into()),
        ..ResultFile::default()
    }
}

pub(crate) fn data() -> ReportData {
    ReportData {
        source: "ratings <small>.csv".into(),
        singular_values: [3.1, 1.4]
            .into_iter()
            .chain((0..28).map(|i| 1e-12 / f64::from(i + 1)))
            .collect(),
        history: (0..30).map(history_row).collect(),
        vector: None,
        cross_section: Some(cross_section(12.0)),
        observed: Some(heatmap(30, 30, |i, j| (i * 7 + j * 5) % 11 % 2 == 0)),
        recovered: Some(heatmap(30, 30, |_, _| true)),
        sparse: None,
        truth: Some(heatmap(30, 30, |_, _| true)),
    }
}

/// The gap falls to 1e-11, the residual to 1e-13; the first two records have no bound.
fn history_row(iteration: usize) -> HistoryRow {
    let i = iteration as f64;
    let gap = 10f64.powf(-11.0 * i / 29.0) * (1.0 + 0.4 * (1.7 * i).sin());
    HistoryRow {
        iteration,
        seconds: 0.03 * i,
        value: Some(1.234),
        lower_bound: (iteration >= 2).then_some(1.234 * (1.0 - gap)),
        residual: Some(10f64.powf(-13.0 * i / 29.0)),
        rank: Some(2),
    }
}

pub(crate) fn cross_section(ratio: f64) -> CrossSection {
    let offsets: Vec<f64> = (-20..=20).map(|i| f64::from(i) / 20.0).collect();
    let parabola = |curvature: f64| {
        offsets
            .iter()
            .map(|t| curvature * t * t + 0.1 * curvature * t.powi(3))
            .collect()
    };
    CrossSection {
        flat: parabola(0.8),
        sharp: parabola(0.8 * ratio),
        offsets,
        trace_ratio: ratio,
    }
}

/// A smooth matrix of rank 2, seen where `observed` says.
pub(crate) fn heatmap(rows: usize, columns: usize, observed: impl Fn(usize, usize) -> bool) -> Heatmap {
    let entry = |i: usize, j: usize| {
        let (x, y) = (i as f64 / rows as f64, j as f64 / columns as f64);
        (5.0 * x).sin() * (4.0 * y).cos() + 0.5 * x * y
    };
    let cells = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let values = cells.map(|(i, j)| observed(i, j).then(|| entry(i, j))).collect();
    Heatmap {
        shape: (rows, columns),
        full_shape: (rows, columns),
        values,
    }
}

/// A course given by (value, lower bound, residual).
pub(crate) fn history(rows: &[(Option<f64>, Option<f64>, Option<f64>)]) -> Vec<HistoryRow> {
    let row = |(iteration, &(value, lower_bound, residual))| HistoryRow {
        iteration,
        value,
        lower_bound,
        residual,
        ..HistoryRow::default()
    };
    rows.iter().enumerate().map(row).collect()
}

/// Data at the edges of what may come, each with a name.
pub(crate) fn edge_cases() -> Vec<(&'static str, ReportData)> {
    vec![
        ("one", one()),
        ("equal", equal()),
        ("wild", wild()),
        ("long", long()),
        ("large", large()),
        ("vector", vector()),
    ]
}

fn everywhere(_: usize, _: usize) -> bool {
    true
}

fn two_fifths(i: usize, j: usize) -> bool {
    (i * 31 + j * 17) % 5 < 2
}

/// One of each.
fn one() -> ReportData {
    ReportData {
        singular_values: vec![2.0],
        history: history(&[(Some(1.0), Some(0.5), Some(1e-3))]),
        cross_section: Some(CrossSection {
            offsets: vec![0.0],
            flat: vec![0.0],
            sharp: vec![0.0],
            trace_ratio: 1.0,
        }),
        recovered: Some(heatmap(1, 1, everywhere)),
        ..ReportData::default()
    }
}

/// Many of the same.
fn equal() -> ReportData {
    ReportData {
        singular_values: vec![7.0; 5],
        history: history(&[(Some(2.0), Some(1.0), Some(0.1)); 5]),
        recovered: Some(Heatmap {
            shape: (3, 4),
            full_shape: (3, 4),
            values: vec![Some(-4.0); 12],
        }),
        ..ReportData::default()
    }
}

/// Magnitudes to the ends of the numbers, zeros, holes, a value below its bound.
fn wild() -> ReportData {
    ReportData {
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
        observed: Some(scaled(heatmap(4, 9, two_fifths), 1e300)),
        recovered: Some(scaled(heatmap(4, 9, everywhere), -1e-300)),
        ..ReportData::default()
    }
}

/// A single row and a single column.
fn long() -> ReportData {
    ReportData {
        observed: Some(heatmap(1, 200, two_fifths)),
        recovered: Some(heatmap(200, 1, two_fifths)),
        ..ReportData::default()
    }
}

/// A vector with holes and ends of the numbers, beside a true one.
fn vector() -> ReportData {
    ReportData {
        vector: Some(VectorPicture {
            recovered: vec![0.0, 1e300, -1e-300, f64::NAN, 2.0],
            truth: Some(vec![0.0, 1e300, 0.0, 0.0, -2.0]),
        }),
        ..ReportData::default()
    }
}

/// As large as pictures come, and a name full of markup.
fn large() -> ReportData {
    let averaged = Heatmap {
        full_shape: (138_493, 26_744),
        ..heatmap(256, 200, two_fifths)
    };
    ReportData {
        source: "a & b \"<script>alert(1)</script>\" 'ü'\u{7}".into(),
        singular_values: (0..200).map(|i| 100.0 * (-0.1 * f64::from(i)).exp()).collect(),
        history: (0..20_000).map(late).collect(),
        observed: Some(scaled(averaged, 1e5)),
        ..ReportData::default()
    }
}

fn late(iteration: usize) -> HistoryRow {
    let residual = (-(iteration as f64) / 1000.0).exp();
    HistoryRow {
        iteration,
        value: Some(3.0),
        lower_bound: Some(3.0 - residual),
        residual: Some(residual),
        ..HistoryRow::default()
    }
}

fn scaled(map: Heatmap, factor: f64) -> Heatmap {
    let values = map
        .values
        .iter()
        .map(|value| value.map(|value| value * factor))
        .collect();
    Heatmap { values, ..map }
}
