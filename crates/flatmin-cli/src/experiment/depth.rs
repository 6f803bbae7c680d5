//! Depth: recovery and error against the number of measurements, one line a depth, for vectors and for matrices.

pub(super) use flatmin::experiment::depth::Config;
use flatmin::experiment::depth::{Kind, Row};

use super::statistics::{Spread, banded, spread};
use super::status::certified;
use super::{Shown, Table};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREEN, INK, PURPLE, VERMILION};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

const COLOURS: [Colour; 4] = [BLUE, VERMILION, GREEN, PURPLE];
/// Smaller errors are drawn as this one.
const FLOOR: f64 = 1e-9;

impl Shown for Config {
    const TITLE: &'static str = "more than two factors";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings = Vec::new();
        for kind in [Kind::Vector, Kind::Matrix] {
            let lines = lines(self, kind, rows);
            findings.extend(lines.iter().filter_map(Line::sentence));
        }
        findings.extend(deep_vectors(rows));
        findings.extend(trust(rows));
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let both = |kind| [recovered(self, kind, rows, font), errors(self, kind, rows, font)];
        [Kind::Vector, Kind::Matrix]
            .into_iter()
            .flat_map(both)
            .flatten()
            .collect()
    }

    fn table(&self, rows: &[Row]) -> Table {
        let all = [Kind::Vector, Kind::Matrix].map(|kind| lines(self, kind, rows));
        Table {
            head: vec![
                "kind",
                "K",
                "m",
                "trials",
                "certified",
                "recovered",
                "error, median",
                "nonzeros or rank found, median",
            ],
            rows: all.iter().flatten().flat_map(Line::table).collect(),
        }
    }
}

/// The trials of one kind and depth, in the order of m.
struct Line<'a> {
    kind: Kind,
    depth: Option<usize>,
    rows: Vec<&'a Row>,
}

fn lines<'a>(config: &Config, kind: Kind, rows: &'a [Row]) -> Vec<Line<'a>> {
    let depths: Vec<Option<usize>> = match kind {
        Kind::Vector => {
            let finite = config.vector_depths.iter().map(|depth| Some(*depth));
            finite.chain([None]).collect()
        }
        Kind::Matrix => config.matrix_depths.iter().map(|depth| Some(*depth)).collect(),
    };
    let line = |depth: Option<usize>| {
        let own = |row: &&Row| row.kind == kind && row.depth == depth;
        let mut rows: Vec<&Row> = rows.iter().filter(own).collect();
        rows.sort_by_key(|row| row.m);
        Line { kind, depth, rows }
    };
    let lines = depths.into_iter().map(line);
    lines.filter(|line| !line.rows.is_empty()).collect()
}

impl<'a> Line<'a> {
    fn name(&self) -> String {
        self.depth.map_or("∞".to_owned(), |depth| depth.to_string())
    }

