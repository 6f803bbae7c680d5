//! The lines where half of the trials recover, against size: flat and nuclear, and what theory says.

use flatmin::experiment::Model;

use super::{Column, cone};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREEN, GREY, INK, PURPLE, VERMILION};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;

/// One figure a model.
pub(super) fn panels(columns: &[Column], font: &Font) -> Vec<Panel> {
    let mut models: Vec<Model> = Vec::new();
    for column in columns {
        if !models.contains(&column.model) {
            models.push(column.model);
        }
    }
    let of = |model: Model| -> Vec<&Column> {
        let square = |(d1, d2): (usize, usize)| d1 == d2 || model == Model::Sparse;
        let shown = |column: &&Column| column.model == model && square(column.shape);
        columns.iter().filter(shown).collect()
    };
    models
        .iter()
        .filter_map(|model| panel(*model, &of(*model), font))
        .collect()
}

fn panel(model: Model, columns: &[&Column], font: &Font) -> Option<Panel> {
    let series = series(columns);
    let points = || series.iter().flat_map(|series| series.points.iter());
    let (size, amount, what) = match model {
        Model::Sparse => ("length d", "measurements m", "measurements"),
        Model::Rpca => (
            "rows and columns d",
            "entries without outlier",
            "entries without outlier",
        ),
        _ => ("rows and columns d", "measurements m", "measurements"),
    };
    let x = Axis::linear_with_room(points().map(|(x, _)| *x), size)?;
    let y = Axis::linear(points().map(|(_, y)| *y).chain([0.0]), amount)?;
    let chart = Chart {
        label: format!(
            "Measurements at which half of the trials recover: {}",
            model.name()
        ),
        x,
        y,
        series,
    };
    let theory = cone(model).map_or(String::new(), |norm| {
        format!(
            ", and the statistical dimension of the descent cone of the {norm} norm, where theory sees the transition"
        )
    });
    let square = if model == Model::Sparse {
        ""
    } else {
        ", for square matrices"
    };
    let caption = format!(
        "{}: number of {what} at which half of the trials recover, with its 95 % band (thin){square}. Grey: degrees of freedom, below which nothing is determined{theory}.",
        model.name()
    );
    Some(Panel::drawn(
        format!("frontier-{}", model.name()),
        "Half recovered",
        caption,
        chart.draw(font),
    ))
}

fn series(columns: &[&Column]) -> Vec<Series> {
    let mut objectives: Vec<&str> = Vec::new();
    for column in columns {
        if !objectives.contains(&column.objective.as_str()) {
            objectives.push(&column.objective);
        }
    }
    let mut series = Vec::new();
    for (objective, colour) in objectives.iter().zip(COLOURS.iter().cycle()) {
        let own = || columns.iter().filter(|column| column.objective == *objective);
        let points = |value: fn(&Column) -> Option<f64>| -> Vec<Point> {
            own()
                .filter_map(|column| Some((column.shape.0 as f64, value(column)?)))
                .collect()
        };
        let centres = points(|c| Some(c.half?.centre));
        series.push(Series::line(*objective, *colour, centres).marked(Mark::Disc));
        for end in [points(|c| Some(c.half?.low)), points(|c| Some(c.half?.high))] {
            series.push(Series::line("", *colour, end).dashed(Some((1.0, 2.0))));
        }
    }
    let theory = |value: fn(&Column) -> Option<f64>| -> Vec<Point> {
        let mut points: Vec<Point> = columns
            .iter()
            .filter_map(|column| Some((column.shape.0 as f64, value(column)?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|a, b| a.0 == b.0);
        points
    };
    let dimension = theory(Column::dimension);
    if !dimension.is_empty() {
        series.push(Series::line("statistical dimension", INK, dimension).dashed(Some((4.0, 2.0))));
    }
    let freedom = theory(|column| Some(column.freedom() as f64));
    series.push(Series::line("degrees of freedom", GREY, freedom));
    series
}

const COLOURS: [Colour; 4] = [BLUE, VERMILION, GREEN, PURPLE];

/// How far the flat frontier of a Gaussian model is from the statistical dimension.
pub(super) fn against_dimension(columns: &[Column], model: Model) -> Option<String> {
    let distances: Vec<f64> = columns
        .iter()
        .filter(|column| column.model == model && column.objective == "flat")
        .filter_map(|column| Some(column.half?.centre / column.dimension()? - 1.0))
        .collect();
    let (low, high) = range(&distances)?;
    let percent = |distance: f64| format!("{:.1} %", 100.0 * (1.0 + distance));
    let mut ends = vec![percent(low), percent(high)];
    ends.dedup();
    Some(format!(
        "{}: flat solutions recover half of the time at {} of the statistical dimension of the {} norm's descent cone.",
        model.name(),
        ends.join(" to "),
        cone(model)?
    ))
}

/// Where the frontiers of flat and nuclear differ, and by how much.
pub(super) fn flat_against_nuclear(columns: &[Column]) -> Vec<String> {
    let mut models: Vec<Model> = columns.iter().map(|column| column.model).collect();
    models.dedup();
    let sentence = |model: &Model| {
        let differences: Vec<f64> = columns
            .iter()
            .filter(|column| column.model == *model && column.objective == "flat")
            .filter_map(|flat| {
                let nuclear = columns.iter().find(|column| {
                    column.model == *model && column.objective == "nuclear" && column.shape == flat.shape
                })?;
                Some(flat.half?.centre / nuclear.half?.centre - 1.0)
            })
            .collect();
        let (low, high) = range(&differences)?;
        Some(format!(
            "{}: the flat frontier lies between {} and {} the nuclear one, by size.",
            model.name(),
            side(low),
            side(high)
        ))
    };
    models.iter().filter_map(sentence).collect()
}

/// A relative difference in words.
fn side(difference: f64) -> String {
    let word = if difference < 0.0 { "below" } else { "above" };
    format!("{:.1} % {word}", 100.0 * difference.abs())
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((low, high))
}
