//! Overparameterization: what the width of the factors changes, from the rank of the truth to the convex problem.

use std::collections::BTreeSet;

pub(super) use flatmin::experiment::overparameterization::Config;

use flatmin::experiment::Model;
use flatmin::experiment::overparameterization::Row;

use super::grid::{Grid, Shade};
use super::statistics::{banded, spread};
use super::status::{certified, is_refused};
use super::{Shown, Table};
use crate::report::draw::axis::Axis;
use crate::report::draw::bar::Bar;
use crate::report::draw::chart::{Chart, Mark, Series, Tiles};
use crate::report::draw::colour::{Colour, viridis};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// Where the colours of the lines end: beyond it yellow is too bright for a line on white.
const BRIGHTEST: f64 = 0.85;
/// Values that differ by less, relatively, count as equal.
const HIGHER: f64 = 1e-6;
/// Smaller excesses are rounding, and drawn as this one.
const FLOOR: f64 = 1e-9;

impl Shown for Config {
    const TITLE: &'static str = "the width of the factors";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings = vec![
            certified("solutions", rows.iter().map(|row| row.status.as_str()))
                + " A certificate proves that nothing flatter fits, of any rank; narrow factors below the transition have none to hope for.",
        ];
        let view = View { config: self, rows };
        findings.extend(self.models.iter().filter_map(|model| view.sentence(*model)));
        findings.extend(narrow(rows));
        findings.extend(misfits(rows));
        findings.extend(local(rows));
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let view = View { config: self, rows };
        let of = |model: &Model| {
            [
                view.map(*model, font),
                view.recovered(*model, font),
                view.excess(*model, font),
            ]
        };
        self.models.iter().flat_map(of).flatten().collect()
    }

    fn table(&self, rows: &[Row]) -> Table {
        let mut lines = Vec::new();
        for model in &self.models {
            for share in &self.shares {
                let line = Line {
                    model: *model,
                    share: *share,
                    rows,
                };
                lines.extend(self.widths.iter().map(|width| line.cells(*width)));
            }
        }
        Table {
            head: vec![
                "model",
                "m",
                "m/δ",
                "k",
                "trials",
                "fit the data",
                "certified",
                "recovered",
                "error, median",
                "value/bound − 1, median",
                "rank found",
            ],
            rows: lines,
        }
    }
}

/// The trials of one model at one number of measurements.
struct Line<'a> {
    model: Model,
    share: f64,
    rows: &'a [Row],
}

impl<'a> Line<'a> {
    fn at(&self, width: usize) -> impl Iterator<Item = &'a Row> + Clone + use<'a> {
        let (model, share) = (self.model, self.share);
        self.rows
            .iter()
            .filter(move |row| row.model == model && row.share == share && row.width == width)
    }

    /// The share of trials that recover; one without a flat problem does not. `None` without trials.
    fn recovered(&self, width: usize) -> Option<f64> {
        let all = self.at(width).count();
        let recovered = self.at(width).filter(|row| row.recovered == Some(true)).count();
        (all > 0).then(|| recovered as f64 / all as f64)
    }

    fn cells(&self, width: usize) -> Vec<String> {
        let cell = self.at(width);
        let count = |holds: fn(&&Row) -> bool| cell.clone().filter(holds).count().to_string();
        let median = |value: fn(&Row) -> Option<f64>| {
            spread(cell.clone().filter_map(value)).map_or("–".to_owned(), |spread| short(spread.median))
        };
        vec![
            self.model.name().to_owned(),
            cell.clone()
                .next()
                .map_or("–".to_owned(), |row| row.m.to_string()),
            short(self.share),
            width.to_string(),
            cell.clone().count().to_string(),
            count(|row| row.fits == Some(true)),
            count(|row| row.status == "certified"),
            count(|row| row.recovered == Some(true)),
            median(|row| row.error),
            median(|row| row.excess.filter(|_| row.fits == Some(true))),
            median(|row| Some(row.rank_found? as f64)),
        ]
    }
}

/// The rows of a configuration.
struct View<'a> {
    config: &'a Config,
    rows: &'a [Row],
}

