//! Trajectories: loss, flatness, error and sharpness along training, and flatness against error at zero loss.

mod courses;
mod scatter;

pub(super) use flatmin::experiment::trajectories::Config;
use flatmin::experiment::trajectories::{Row, Training};

use super::{Shown, Table};
use crate::report::draw::colour::{BLUE, Colour, GREEN, INK, PURPLE, SKY, VERMILION};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

impl Shown for Config {
    const TITLE: &'static str = "where training goes";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let cells = cells(rows);
        let of = |cell: &str| -> Vec<&Row> { rows.iter().filter(|row| row.cell == cell).collect() };
        let scatters = cells.iter().filter_map(|cell| scatter::finding(&of(cell)));
        let descents = cells
            .iter()
            .filter_map(|cell| against_gradient_descent(&of(cell)));
        scatters.chain(descents).chain([reservations(rows)]).collect()
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let mut panels = Vec::new();
        for cell in cells(rows) {
            let own: Vec<&Row> = rows.iter().filter(|row| row.cell == cell).collect();
            panels.extend(courses::panels(&own, self.steps - self.settle, font));
            panels.extend(scatter::panel(&own, font));
        }
        panels
    }

    fn table(&self, rows: &[Row]) -> Table {
        let mut lines = Vec::new();
        for cell in cells(rows) {
            for method in Training::ALL {
                let of = |row: &&Row| row.cell == cell && row.method == method.name();
                lines.extend(line(&rows.iter().filter(of).collect::<Vec<_>>()));
            }
        }
        Table {
            head: vec![
                "model",
                "method",
                "finished",
                "loss",
                "excess flatness",
                "‖X − M‖_F",
                "generalisation error",
                "λ_max/(2/η)",
                "at zero loss: excess",
                "‖X − M‖_F",
                "generalisation error",
            ],
            rows: lines,
        }
    }
}

/// The models and sizes, in the order of the rows.
fn cells(rows: &[Row]) -> Vec<&str> {
    let mut cells: Vec<&str> = Vec::new();
    for row in rows {
        if !cells.contains(&row.cell.as_str()) {
            cells.push(&row.cell);
        }
    }
    cells
}

/// Colour of a run, the same in every figure.
fn colour(training: Training) -> Colour {
    match training {
        Training::GdSmall => INK,
        Training::Gd => BLUE,
        Training::Sgd => SKY,
        Training::LabelNoise => VERMILION,
        Training::Sam => GREEN,
        Training::WeightDecay => PURPLE,
    }
}

/// As legends name a run.
fn label(training: Training) -> &'static str {
    match training {
        Training::GdSmall => "GD, small start",
        Training::Gd => "GD",
        Training::Sgd => "SGD",
        Training::LabelNoise => "label noise",
        Training::Sam => "SAM",
        Training::WeightDecay => "weight decay",
    }
}

/// In words.
fn words(training: Training) -> &'static str {
    match training {
        Training::GdSmall => "gradient descent, small start",
        Training::Gd => "gradient descent",
        Training::Sgd => "stochastic gradients",
        Training::LabelNoise => "label noise",
        Training::Sam => "sharpness-aware",
        Training::WeightDecay => "weight decay",
    }
}

/// λ_max over 2/η.
fn relative_sharpness(row: &Row) -> Option<f64> {
    Some(row.sharpness? / row.stability?)
}

/// The median; of an even number the mean of the middle two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (last, half) = (values.len().checked_sub(1)?, values.len() / 2);
    Some(0.5 * (values[last / 2] + values[half]))
}

/// The median of a figure over the rows that have it.
fn middle(rows: &[&Row], value: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
    median(rows.iter().filter_map(|row| value(row)).collect())
}

/// Medians at the end of a method's runs, over the trials that finished.
fn line(rows: &[&Row]) -> Option<Vec<String>> {
    let last: Vec<&Row> = rows
        .iter()
        .filter(|row| row.status == "finished")
        .copied()
        .collect();
    let ends: Vec<&Row> = rows.iter().filter(|row| row.kind == "end").copied().collect();
    let first = rows.first()?;
    let shown =
        |rows: &[&Row], value: fn(&Row) -> Option<f64>| middle(rows, value).map_or("–".to_owned(), short);
    Some(vec![
        first.model.name().to_owned(),
        first.method.clone(),
        format!("{} of {}", last.len(), ends.len()),
        shown(&last, |row| row.loss),
        shown(&last, |row| row.excess),
        shown(&last, |row| row.error),
        shown(&last, |row| row.generalisation),
        shown(&last, relative_sharpness),
        shown(&ends, |row| row.excess),
        shown(&ends, |row| row.error),
        shown(&ends, |row| row.generalisation),
    ])
}

/// How much flatter and closer to the truth each method ends than gradient descent from the same start.
fn against_gradient_descent(rows: &[&Row]) -> Option<String> {
    let finished = |method: Training| -> Vec<&Row> {
        let wanted = |row: &&&Row| row.status == "finished" && row.method == method.name();
        rows.iter().filter(wanted).copied().collect()
    };
    let plain = finished(Training::Gd);
    let mut parts = Vec::new();
    for method in Training::ALL {
        let own = finished(method);
        let pairs: Vec<(&Row, &Row)> = own
            .iter()
            .filter_map(|row| Some((*row, *plain.iter().find(|gd| gd.trial == row.trial)?)))
            .collect();
        if method == Training::Gd || pairs.is_empty() {
            continue;
        }
        let flatter = pairs.iter().filter(|(row, gd)| row.excess < gd.excess).count();
        let closer = pairs.iter().filter(|(row, gd)| row.error < gd.error).count();
        parts.push(format!(
            "{} {} and {} (flatter in {flatter} of {n} trials, closer in {closer})",
            words(method),
            short(middle(&own, |row| row.excess)?),
            short(middle(&own, |row| row.error)?),
            n = pairs.len(),
        ));
    }
    Some(format!(
        "{}: gradient descent from the large start ends at an excess flatness of {} over the proved minimum and at ‖X − M‖_F = {} (medians); {}.",
        plain.first()?.model.name(),
        short(middle(&plain, |row| row.excess)?),
        short(middle(&plain, |row| row.error)?),
        parts.join("; ")
    ))
}

/// What was not certified, diverged or missed the data.
fn reservations(rows: &[Row]) -> String {
    let jobs: std::collections::BTreeMap<(&str, u64), &str> = rows
        .iter()
        .map(|row| ((row.cell.as_str(), row.trial), row.flat.as_str()))
        .collect();
    let certified = jobs.values().filter(|flat| **flat == "certified").count();
    let ends = || rows.iter().filter(|row| row.kind == "end");
    let exact = ends().filter(|row| row.status == "exact").count();
    let diverged = ends().filter(|row| row.status == "diverged").count();
    format!(
        "The minimum of the scaled trace is certified in {certified} of {} trials; {exact} of {} end points were brought to zero loss, {diverged} runs diverged.",
        jobs.len(),
        ends().count()
    )
}