    /// The rows of each number of measurements.
    fn cells(&self) -> impl Iterator<Item = (usize, &[&'a Row])> {
        let cells = self.rows.chunk_by(|a, b| a.m == b.m);
        cells.filter_map(|cell| Some((cell.first()?.m, cell)))
    }

    /// The share of trials that recover the truth; one without a solution does not.
    fn shares(&self) -> Vec<(f64, f64)> {
        let share = |(m, cell): (usize, &[&Row])| {
            let recovered = cell.iter().filter(|row| row.recovered == Some(true)).count();
            (m as f64, recovered as f64 / cell.len() as f64)
        };
        self.cells().map(share).collect()
    }

    fn errors(&self) -> Vec<(f64, Spread)> {
        let error = |(m, cell): (usize, &[&Row])| {
            let errors = cell.iter().filter_map(|row| row.error);
            Some((m as f64, spread(errors.map(|error| error.max(FLOOR)))?))
        };
        self.cells().filter_map(error).collect()
    }

    /// From which m on every trial recovers.
    fn sentence(&self) -> Option<String> {
        let shares = self.shares();
        let first = self.rows.first()?;
        let (what, unknowns) = match self.kind {
            Kind::Vector => ("Hadamard products", first.d),
            Kind::Matrix => ("Chains", first.d * first.d),
        };
        let missed = shares.iter().rposition(|(_, share)| *share < 1.0);
        let from = shares.get(missed.map_or(0, |last| last + 1));
        let found = match from {
            Some((m, _)) => format!("recover the truth in every trial from m = {m} on"),
            None => "do not recover every truth at any m that was tried".to_owned(),
        };
        Some(format!(
            "{what} of depth {} {found} ({unknowns} unknowns).",
            self.name()
        ))
    }

    fn table(&self) -> Vec<Vec<String>> {
        let line = |(m, cell): (usize, &[&Row])| {
            let count = |holds: fn(&&&Row) -> bool| cell.iter().filter(holds).count().to_string();
            let median = |value: fn(&&Row) -> Option<f64>| {
                spread(cell.iter().filter_map(value)).map_or("–".to_owned(), |spread| short(spread.median))
            };
            vec![
                noun(self.kind).to_owned(),
                self.name(),
                m.to_string(),
                cell.len().to_string(),
                count(|row| row.status == "certified"),
                count(|row| row.recovered == Some(true)),
                median(|row| row.error),
                median(|row| Some(row.size_found? as f64)),
            ]
        };
        self.cells().map(line).collect()
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Vector => "vector",
        Kind::Matrix => "matrix",
    }
}

/// The words that all captions of a kind share.
fn instance(config: &Config, kind: Kind) -> String {
    match kind {
        Kind::Vector => format!(
            "Sparse vectors ({} nonzeros of {}) as Hadamard products of K factors, K = ∞ being the limit, weighted least squares",
            config.nonzeros, config.vector_d
        ),
        Kind::Matrix => format!(
            "Matrices of rank {} ({d} × {d}) as chains of K factors under matrix sensing; K = 2 is certified, deeper chains are the flattest that a search found",
            config.rank,
            d = config.matrix_d
        ),
    }
}

/// Two factors solid, the others dashed, infinitely many in ink: the lines of deep products lie on one another.
fn style(line: &Line<'_>, place: usize) -> (Colour, Option<(f64, f64)>) {
    match line.depth {
        None => (INK, Some((1.5, 2.0))),
        Some(2) => (COLOURS[0], None),
        Some(_) => (COLOURS[place % COLOURS.len()], Some((5.0, 2.0 + place as f64))),
    }
}

fn recovered(config: &Config, kind: Kind, rows: &[Row], font: &Font) -> Option<Panel> {
    let series: Vec<Series> = lines(config, kind, rows)
        .iter()
        .enumerate()
        .map(|(place, line)| {
            let (colour, dash) = style(line, place);
            Series::line(format!("K = {}", line.name()), colour, line.shares())
                .dashed(dash)
                .marked(Mark::Disc)
        })
        .collect();
    let points = || series.iter().flat_map(|series| series.points.iter());
    let chart = Chart {
        label: format!("Share recovered against measurements: {}", noun(kind)),
        x: Axis::linear(points().map(|(m, _)| *m), "measurements m")?,
        y: Axis::linear_with_room([0.0, 1.0], "share recovered")?,
        series,
    };
    let caption = format!(
        "{}: share of trials that end within {} of the truth, of norm 1, against the number of measurements.",
        instance(config, kind),
        short(config.success)
    );
    Some(Panel::drawn(
        format!("depth-{}-recovered", noun(kind)),
        "Recovered",
        caption,
        chart.draw(font),
    ))
}

fn errors(config: &Config, kind: Kind, rows: &[Row], font: &Font) -> Option<Panel> {
    let mut series = Vec::new();
    for (place, line) in lines(config, kind, rows).iter().enumerate() {
        let (colour, dash) = style(line, place);
        let spreads = line.errors();
        series.extend(banded(&format!("K = {}", line.name()), colour, dash, &spreads));
    }
    let points = || series.iter().flat_map(|series: &Series| series.points.iter());
    let chart = Chart {
        label: format!("Error against measurements: {}", noun(kind)),
        x: Axis::linear(points().map(|(m, _)| *m), "measurements m")?,
        y: Axis::log(points().map(|(_, error)| *error), "distance from the truth")?,
        series,
    };
    let caption = format!(
        "{}: distance from the truth, of norm 1, against the number of measurements; median and range over the trials. Distances below {} are drawn there.",
        instance(config, kind),
        short(FLOOR)
    );
    Some(Panel::drawn(
        format!("depth-{}-error", noun(kind)),
        "Error",
        caption,
        chart.draw(font),
    ))
}

/// How dense deep vectors are where they are not determined by the data, and how often they recover.
fn deep_vectors(rows: &[Row]) -> Option<String> {
    let deep = |row: &&Row| row.kind == Kind::Vector && row.depth != Some(2) && row.m < row.d;
    let (all, recovered) = rows.iter().filter(deep).fold((0, 0), |(all, recovered), row| {
        (all + 1, recovered + usize::from(row.recovered == Some(true)))
    });
    let dense = spread(
        rows.iter()
            .filter(deep)
            .filter_map(|row| Some(row.size_found? as f64)),
    )?;
    Some(format!(
        "With more than two factors and fewer measurements than unknowns {recovered} of {all} vectors are recovered: flatness no longer seeks sparse vectors, and the median number of nonzeros is {}.",
        short(dense.median)
    ))
}

/// What is proved, what is in closed form, what is only found.
fn trust(rows: &[Row]) -> Vec<String> {
    let provable = |row: &&Row| match row.kind {
        Kind::Vector => row.depth.is_some(),
        Kind::Matrix => row.depth == Some(2),
    };
    let mut said = vec![certified(
        "Hadamard products of finite depth and pairs of matrices",
        rows.iter().filter(provable).map(|row| row.status.as_str()),
    )];
    let chains = || {
        rows.iter()
            .filter(|row| row.kind == Kind::Matrix && row.depth != Some(2))
    };
    let all = chains().count();
    if all > 0 {
        let converged = chains().filter(|row| row.status == "converged").count();
        let agree = chains().filter_map(|row| row.disagreement);
        let agree = agree.filter(|apart| *apart <= SAME).count();
        said.push(format!(
            "Chains of more than two factors are searched for, never certified: {converged} of {all} searches converged, and in {agree} all starts end at the same trace (to {}).",
            short(SAME)
        ));
    }
    said
}

/// Traces this close, relatively, count as the same.
const SAME: f64 = 1e-4;
