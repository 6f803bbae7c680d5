//! Landscape: the loss around flat, norm-minimal and sharp solutions, along a line and on a plane.

use flatmin::experiment::Model;
pub(super) use flatmin::experiment::landscape::Config;
use flatmin::experiment::landscape::{Centre, Row};

use super::status::certified;
use super::{Shown, Table};
use crate::report::draw::axis::Axis;
use crate::report::draw::bar::Bar;
use crate::report::draw::chart::{Chart, Series, Tile, Tiles};
use crate::report::draw::colour::{BLUE, Colour, GREEN, VERMILION, viridis};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// Smaller losses are drawn as this one: at the centre it is 0.
const FLOOR: f64 = 1e-3;

impl Shown for Config {
    const TITLE: &'static str = "the loss around flat and sharp solutions";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings: Vec<String> = steepness(rows).into_iter().collect();
        findings.extend(instances(rows).filter_map(means));
        let statuses = instances(rows).filter_map(|own| Some(own.first()?.status.as_str()));
        findings.push(certified("instances", statuses));
        findings.push(
            "A plane shows two directions, the trace counts all of them: traces that are nearly equal need not show in this order."
                .to_owned(),
        );
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let lines = self.models.iter().filter_map(|model| lines(*model, rows, font));
        let losses = rows.iter().filter_map(|row| row.loss);
        let Some(scale) = Axis::log(losses.map(drawn), "loss over loss at 0") else {
            return Vec::new();
        };
        let maps = planes(rows).filter_map(|plane| plane.map(&scale, self, rows, font));
        lines.chain(maps).collect()
    }

    fn table(&self, rows: &[Row]) -> Table {
        Table {
            head: vec![
                "model",
                "m",
                "centre",
                "status",
                "scaled trace",
                "over that of flat",
                "mean loss of the plane",
            ],
            rows: planes(rows).map(|plane| plane.table(rows)).collect(),
        }
    }
}

/// The rows of each model's instance.
fn instances(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|a, b| a.cell == b.cell)
}

/// The rows around one centre, t1 varying fastest.
struct Plane<'a> {
    first: &'a Row,
    rows: &'a [Row],
}

fn planes(rows: &[Row]) -> impl Iterator<Item = Plane<'_>> {
    let planes = rows.chunk_by(|a, b| (&a.cell, a.centre) == (&b.cell, b.centre));
    planes.filter_map(|rows| {
        Some(Plane {
            first: rows.first()?,
            rows,
        })
    })
}

