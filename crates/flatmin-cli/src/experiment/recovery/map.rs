//! The share recovered, cell by cell, as the paper draws it: black none, white all.

use flatmin::experiment::Model;
use flatmin::experiment::recovery::{Config, Row};

use super::super::grid::{Grid, Shade};
use super::{Column, columns, cone, refused};
use crate::report::draw::axis::Axis;
use crate::report::draw::bar::Bar;
use crate::report::draw::chart::{Chart, Series, Tile, Tiles};
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
            "{}, {} objective{}: share of trials with ‖X − M‖_F ≤ {:e}·‖M‖_F. Hatched: unknown, because there are not so many independent measurements, none was run or none certified. Crosses: a solution was not certified and does not count. Lines: where half of the trials recover (fitted){}.",
            self.model.name(),
            self.objective,
            self.shape(),
            self.config.success,
            cone(self.model).map_or(String::new(), |norm| {
                format!("; the statistical dimension of the descent cone of the {norm} norm (dashed)")
            })
        );
        Some(Panel::drawn(name, "Recovered", caption, scene))
    }

    /// In the caption.
    fn shape(&self) -> String {
        match (self.model, self.aspect) {
            (Model::Sparse, _) => String::new(),
            (_, 1.0) => ", square matrices".to_owned(),
            (_, aspect) => format!(", d2 = {aspect}·d1"),
        }
    }

    fn holds(&self, row: &Row) -> bool {
        row.model == self.model
            && row.objective == self.objective
            && self.config.shape(self.model, row.d1, self.aspect) == Some((row.d1, row.d2))
    }

    fn grid(&self) -> Grid {
        let (config, model) = (self.config, self.model);
        Grid::new(model, config.sizes(model), config.measurements(model), &config.p)
    }

    fn chart(&self, rows: &[Row]) -> Chart {
        let (x, y) = self.grid().axes(match self.model {
            Model::Sparse => "length d",
            _ => "rows d1",
        });
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
        let amount = |column: &Column, m: f64| {
            if self.model.has_shares() {
                m / (column.shape.0 * column.shape.1) as f64
            } else {
                m
            }
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
        let mut lines = vec![Series::line("half recovered", VERMILION, half)];
        if !dimension.is_empty() {
            let line = Series::line("statistical dimension", SKY, dimension);
            lines.push(line.dashed(Some((4.0, 2.0))));
        }
        lines
    }

    fn tiles(&self, rows: &[Row], map: fn(f64) -> Colour) -> Vec<Tile> {
        let shade = |size: f64, amount: f64| {
            let cell: Vec<&Row> = rows
                .iter()
                .filter(|row| row.d1 as f64 == size && row.p.unwrap_or(row.m as f64) == amount)
                .collect();
            let known: Vec<bool> = cell
                .iter()
                .filter_map(|row| row.recovered.or_else(|| refused(row)))
                .collect();
            let successes = known.iter().filter(|success| **success).count();
            Shade {
                fill: (!known.is_empty()).then(|| map(successes as f64 / known.len() as f64)),
                crossed: known.len() < cell.len(),
            }
        };
        self.grid().tiles(shade)
    }
}
