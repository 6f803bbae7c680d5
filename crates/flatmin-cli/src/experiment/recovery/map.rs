//! The share recovered, cell by cell, as the paper draws it: black none, white all.

use std::collections::BTreeSet;

use flatmin::experiment::recovery::{Config, Model, Row};

use super::{Column, columns, refused};
use crate::report::draw::axis::Axis;
use crate::report::draw::bar::Bar;
use crate::report::draw::chart::{Chart, Mark, Series, Tile, Tiles};
use crate::report::draw::colour::{Colour, SKY, VERMILION, grey, viridis};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;

/// A map of colours and what its figures are called.
type Colours = (&'static str, fn(f64) -> Colour);

const COLOURS: [Colours; 2] = [("grey", grey), ("colour", viridis)];

/// One map a model, objective and aspect, first all in grey, then in colour.
pub(super) fn panels(config: &Config, rows: &[Row], font: &Font) -> Vec<Panel> {
    let mut panels = Vec::new();
    for colours in COLOURS {
        for model in &config.models {
            for aspect in &config.aspect {
                for objective in &config.objectives {
                    let view = View {
                        config,
                        model: *model,
                        aspect: *aspect,
                        objective,
                    };
                    panels.extend(view.panel(rows, colours, font));
                }
            }
        }
    }
    panels
}

/// Which rows a map shows.
struct View<'a> {
    config: &'a Config,
    model: Model,
    aspect: f64,
    objective: &'a str,
}

impl View<'_> {
    fn panel(&self, rows: &[Row], (kind, map): Colours, font: &Font) -> Option<Panel> {
        let rows: Vec<Row> = rows.iter().filter(|row| self.holds(row)).cloned().collect();
        if rows.is_empty() {
            return None;
        }
        let square = self.config.aspect.len() == 1;
        let aspect = if square {
            String::new()
        } else {
            format!("-{}", self.aspect)
        };
        let objective = self.objective.replace(':', "-");
        let name = format!("recovery-{}-{objective}{aspect}-{kind}", self.model.name());
        let scene = self.chart(&rows).draw_over(
            &Tiles {
                tiles: self.tiles(&rows, map),
                bar: Some(Bar {
                    scale: &Axis::linear([0.0, 1.0], "share recovered")?,
                    map,
                }),
            },
            font,
        );
        let caption = format!(
            "{}, {} objective: share of trials with ‖X − M‖_F ≤ {:e}. Hatched: more measurements than there are independent ones, or not run. Crosses: a solution was not certified and does not count. Lines: where half of the trials recover (fitted){}.",
            self.model.name(),
            self.objective,
            self.config.success,
            if self.model == Model::Sensing {
                "; the statistical dimension of the descent cone of the nuclear norm (dashed)"
            } else {
                ""
            }
        );
        Some(Panel::drawn(name, "Recovered", caption, scene))
    }

    fn holds(&self, row: &Row) -> bool {
        let wanted = (self.aspect * row.d1 as f64).round().max(1.0) as usize;
        row.model == self.model && row.objective == self.objective && row.d2 == wanted
    }

    /// The amounts of data of the vertical axis: p, or m.
    fn amounts(&self) -> Vec<f64> {
        let mut amounts: Vec<f64> = match self.model {
            Model::Completion => self.config.p.clone(),
            _ => self.config.m.iter().map(|m| *m as f64).collect(),
        };
        amounts.sort_by(f64::total_cmp);
        amounts
    }

    fn sizes(&self) -> Vec<f64> {
        let sizes: BTreeSet<usize> = self.config.d.iter().copied().collect();
        sizes.into_iter().map(|d| d as f64).collect()
    }

    fn chart(&self, rows: &[Row]) -> Chart {
        let title = match self.model {
            Model::Completion => "share of entries observed, p",
            _ => "measurements m",
        };
        let (sizes, amounts) = (self.sizes(), self.amounts());
        let ends = |edges: &[f64]| (edges[0], edges[edges.len() - 1]);
        let (xs, ys) = (edges(&sizes), edges(&amounts));
        let x = Axis::stops(&sizes, ends(&xs), "rows d1");
        let y = match self.model {
            Model::Completion => Axis::linear([ends(&ys).0, ends(&ys).1], title),
            _ => Axis::linear([0.0, ends(&ys).1], title),
        };
        let y = y.unwrap_or_else(|| Axis::stops(&amounts, ends(&ys), title));
        Chart {
            label: format!(
                "Share recovered by size and amount of data: {}, {}",
                self.model.name(),
                self.objective
            ),
            x,
            y,
            series: self.lines(&columns(rows)),
        }
    }

    /// The fitted line and the statistical dimension over the cells.
    fn lines(&self, columns: &[Column]) -> Vec<Series> {
        let amount = |column: &Column, m: f64| match self.model {
            Model::Completion => m / (column.shape.0 * column.shape.1) as f64,
            _ => m,
        };
        let half: Vec<Point> = columns
            .iter()
            .filter_map(|column| {
                let half = column.half?.centre;
                Some((column.shape.0 as f64, amount(column, half)))
            })
            .collect();
        let dimension: Vec<Point> = columns
            .iter()
            .filter_map(|column| Some((column.shape.0 as f64, column.dimension()?)))
            .collect();
        let line = |name: &str, colour, dash, points| Series {
            name: name.to_owned(),
            colour,
            line: true,
            dash,
            mark: Mark::None,
            points,
        };
        let mut lines = vec![line("half recovered", VERMILION, None, half)];
        if !dimension.is_empty() {
            lines.push(line("statistical dimension", SKY, Some((4.0, 2.0)), dimension));
        }
        lines
    }

    fn tiles(&self, rows: &[Row], map: fn(f64) -> Colour) -> Vec<Tile> {
        let (sizes, amounts) = (self.sizes(), self.amounts());
        let (xs, ys) = (edges(&sizes), edges(&amounts));
        let mut tiles = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            for (j, amount) in amounts.iter().enumerate() {
                let cell: Vec<&Row> = rows
                    .iter()
                    .filter(|row| row.d1 as f64 == *size && in_cell(row, *amount))
                    .collect();
                let known: Vec<bool> = cell
                    .iter()
                    .filter_map(|row| row.recovered.or_else(|| refused(row)))
                    .collect();
                let successes = known.iter().filter(|success| **success).count();
                tiles.push(Tile {
                    from: (xs[i], ys[j]),
                    to: (xs[i + 1], ys[j + 1]),
                    fill: (!known.is_empty()).then(|| map(successes as f64 / known.len() as f64)),
                    crossed: known.len() < cell.len(),
                });
            }
        }
        tiles
    }
}

fn in_cell(row: &Row, amount: f64) -> bool {
    match row.p {
        Some(p) => p == amount,
        None => row.m as f64 == amount,
    }
}

/// The edges of cells around rising centres: half-way between neighbours, and as far beyond the ends.
fn edges(centres: &[f64]) -> Vec<f64> {
    let [first, .., last] = centres else {
        return centres.iter().flat_map(|c| [c - 0.5, c + 0.5]).collect();
    };
    let between = centres.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
    let inner: Vec<f64> = between.collect();
    let mut edges = vec![2.0 * first - inner[0]];
    edges.extend(&inner);
    edges.push(2.0 * last - inner[inner.len() - 1]);
    edges
}