impl Plane<'_> {
    /// Scaled trace over that of the flat solution of the same instance.
    fn ratio(&self, rows: &[Row]) -> Option<f64> {
        let flat = |row: &&Row| row.cell == self.first.cell && row.centre == Centre::Flat;
        Some(self.first.scaled_trace? / rows.iter().find(flat)?.scaled_trace?)
    }

    fn mean(&self) -> Option<f64> {
        let losses: Option<Vec<f64>> = self.rows.iter().map(|row| row.loss).collect();
        losses.map(|losses| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    fn table(&self, rows: &[Row]) -> Vec<String> {
        let known = |value: Option<f64>| value.map_or("–".to_owned(), short);
        vec![
            self.first.model.name().to_owned(),
            self.first.m.to_string(),
            self.first.centre.name().to_owned(),
            self.first.status.clone(),
            known(self.first.scaled_trace),
            self.ratio(rows).map_or("–".to_owned(), ratio),
            known(self.mean()),
        ]
    }

    fn map(&self, scale: &Axis, config: &Config, rows: &[Row], font: &Font) -> Option<Panel> {
        let half = 0.5 * config.reach / config.steps as f64;
        let tile = |row: &Row| Tile {
            from: (row.t1 - half, row.t2 - half),
            to: (row.t1 + half, row.t2 + half),
            fill: row.loss.map(|loss| viridis(scale.place(drawn(loss)))),
            crossed: false,
        };
        let (model, centre) = (self.first.model.name(), self.first.centre.name());
        let end = config.reach + half;
        let axis = |title| Axis::linear([-end, end], title);
        let chart = Chart {
            label: format!("Loss on a plane around the {centre} solution: {model}"),
            x: axis("offset t_{1}")?,
            y: axis("offset t_{2}")?,
            series: Vec::new(),
        };
        let tiles = Tiles {
            tiles: self.rows.iter().map(tile).collect(),
            bar: Some(Bar { scale, map: viridis }),
        };
        let caption = format!(
            "{model}: loss ‖A(X) − y‖² over that at 0, on a plane through the {centre} factors along two random orthonormal directions, the same for all three solutions; offsets in norms of the flat factors. Scaled trace {} ({} times that of the flat solution). One logarithmic scale for all maps; losses below {} are drawn there.{}",
            short(self.first.scaled_trace?),
            ratio(self.ratio(rows)?),
            short(FLOOR),
            unproved(self.first)
        );
        Some(Panel::drawn(
            format!("landscape-{model}-{centre}"),
            title(self.first.centre),
            caption,
            chart.draw_over(&tiles, font),
        ))
    }
}

/// How the loss rises around each solution of one instance.
fn means(own: &[Row]) -> Option<String> {
    let said: Option<Vec<String>> = planes(own)
        .map(|plane| {
            let mean = short(plane.mean()?);
            Some(match plane.first.centre {
                Centre::Flat => format!("{mean} around the flat solution"),
                other => format!(
                    "{mean} around the {} one ({} times the scaled trace)",
                    other.name(),
                    ratio(plane.ratio(own)?)
                ),
            })
        })
        .collect();
    Some(format!(
        "{}: the loss over that at 0 is on average {}.",
        own.first()?.model.name(),
        said?.join(", ")
    ))
}

/// How much more the loss rises around the sharp solutions than around the flat ones, all models in one sentence.
fn steepness(rows: &[Row]) -> Option<String> {
    let mean = |own: &[Row], centre: Centre| {
        let mut planes = planes(own);
        planes.find(|plane| plane.first.centre == centre)?.mean()
    };
    let times = |own: &[Row]| -> Option<(f64, String)> {
        let times = mean(own, Centre::Sharp)? / mean(own, Centre::Flat)?;
        Some((times, own.first()?.model.name().to_owned()))
    };
    let said: Vec<String> = instances(rows)
        .filter_map(times)
        .map(|(times, model)| format!("{} times ({model})", short(times)))
        .collect();
    let sharp = planes(rows).find(|plane| plane.first.centre == Centre::Sharp)?;
    if said.is_empty() {
        return None;
    }
    Some(format!(
        "Displaced alike, a solution with the matrix of the flat one but {} times its scaled trace loses more: {}, on average over the plane.",
        short(sharp.ratio(rows)?),
        said.join(", ")
    ))
}

/// For captions of solutions without a proof.
fn unproved(row: &Row) -> String {
    if row.status == "certified" {
        return String::new();
    }
    format!(" The solutions are not certified: {}.", row.status)
}

fn title(centre: Centre) -> &'static str {
    match centre {
        Centre::Flat => "Around the flat solution",
        Centre::NormMinimal => "Around the norm-minimal solution",
        Centre::Sharp => "Around a sharp solution",
    }
}

fn drawn(loss: f64) -> f64 {
    loss.max(FLOOR)
}

/// Four decimals: norm-minimal solutions are nearly as flat as flat ones.
fn ratio(value: f64) -> String {
    format!("{value:.4}")
}

/// The loss of one model along the first direction, around each centre.
fn lines(model: Model, rows: &[Row], font: &Font) -> Option<Panel> {
    let style = |centre: Centre| -> (Colour, Option<(f64, f64)>) {
        match centre {
            Centre::Flat => (BLUE, None),
            Centre::NormMinimal => (GREEN, Some((5.0, 3.0))),
            Centre::Sharp => (VERMILION, None),
        }
    };
    let on_line = |row: &&Row| row.model == model && row.t2 == 0.0;
    let own: Vec<&Row> = rows.iter().filter(on_line).collect();
    let first = *own.first()?;
    let line = |centre: Centre| {
        let (colour, dash) = style(centre);
        let around = own.iter().filter(|row| row.centre == centre);
        let points = around.filter_map(|row| Some((row.t1, row.loss?)));
        Series::line(centre.name(), colour, points.collect()).dashed(dash)
    };
    let chart = Chart {
        label: format!("Loss along a random direction: {}", model.name()),
        x: Axis::linear(own.iter().map(|row| row.t1), "offset t_{1}")?,
        y: Axis::linear(own.iter().filter_map(|row| row.loss), "loss over loss at 0")?,
        series: Centre::ALL.map(line).into(),
    };
    let caption = format!(
        "{}: loss ‖A(X) − y‖² over that at 0 along one random direction from the flat, the norm-minimal and a sharp solution ({}); {d} × {d}, {} measurements. Offsets in norms of the flat factors.{}",
        model.name(),
        match model {
            Model::Network => "the flat one with two hidden units more, which cancel",
            _ => "the flat factors, one multiplied and the other divided by a number",
        },
        first.m,
        unproved(first),
        d = first.d
    );
    Some(Panel::drawn(
        format!("landscape-{}-lines", model.name()),
        "Along one direction",
        caption,
        chart.draw(font),
    ))
}
