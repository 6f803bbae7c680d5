//! One line a method over the steps: the median of the trials, between the least and the greatest of them.

use std::collections::BTreeMap;

use flatmin::experiment::trajectories::{Row, Training};

use super::{colour, label, median, relative_sharpness};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Series};
use crate::report::draw::colour::GREY;
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::count;

/// A figure along the steps.
struct Course {
    name: &'static str,
    title: &'static str,
    axis: &'static str,
    value: fn(&Row) -> Option<f64>,
    caption: &'static str,
    /// A horizontal line.
    level: Option<f64>,
}

const COURSES: [Course; 4] = [
    Course {
        name: "loss",
        title: "Loss",
        axis: "mean loss",
        value: |row| row.loss,
        caption: "loss (1/m)‖A(X) − y‖², without the noise of the labels",
        level: None,
    },
    Course {
        name: "excess",
        title: "Flatness",
        axis: "excess flatness",
        value: |row| row.excess,
        caption: "scaled trace of the Hessian over its proved minimum at zero loss, less 1. Where the loss is not small it may lie below the minimum and is not drawn; looks without neighbours are dots (median, least, greatest)",
        level: None,
    },
    Course {
        name: "error",
        title: "Distance from the truth",
        axis: "‖X − M‖_{F}",
        value: |row| row.error,
        caption: "distance from the truth, of norm 1",
        level: None,
    },
    Course {
        name: "sharpness",
        title: "Sharpness and step",
        axis: "λ_{max} over 2/η",
        value: relative_sharpness,
        caption: "largest eigenvalue of the Hessian of the mean loss over 2/η, the value (dashed) beyond which gradient descent with the learning rate η is unstable. SGD and SAM have a learning rate of their own until the break",
        level: Some(1.0),
    },
];

/// One figure each for loss, flatness, error and sharpness; `settles` is the step from which on all runs are the same.
pub(super) fn panels(rows: &[&Row], settles: usize, font: &Font) -> Vec<Panel> {
    COURSES
        .iter()
        .filter_map(|course| panel(course, rows, settles, font))
        .collect()
}

fn panel(course: &Course, rows: &[&Row], settles: usize, font: &Font) -> Option<Panel> {
    let model = rows.first()?.model.name();
    let mut series = Vec::new();
    for training in Training::ALL {
        series.extend(lines(course, training, rows));
    }
    let points = || series.iter().flat_map(|series| series.points.iter());
    let x = Axis::log(points().map(|(x, _)| *x), "steps")?;
    let y = Axis::log(points().map(|(_, y)| *y).chain(course.level), course.axis)?;
    if let Some(level) = course.level {
        let last = points().map(|(x, _)| *x).fold(1.0, f64::max);
        let across = Series::line("", GREY, vec![(1.0, level), (last, level)]);
        series.push(across.dashed(Some((4.0, 2.0))));
    }
    let chart = Chart {
        label: format!("{} along training: {model}", course.title),
        x,
        y,
        series,
    };
    let caption = format!(
        "{model}: {}. Lines: medians over the trials; thin: the least and the greatest. GD: gradient descent; SGD: with stochastic gradients; SAM: sharpness-aware minimisation. After the break at step {} every run is plain gradient descent.",
        course.caption,
        count(settles)
    );
    let name = format!("trajectories-{model}-{}", course.name);
    Some(Panel::drawn(name, course.title, caption, chart.draw(font)))
}

/// Median, least and greatest of a method. A trial that diverged is not in them.
fn lines(course: &Course, training: Training, rows: &[&Row]) -> Vec<Series> {
    let mut at: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for row in rows {
        if row.kind == "record" && row.method == training.name() && row.step > 0 {
            at.entry(row.step).or_default().extend((course.value)(row));
        }
    }
    let points = |summary: fn(Vec<f64>) -> Option<f64>| -> Vec<Point> {
        let at = at.iter().map(|(step, values)| {
            let value = summary(values.clone()).filter(|value| *value > 0.0);
            (*step as f64, value.unwrap_or(f64::NAN))
        });
        at.collect()
    };
    let middle = points(median);
    if middle.iter().all(|(_, value)| value.is_nan()) {
        return Vec::new();
    }
    let mut lines = vec![Series::line(label(training), colour(training), middle)];
    if at.values().any(|values| values.len() > 1) {
        for end in [points(least), points(greatest)] {
            lines.push(Series::line("", colour(training), end).dashed(Some((0.8, 1.4))));
        }
    }
    lines
}

fn least(values: Vec<f64>) -> Option<f64> {
    values.into_iter().reduce(f64::min)
}

fn greatest(values: Vec<f64>) -> Option<f64> {
    values.into_iter().reduce(f64::max)
}
