//! Recovery: maps of the share recovered, and the lines where it is one half.

mod frontiers;
mod map;

use std::collections::BTreeMap;

pub(super) use flatmin::experiment::recovery::Config;
use flatmin::experiment::recovery::Row;
use flatmin::experiment::{Frontier, Model, frontier};

use flatmin::theory::dimension;

use super::status::{certified, is_refused};
use super::{Shown, Table};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

impl Shown for Config {
    const TITLE: &'static str = "recovery of random instances";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let columns = columns(rows);
        let mut findings = vec![trusted(rows)];
        findings.extend(frontiers::against_dimension(&columns, Model::Sensing));
        findings.extend(frontiers::against_dimension(&columns, Model::Sparse));
        findings.extend(frontiers::flat_against_nuclear(&columns));
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let mut panels = frontiers::panels(&columns(rows), font);
        panels.extend(map::panels(self, rows, font));
        panels
    }

    fn table(&self, rows: &[Row]) -> Table {
        let line = |column: &Column| {
            let shown = |value: Option<f64>| value.map_or("–".to_owned(), short);
            vec![
                column.model.name().to_owned(),
                column.objective.clone(),
                column.shape.0.to_string(),
                column.shape.1.to_string(),
                column.rank.to_string(),
                shown(column.half.map(|half| half.centre)),
                column.half.map_or("–".to_owned(), |half| {
                    format!("{} to {}", short(half.low), short(half.high))
                }),
                shown(column.dimension()),
                column.freedom().to_string(),
                column.trials.to_string(),
                column.unproved.to_string(),
            ]
        };
        Table {
            head: vec![
                "model",
                "objective",
                "d1",
                "d2",
                "rank",
                "half recovered at m",
                "95 % band",
                "statistical dimension",
                "degrees of freedom",
                "trials",
                "not certified",
            ],
            rows: columns(rows).iter().map(line).collect(),
        }
    }
}

/// All trials of one model, shape and objective.
pub(super) struct Column {
    model: Model,
    objective: String,
    shape: (usize, usize),
    rank: usize,
    /// Where half of the trials recover, in measurements.
    half: Option<Frontier>,
    trials: usize,
    unproved: usize,
}

impl Column {
    /// Of the truth: the information limit.
    fn freedom(&self) -> usize {
        self.model.freedom(self.shape, self.rank)
    }

    /// Of the descent cone of the norm at the truth, where the theory of Gaussian measurements says it.
    fn dimension(&self) -> Option<f64> {
        match self.model {
            Model::Sensing => dimension::nuclear(self.shape, self.rank).ok(),
            Model::Sparse => dimension::l1(self.shape.0, self.rank).ok(),
            _ => None,
        }
    }
}

/// The norm whose descent cone says where Gaussian measurements of the model are enough.
fn cone(model: Model) -> Option<&'static str> {
    match model {
        Model::Sensing => Some("nuclear"),
        Model::Sparse => Some("ℓ1"),
        _ => None,
    }
}

/// In the order in which they first appear.
fn columns(rows: &[Row]) -> Vec<Column> {
    let mut order = Vec::new();
    let mut groups: BTreeMap<(usize, String), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = (row.model.name(), row.d1, row.d2);
        let place = order.iter().position(|known| *known == key).unwrap_or_else(|| {
            order.push(key);
            order.len() - 1
        });
        groups
            .entry((place, row.objective.clone()))
            .or_default()
            .push(row);
    }
    groups.into_values().filter_map(|rows| column(&rows)).collect()
}

fn column(rows: &[&Row]) -> Option<Column> {
    let first = rows.first()?;
    let known: Vec<(f64, bool)> = rows
        .iter()
        .filter_map(|row| Some((row.m as f64, row.recovered.or_else(|| refused(row))?)))
        .collect();
    Some(Column {
        model: first.model,
        objective: first.objective.clone(),
        shape: (first.d1, first.d2),
        rank: first.rank,
        half: frontier(&known),
        trials: rows.len(),
        unproved: rows.len() - known.len(),
    })
}

/// A trial that cannot be solved for want of data recovers nothing.
fn refused(row: &Row) -> Option<bool> {
    is_refused(&row.status).then_some(false)
}

/// How far the rows can be trusted.
fn trusted(rows: &[Row]) -> String {
    let said = certified("solutions", rows.iter().map(|row| row.status.as_str()));
    if rows.iter().any(|row| is_refused(&row.status)) {
        said + " These count as not recovered."
    } else {
        said
    }
}