impl<'a> View<'a> {
    /// The fewer measurements, the darker.
    fn lines(&self, model: Model) -> impl Iterator<Item = (Line<'a>, Colour)> + use<'a> {
        let (rows, shares) = (self.rows, &self.config.shares);
        let last = shares.len().saturating_sub(1).max(1) as f64;
        shares.iter().map(move |share| {
            let place = shares.iter().filter(|other| *other < share).count() as f64;
            let line = Line {
                model,
                share: *share,
                rows,
            };
            (line, viridis(BRIGHTEST * place / last))
        })
    }

    /// In order, each once.
    fn widths(&self) -> Vec<usize> {
        let widths: BTreeSet<usize> = self.config.widths.iter().copied().collect();
        widths.into_iter().collect()
    }

    /// The widths at equal distances: nearly a logarithmic axis.
    fn width_axis(&self) -> Axis {
        let labels = self.widths().into_iter().map(|width| width.to_string());
        Axis::categories(labels, "columns k of the factors")
    }

    /// What is known at some widths, by the width's place on the axis.
    fn along<T>(&self, value: impl Fn(usize) -> Option<T>) -> Vec<(f64, T)> {
        let widths = self.widths().into_iter().enumerate();
        widths
            .filter_map(|(place, width)| Some((place as f64, value(width)?)))
            .collect()
    }

    fn map(&self, model: Model, font: &Font) -> Option<Panel> {
        let own: Vec<&Row> = self.rows.iter().filter(|row| row.model == model).collect();
        if own.is_empty() {
            return None;
        }
        let widths = self.widths();
        let places: Vec<usize> = (0..widths.len()).collect();
        let title = "m over the statistical dimension";
        let grid = Grid::over(title, &places, &self.config.shares);
        let (_, y) = grid.axes("");
        let tiles = grid.tiles(|place, share| {
            let width = widths[place as usize];
            let line = Line {
                model,
                share,
                rows: self.rows,
            };
            let unproved = |row: &Row| row.status != "certified" && !is_refused(&row.status);
            Shade {
                fill: line.recovered(width).map(viridis),
                crossed: line.at(width).any(unproved),
            }
        });
        let scale = Axis::linear([0.0, 1.0], "share recovered")?;
        let chart = Chart {
            label: format!("Share recovered by width and measurements: {}", model.name()),
            x: self.width_axis(),
            y,
            series: Vec::new(),
        };
        let tiles = Tiles {
            tiles,
            bar: Some(Bar {
                scale: &scale,
                map: viridis,
            }),
        };
        let caption = format!(
            "{}: share of trials with ‖X − M‖_F ≤ {:e}, by the number of columns of the factors and of measurements; {}. Recovery is measured here, proved or not; crosses: in some trials it is not proved that nothing flatter fits. At k = {} the problem is convex.",
            model.name(),
            self.config.success,
            self.instance(),
            self.config.d
        );
        Some(Panel::drawn(
            format!("overparameterization-{}", model.name()),
            "Recovered",
            caption,
            chart.draw_over(&tiles, font),
        ))
    }

    fn instance(&self) -> String {
        let dimension = self.config.dimension().map_or("–".to_owned(), short);
        format!(
            "d = {}, rank {}, statistical dimension {dimension}",
            self.config.d, self.config.rank
        )
    }

    fn recovered(&self, model: Model, font: &Font) -> Option<Panel> {
        let series: Vec<Series> = self
            .lines(model)
            .map(|(line, colour)| {
                let points = self.along(|width| line.recovered(width));
                Series::line(format!("m = {}δ", short(line.share)), colour, points).marked(Mark::Disc)
            })
            .collect();
        if series.iter().all(|series| series.points.is_empty()) {
            return None;
        }
        let chart = Chart {
            label: format!("Share recovered against width: {}", model.name()),
            x: self.width_axis(),
            y: Axis::linear_with_room([0.0, 1.0], "share recovered")?,
            series,
        };
        let caption = format!(
            "{}: share of trials with ‖X − M‖_F ≤ {:e} against the number of columns, for m below and above the statistical dimension δ; {}.",
            model.name(),
            self.config.success,
            self.instance()
        );
        Some(Panel::drawn(
            format!("overparameterization-{}-lines", model.name()),
            "Recovered",
            caption,
            chart.draw(font),
        ))
    }

    fn excess(&self, model: Model, font: &Font) -> Option<Panel> {
        let mut series: Vec<Series> = Vec::new();
        for (line, colour) in self.lines(model) {
            let spreads = self.along(|width| {
                let fitting = line.at(width).filter(|row| row.fits == Some(true));
                spread(
                    fitting
                        .filter_map(|row| row.excess)
                        .map(|excess| excess.max(FLOOR)),
                )
            });
            series.extend(banded(
                &format!("m = {}δ", short(line.share)),
                colour,
                None,
                &spreads,
            ));
        }
        let points = || series.iter().flat_map(|series| series.points.iter());
        let y = Axis::log(points().map(|(_, y)| *y), "value over bound, minus 1")?;
        let chart = Chart {
            label: format!("Excess over the convex bound against width: {}", model.name()),
            x: self.width_axis(),
            y,
            series,
        };
        let caption = format!(
            "{}: how far ‖D1 X D2‖_* of the factors found lies above its proved lower bound over all ranks, against the number of columns; median and range over the trials that fit the data to {:e}; {}. Values below {} are rounding and drawn there.",
            model.name(),
            self.config.fits,
            self.instance(),
            short(FLOOR)
        );
        Some(Panel::drawn(
            format!("overparameterization-{}-excess", model.name()),
            "Price of few columns",
            caption,
            chart.draw(font),
        ))
    }

    /// What the narrowest and the widest factors recover.
    fn sentence(&self, model: Model) -> Option<String> {
        let (narrow, wide) = (self.config.widths.iter().min()?, self.config.widths.iter().max()?);
        let said: Vec<String> = self
            .lines(model)
            .filter_map(|(line, _)| {
                let (few, many) = (line.recovered(*narrow)?, line.recovered(*wide)?);
                Some(format!(
                    "{:.0} % and {:.0} % at m = {}δ",
                    100.0 * few,
                    100.0 * many,
                    short(line.share)
                ))
            })
            .collect();
        (!said.is_empty()).then(|| {
            format!(
                "{}: recovered with k = {narrow} and with k = {wide} columns: {}.",
                model.name(),
                said.join(", ")
            )
        })
    }
}

/// What widths from the rank of the truth to just below that of the convex solution find, where the convex solution has a
/// greater rank than the truth: there the limit on the columns alone leads to the truth.
fn narrow(rows: &[Row]) -> Option<String> {
    let trials = rows.chunk_by(|a, b| (&a.cell, a.trial) == (&b.cell, b.trial));
    let (mut least, mut wider) = (Vec::new(), Vec::new());
    for trial in trials {
        let convex = trial.iter().max_by_key(|row| row.width);
        let Some(rank) = convex.and_then(|row| row.rank_found) else {
            continue;
        };
        for row in trial.iter().filter(|row| row.width < rank) {
            if row.width == row.rank {
                least.push(row);
            } else {
                wider.push(row);
            }
        }
    }
    let said = |rows: &[&Row]| {
        let recovered = rows.iter().filter(|row| row.recovered == Some(true)).count();
        let fit = rows.iter().filter(|row| row.fits == Some(true)).count();
        format!(
            "{fit} of {} fit the data and {recovered} are the truth",
            rows.len()
        )
    };
    (!least.is_empty() || !wider.is_empty()).then(|| {
        format!(
            "Where the convex solution has more columns than are allowed: with as many as the rank of the truth, {}; with more, {}.",
            said(&least),
            said(&wider)
        )
    })
}

/// How often the solver found no factors that fit.
fn misfits(rows: &[Row]) -> Option<String> {
    let missed = rows.iter().filter(|row| row.fits == Some(false)).count();
    (missed > 0).then(|| {
        format!(
            "In {missed} of {} solved trials the factors found do not fit the data: too few columns for any solution that the method finds.",
            rows.iter().filter(|row| row.fits.is_some()).count()
        )
    })
}

/// How often more columns ended higher, which a global minimum never does.
fn local(rows: &[Row]) -> Option<String> {
    let trials = rows.chunk_by(|a, b| (&a.cell, a.trial) == (&b.cell, b.trial));
    let (mut pairs, mut higher) = (0, 0);
    for trial in trials {
        let mut fitting: Vec<&Row> = trial.iter().filter(|row| row.fits == Some(true)).collect();
        fitting.sort_by_key(|row| row.width);
        for pair in fitting.windows(2) {
            let values = pair[0].value.zip(pair[1].value);
            pairs += 1;
            higher += usize::from(values.is_some_and(|(narrow, wide)| wide > narrow * (1.0 + HIGHER)));
        }
    }
    (higher > 0).then(|| {
        format!(
            "In {higher} of {pairs} comparisons of neighbouring widths on the same data the wider factors are the sharper ones by more than {}: what was found there is a local minimum at best.",
            short(HIGHER)
        )
    })
}
