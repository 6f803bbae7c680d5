//! measure: the audit of anyone's factors.

mod common;

use common::{Folder, number, stderr};
use ndarray::Array2;

/// (c·L, R/c) of flat factors has the scaled trace times (c² + c⁻²)/2.
#[test]
fn rescaled_factors_are_sharper_by_the_formula() {
    for (model, sizes) in [("sensing", "--d1 8 --m 80"), ("completion", "--d1 16 --p 0.85")] {
        let folder = Folder::new();
        folder.done(&format!("generate {model} {sizes} --out x.npz"));
        let flat = folder.json(&format!("solve {model} x.npz --exact --out run"));
        let (l, r) = (
            folder.matrix("run/factors.npz", "L"),
            folder.matrix("run/factors.npz", "R"),
        );
        for c in [0.5, 3.0] {
            folder.write_npz("sharp.npz", &[("L", &(&l * c)), ("R", &(&r / c))]);
            let sharp = folder.json(&format!("measure {model} x.npz sharp.npz --out audit"));
            let expected = (c * c + 1.0 / (c * c)) / 2.0 - 1.0;
            let found = number(&sharp, "excess_flatness");
            assert!(
                (found - expected).abs() < 1e-6,
                "{model}, {c}: {found}, expected {expected}"
            );
            assert!((number(&sharp, "value") / number(&flat, "value") - 1.0).abs() < 1e-9);
            assert!(number(&sharp, "balancedness") > number(&flat, "balancedness"));
            assert_eq!(sharp["unique"], true);
        }
        assert!(folder.text("audit/report.html").contains("given factorisation"));
    }
}

/// Factors that fit badly are compared with all that fit as badly.
#[test]
fn noisy_factors_get_a_ball_of_their_own_misfit() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 8 --m 80 --noise 0.01 --out x.npz");
    folder.done("solve sensing x.npz --lambda 0.01 --out run");
    let measured = folder.json("measure sensing x.npz run/factors.npz");
    assert_eq!(measured["fit"], "epsilon");
    let excess = number(&measured, "excess_flatness");
    assert!((-1e-9..1e-3).contains(&excess), "{excess}");
    let alone = folder.json("measure sensing x.npz run/factors.npz --no-bound");
    assert_eq!(alone["scaled_trace"], measured["scaled_trace"]);
    assert_eq!(alone["value"], measured["value"]);
    for key in ["lower_bound", "gap", "excess_flatness", "unique"] {
        assert!(alone[key].is_null(), "{key}");
    }
}

/// Zero factors fit as well as nothing at all: every bound is zero.
#[test]
fn factors_that_solve_nothing_have_no_excess() {
    let folder = Folder::new();
    folder.done("generate bilinear --d1 6 --d2 5 --m 60 --out x.npz");
    folder.write_npz(
        "zero.npz",
        &[("L", &Array2::zeros((6, 1))), ("R", &Array2::zeros((5, 1)))],
    );
    let result = folder.json("measure bilinear x.npz zero.npz");
    assert!(result["excess_flatness"].is_null());
    assert_eq!(
        (number(&result, "residual"), number(&result, "scaled_trace")),
        (1.0, 0.0)
    );
    assert_eq!(result["rank"], 0);
    folder.write_npz(
        "short.npz",
        &[("L", &Array2::zeros((6, 1))), ("R", &Array2::zeros((4, 1)))],
    );
    let output = folder.run("measure bilinear x.npz short.npz");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "flatmin: short.npz: key \"R\": found 4 rows, expected 5 as in x.npz\n"
    );
}

/// The bounds hold for the flat factors, and do not depend on which factors are measured.
#[test]
fn theory_is_measured_with_the_factors() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 8 --m 80 --out x.npz");
    let flat = folder.json("solve sensing x.npz --isometry --out run");
    let (regularity, coherence) = (&flat["regularity"], &flat["coherence"]);
    let (kappa, norm) = (
        number(regularity, "kappa"),
        number(regularity, "squared_norm_bound"),
    );
    assert!(
        (1.0..3.0).contains(&kappa) && (1.0..=kappa * kappa).contains(&norm),
        "{regularity}"
    );
    let imbalance = number(regularity, "imbalance_bound");
    // Both are over the nuclear norm, here of the truth and of X, which are one.
    assert!(number(&flat, "balancedness") <= imbalance && imbalance <= kappa * kappa - 1.0 + 1e-9);
    assert!((1.0..=4.0).contains(&number(coherence, "left")) && number(coherence, "joint") >= 1.0);
    let constant = number(&flat, "isometry_constant");
    assert!((0.0..1.0).contains(&constant), "{constant}");
    let again = folder.json("measure sensing x.npz run/factors.npz");
    assert_eq!(again["regularity"], flat["regularity"]);
    assert!(again["isometry_constant"].is_null() && again["components"].is_null());
}
