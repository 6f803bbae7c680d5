//! Covariance, phase and network: widths, predictions, the file formats of their own.

mod common;

use common::{Folder, number, stderr};

#[test]
fn a_network_predicts_what_the_truth_says() {
    let folder = Folder::new();
    folder.done("generate network --d1 10 --rank 3 --m 120 --seed 1 --out x.npz");
    let result = folder.json("solve network x.npz --test x.npz --out run");
    assert_eq!(result["status"], "certified");
    assert!(number(&result, "generalization_error") < 1e-20);
    assert!(number(&result, "test_rmse") < 1e-9);
    assert_eq!(result["test_count"], 120);
    let (positive, negative) = (
        folder.matrix("run/factors.npz", "U1"),
        folder.matrix("run/factors.npz", "U2"),
    );
    assert_eq!((positive.ncols(), negative.ncols()), (2, 1));
    let squared: f64 = positive.iter().chain(negative.iter()).map(|v| v * v).sum();
    assert!((number(&result, "squared_norm") - squared).abs() < 1e-12 * squared);
    let scaled = (number(&result, "trace_left") + number(&result, "trace_right")) / 10.0;
    assert!((number(&result, "scaled_trace") - scaled).abs() < 1e-12 * scaled);
}

#[test]
fn units_that_cancel_make_a_network_sharper_by_what_they_weigh() {
    let folder = Folder::new();
    folder.done("generate network --d1 8 --rank 2 --m 70 --seed 3 --out x.npz");
    let result = folder.json("solve network x.npz --out run");
    let (positive, negative) = (
        folder.matrix("run/factors.npz", "U1"),
        folder.matrix("run/factors.npz", "U2"),
    );
    // The first unit again on both sides: w wᵀ − w wᵀ = 0.
    let first = positive.column(0).insert_axis(ndarray::Axis(1)).to_owned();
    let with =
        |a: &ndarray::Array2<f64>| ndarray::concatenate(ndarray::Axis(1), &[a.view(), first.view()]).unwrap();
    folder.write_npz("sharp.npz", &[("U1", &with(&positive)), ("U2", &with(&negative))]);
    let measured = folder.json("measure network x.npz sharp.npz");
    assert!(number(&result, "excess_flatness").abs() < 1e-7);
    assert!(number(&measured, "excess_flatness") > 0.1);
    assert!(number(&measured, "residual") < 1e-12);
    assert_eq!(measured["rank"], 2);
}

#[test]
fn widths_are_kept_and_the_bound_stays() {
    let folder = Folder::new();
    folder.done("generate network --d1 8 --rank 4 --m 120 --seed 3 --out x.npz");
    folder.run("solve network x.npz --positive 1 --negative 1 --json");
    let capped = folder.json("solve network x.npz --positive 1 --negative 2 --epsilon 5 --out run");
    let positive = folder.matrix("run/factors.npz", "U1");
    assert!(positive.ncols() <= 1, "{positive:?}");
    assert!(number(&capped, "value") >= number(&capped, "lower_bound") * (1.0 - 1e-9));
    let without = folder.json("solve network x.npz --negative 0 --epsilon 100");
    assert!(number(&without, "rank") <= 8.0);
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = Folder::new();
    folder.done("generate covariance --d1 6 --m 40 --out x.npz");
    folder.done("generate network --d1 6 --m 40 --out y.npz");
    folder.done("generate network --d1 5 --m 40 --out z.npz");
    folder.done("solve network y.npz --out run");
    for (arguments, expected) in [
        (
            "solve covariance x.npz --positive 2",
            "--positive: found with covariance, expected only with network",
        ),
        (
            "solve network y.npz --test z.npz",
            "z.npz: key \"x\": found 5 columns, expected 6 as in y.npz",
        ),
        (
            "measure covariance x.npz run/factors.npz",
            "key \"U2\": found 1 columns, expected none: the matrix of covariance is positive semidefinite",
        ),
        (
            "generate phase --rank 2 --out p.npz",
            "--rank: found 2, expected 1: a single vector is measured",
        ),
        (
            "generate covariance --d1 4 --d2 5 --out p.npz",
            "--d2: found 5, expected 4: the matrix is symmetric",
        ),
        (
            "generate sensing --negative 1 --out p.npz",
            "--negative: found with sensing, expected only with network",
        ),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let said = stderr(&output);
        assert!(said.contains(expected), "{arguments}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments}: {said}");
    }
}
