//! Flatness against error at zero loss: every end point, however it was found.

use flatmin::experiment::trajectories::{Row, Training};

use super::{colour, label};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{Colour, GREY};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// Below this the excess is rounding, and below its square the error: such points lie at the ends of the axes.
const FLOOR: f64 = 1e-8;

/// (excess, generalisation error) of the zero-loss points of a method.
fn points(rows: &[&Row], method: &str) -> Vec<Point> {
    rows.iter()
        .filter(|row| row.kind == "end" && row.method == method)
        .filter_map(|row| Some((row.excess?.max(FLOOR), row.generalisation?.max(FLOOR * FLOOR))))
        .collect()
}

/// One figure a model.
pub(super) fn panel(rows: &[&Row], font: &Font) -> Option<Panel> {
    let model = rows.first()?.model.name();
    let mut series = Vec::new();
    let mut add = |name: &str, colour: Colour, mark: Mark, points: Vec<Point>| {
        if !points.is_empty() {
            series.push(Series::marks(name, colour, mark, points));
        }
    };
    add("flat, displaced", GREY, Mark::Ring, points(rows, "displacement"));
    add("random starts", GREY, Mark::Disc, points(rows, "start"));
    for training in Training::ALL {
        let own = points(rows, training.name());
        add(label(training), colour(training), Mark::Disc, own);
    }
    let all = || series.iter().flat_map(|series| series.points.iter());
    let count = all().count();
    let x = Axis::log(all().map(|(x, _)| *x), "excess flatness")?;
    let y = Axis::log(all().map(|(_, y)| *y), "generalisation error")?;
    let chart = Chart {
        label: format!("Generalisation error against excess flatness at zero loss: {model}"),
        x,
        y,
        series,
    };
    let caption = format!(
        "{model}: {count} zero-loss points, by the excess of their scaled trace over its proved minimum and by the mean squared error of a new measurement. Ends of the runs (GD: gradient descent; SGD: with stochastic gradients; SAM: sharpness-aware minimisation); gradient descent from random starts of many sizes; random displacements of the flat factors; all projected onto the zero-loss set. What is below {} (excess) or its square (error) is drawn there.",
        short(FLOOR)
    );
    Some(Panel::drawn(
        format!("trajectories-{model}-scatter"),
        "Flatness and error",
        caption,
        chart.draw(font),
    ))
}

/// The rank correlation of flatness and error over all zero-loss points.
pub(super) fn finding(rows: &[&Row]) -> Option<String> {
    let points: Vec<Point> = rows
        .iter()
        .filter(|row| row.kind == "end")
        .filter_map(|row| Some((row.excess?, row.generalisation?)))
        .collect();
    let rho = correlation(
        &ranks(points.iter().map(|point| point.0).collect()),
        &ranks(points.iter().map(|point| point.1).collect()),
    )?;
    Some(format!(
        "{}: over {} zero-loss points the rank correlation (Spearman) of excess flatness and generalisation error is {rho:.2}.",
        rows.first()?.model.name(),
        points.len()
    ))
}

/// The rank of each value, from 0; ties in the order of the rows.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as f64;
    }
    ranks
}

/// Pearson's; `None` of fewer than three points.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    (a.len() >= 3).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_sees_order_alone() {
        let x = ranks(vec![1.0, 2.0, 30.0, 400.0]);
        assert_eq!(x, [0.0, 1.0, 2.0, 3.0]);
        let of = |y: Vec<f64>| correlation(&x, &ranks(y)).unwrap();
        assert!((of(vec![0.1, 0.2, 0.21, 9.0]) - 1.0).abs() < 1e-12);
        assert!((of(vec![4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&x[..2], &x[..2]), None);
    }
}
