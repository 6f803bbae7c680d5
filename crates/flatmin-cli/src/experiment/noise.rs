//! Noise: the error of flat and nuclear under two fits, against σ.

pub(super) use flatmin::experiment::noise::Config;

use flatmin::experiment::Model;
use flatmin::experiment::noise::Row;

use super::statistics::{Spread, banded, slope, spread};
use super::status::certified;
use super::{Shown, Table};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Series};
use crate::report::draw::colour::{BLUE, VERMILION};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// Fit and objective of a line.
type Kind = (&'static str, &'static str);

const KINDS: [Kind; 4] = [
    ("ball", "flat"),
    ("ball", "nuclear"),
    ("penalised", "flat"),
    ("penalised", "nuclear"),
];

impl Shown for Config {
    const TITLE: &'static str = "error against noise";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings = vec![certified("solutions", rows.iter().map(|row| row.status.as_str()))];
        findings.extend(slopes(&View { config: self, rows }));
        for model in &self.models {
            findings.extend(ratio(rows, *model));
        }
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let view = View { config: self, rows };
        let panel = |model: &Model| view.panel(*model, font);
        self.models.iter().filter_map(panel).collect()
    }

    fn table(&self, rows: &[Row]) -> Table {
        let view = View { config: self, rows };
        let mut lines = Vec::new();
        for model in &self.models {
            for kind in KINDS {
                lines.extend(view.lines(*model, kind));
            }
        }
        Table {
            head: vec![
                "model",
                "fit",
                "objective",
                "σ / rms of the data",
                "σ",
                "ε or λ",
                "error, median",
                "error, range",
                "rank",
                "trials",
                "not certified",
            ],
            rows: lines,
        }
    }
}

/// The rows of one line at one level.
fn cell(
    rows: &[Row],
    model: Model,
    (fit, objective): Kind,
    level: f64,
) -> impl Iterator<Item = &Row> + Clone {
    rows.iter().filter(move |row| {
        row.model == model && row.fit == fit && row.objective == objective && row.level == level
    })
}

/// Of the certified rows.
fn measured<'a>(cell: impl Iterator<Item = &'a Row>, value: fn(&Row) -> Option<f64>) -> Option<Spread> {
    spread(cell.filter(|row| row.status == "certified").filter_map(value))
}

/// The rows of a configuration.
struct View<'a> {
    config: &'a Config,
    rows: &'a [Row],
}

impl View<'_> {
    /// The errors of one line of a figure.
    fn course(&self, model: Model, kind: Kind) -> Vec<(f64, Spread)> {
        let error = |level: &f64| {
            Some((
                *level,
                measured(cell(self.rows, model, kind, *level), |row| row.error)?,
            ))
        };
        let mut course: Vec<(f64, Spread)> = self.config.levels.iter().filter_map(error).collect();
        course.sort_by(|a, b| a.0.total_cmp(&b.0));
        course
    }

    fn slope(&self, model: Model, kind: Kind) -> Option<f64> {
        let medians: Vec<(f64, f64)> = self
            .course(model, kind)
            .iter()
            .map(|(level, spread)| (*level, spread.median))
            .collect();
        slope(&medians)
    }

    fn panel(&self, model: Model, font: &Font) -> Option<Panel> {
        let mut series: Vec<Series> = Vec::new();
        for kind in KINDS {
            let slope = self.slope(model, kind);
            let name = format!(
                "{}, {} ({})",
                kind.1,
                kind.0,
                slope.map_or("–".to_owned(), |slope| format!("slope {slope:.2}"))
            );
            let colour = if kind.1 == "flat" { BLUE } else { VERMILION };
            let dash = (kind.0 == "penalised").then_some((4.0, 2.0));
            series.extend(banded(&name, colour, dash, &self.course(model, kind)));
        }
        let points = || series.iter().flat_map(|series| series.points.iter());
        let x = Axis::log(points().map(|(x, _)| *x), "noise σ over root mean square of A(M)")?;
        let y = Axis::log(points().map(|(_, y)| *y), "error ‖X − M‖_{F}")?;
        let shape = self.config.cell(model);
        let own = || self.rows.iter().filter(|row| row.model == model);
        let unproved = own().filter(|row| row.status != "certified").count();
        let caption = format!(
            "{}: error of flat and norm-minimal solutions, for ‖M‖_F = 1, against the noise; median over the certified trials with their range (dotted); d = {}, rank {}, m = {}. Solid: ‖A(X) − y‖₂ ≤ σ√m. Dashed: penalised, λ = {}·(dual norm of the gradient of fresh noise). {unproved} of {} solutions are not certified and do not count.",
            model.name(),
            self.config.d,
            shape.rank,
            shape.m,
            self.config.lambda_factor,
            own().count(),
        );
        let chart = Chart {
            label: format!("Error against noise: {}", model.name()),
            x,
            y,
            series,
        };
        Some(Panel::drawn(
            format!("noise-{}", model.name()),
            "Error against noise",
            caption,
            chart.draw(font),
        ))
    }

    fn lines(&self, model: Model, kind: Kind) -> Vec<Vec<String>> {
        let line = |level: &f64| {
            let cell = cell(self.rows, model, kind, *level);
            let shown = |spread: Option<Spread>| spread.map_or("–".to_owned(), |s| short(s.median));
            let error = measured(cell.clone(), |row| row.error);
            vec![
                model.name().to_owned(),
                kind.0.to_owned(),
                kind.1.to_owned(),
                short(*level),
                shown(spread(cell.clone().map(|row| row.sigma))),
                shown(measured(cell.clone(), |row| row.parameter)),
                shown(error),
                error.map_or("–".to_owned(), |error| {
                    format!("{} to {}", short(error.low), short(error.high))
                }),
                shown(measured(cell.clone(), |row| Some(row.rank_found? as f64))),
                cell.clone().count().to_string(),
                cell.filter(|row| row.status != "certified").count().to_string(),
            ]
        };
        self.config.levels.iter().map(line).collect()
    }
}

/// How the error grows with σ.
fn slopes(view: &View<'_>) -> Option<String> {
    let all = view
        .config
        .models
        .iter()
        .flat_map(|model| KINDS.map(|kind| view.slope(*model, kind)));
    let found = spread(all.flatten())?;
    Some(format!(
        "The error grows as the power {:.2} to {:.2} of σ (1 would be proportional).",
        found.low, found.high
    ))
}

/// The error of flat over that of nuclear, trial by trial.
fn ratio(rows: &[Row], model: Model) -> Vec<String> {
    let sentence = |fit: &str| {
        let certified = |row: &&Row| row.model == model && row.fit == fit && row.status == "certified";
        let own = |objective: &'static str| {
            rows.iter()
                .filter(certified)
                .filter(move |row| row.objective == objective)
        };
        let ratios = own("flat").filter_map(|flat| {
            let same = |row: &&Row| row.cell == flat.cell && row.trial == flat.trial;
            Some(flat.error? / own("nuclear").find(same)?.error?)
        });
        let found = spread(ratios)?;
        Some(format!(
            "{}, {fit}: the error of flat is {} times that of nuclear in the median ({} to {}).",
            model.name(),
            short(found.median),
            short(found.low),
            short(found.high)
        ))
    };
    ["ball", "penalised"].into_iter().filter_map(sentence).collect()
}
