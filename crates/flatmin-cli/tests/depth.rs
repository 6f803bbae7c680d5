//! The models of K factors: generate, solve, measure, report.

mod common;

use common::{Folder, names, number, stderr};
use ndarray::Array2;

#[test]
fn depth_two_recovers_a_sparse_vector_and_three_provably_does_not() {
    let folder = Folder::new();
    folder.done("generate sparse --d1 120 --rank 6 --m 60 --seed 1 --out x.npz");
    let shallow = folder.json("solve sparse x.npz --out two");
    assert_eq!(shallow["status"], "certified");
    assert_eq!(shallow["unique"], true);
    assert_eq!((&shallow["rank"], &shallow["depth"]), (&6.into(), &2.into()));
    assert!(number(&shallow, "error") < 1e-12);
    for depth in [3, 4] {
        let deep = folder.json(&format!("solve sparse x.npz --depth {depth} --out deep"));
        assert_eq!(deep["status"], "certified");
        assert!(number(&deep, "gap") < 1e-10 && number(&deep, "error") > 0.01);
        let layers = deep["trace_layers"].as_array().unwrap();
        assert_eq!(layers.len(), depth);
        let sum: f64 = layers.iter().map(|t| t.as_f64().unwrap()).sum();
        let expected = 2.0 * depth as f64 * number(&deep, "value");
        assert!((sum - expected).abs() <= 1e-9 * expected);
        assert!((number(&deep, "scaled_trace") - expected).abs() <= 1e-9 * expected);
        assert!(number(&deep, "excess_flatness").abs() < 1e-9);
        let measured = folder.json("measure sparse x.npz deep/factors.npz");
        assert!(measured["status"].is_null());
        for key in ["trace", "value", "squared_norm", "lambda_max"] {
            let (one, other) = (number(&deep, key), number(&measured, key));
            assert!((one - other).abs() <= 1e-8 * one, "{key}: {one} and {other}");
        }
        assert!(number(&measured, "excess_flatness").abs() < 1e-8);
    }
    // The sparse factors at a depth where they are not the flattest.
    let v = folder.matrix("two/factors.npz", "V");
    let truth = Array2::from_shape_fn((3, 120), |(j, l)| {
        let x = v[[0, l]] * v[[1, l]];
        let size = x.abs().cbrt();
        if j == 0 { size.copysign(x) } else { size }
    });
    folder.write_npz("sharp.npz", &[("V", &truth)]);
    let sharp = folder.json("measure sparse x.npz sharp.npz");
    assert!(number(&sharp, "excess_flatness") > 0.01);
    assert!(number(&sharp, "error") < 1e-12);
}

#[test]
fn noise_is_certified_too() {
    let folder = Folder::new();
    folder.done("generate sparse --d1 60 --rank 3 --m 40 --noise 0.02 --out x.npz");
    for depth in [2, 3] {
        for fit in ["--epsilon 0.15", "--lambda 0.005 --tol 1e-9"] {
            let result = folder.json(&format!("solve sparse x.npz --depth {depth} {fit}"));
            assert_eq!(result["status"], "certified", "{depth} {fit}");
            let excess = number(&result, "excess_flatness");
            assert!((-1e-12..1e-6).contains(&excess), "{depth} {fit}: {excess}");
        }
    }
}

#[test]
fn a_chain_of_three_recovers_a_matrix_of_low_rank() {
    let folder = Folder::new();
    folder.done("generate deep --d1 8 --rank 1 --m 60 --seed 3 --out x.npz");
    let result = folder.json("solve deep x.npz --out run");
    assert_eq!(result["status"], "converged");
    for key in ["lower_bound", "gap", "unique", "value"] {
        assert!(result[key].is_null(), "{key}");
    }
    assert_eq!(result["rank"], 1);
    assert!(number(&result, "relative_error") < 1e-6);
    let law = &result["nuclear_law"];
    let ratio = number(law, "ratio");
    assert!((0.7..1.3).contains(&ratio), "{ratio}");
    assert!((number(law, "nuclear_norm") - number(law, "least_nuclear_norm")).abs() < 1e-6);
    let measured = folder.json("measure deep x.npz run/factors.npz --depth 3");
    for key in ["trace", "squared_norm", "residual", "lambda_max"] {
        let (one, other) = (number(&result, key), number(&measured, key));
        assert!(
            (one - other).abs() <= 1e-6 * one.max(1e-6),
            "{key}: {one} and {other}"
        );
    }
    assert_eq!(measured["trace_layers"].as_array().unwrap().len(), 3);
}

#[test]
fn reports_are_drawn_and_drawn_again() {
    let folder = Folder::new();
    folder.done("generate sparse --d1 40 --rank 3 --m 25 --out s.npz");
    folder.done("solve sparse s.npz --out sparse");
    folder.done("generate deep --d1 6 --rank 1 --m 30 --out d.npz");
    folder.done("solve deep d.npz --depth 4 --out deep");
    for (run, figure) in [
        ("sparse", "figures/vector.png"),
        ("sparse", "figures/layers.svg"),
        ("deep", "figures/trace.png"),
        ("deep", "figures/singular-values.svg"),
    ] {
        let files = names(&folder.path(run));
        assert!(files.iter().any(|name| name == figure), "{run}: {files:?}");
    }
    for run in ["sparse", "deep"] {
        let before = folder.text(&format!("{run}/report.html"));
        folder.done(&format!("report {run}"));
        assert!(before == folder.text(&format!("{run}/report.html")), "{run}");
    }
    let page = folder.text("sparse/report.html");
    assert!(page.contains("The vector found has 40 entries, 3 of them not zero"));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = Folder::new();
    folder.done("generate sparse --d1 80 --rank 5 --m 40 --out s.npz");
    folder.done("generate deep --d1 6 --rank 1 --m 30 --out d.npz");
    for (solve, name) in [("sparse s.npz --depth 3", "s"), ("deep d.npz", "d")] {
        for threads in [1, 2] {
            folder.done(&format!(
                "solve {solve} --threads {threads} --out {name}{threads}"
            ));
        }
        let factors = |threads| folder.read(&format!("{name}{threads}/factors.npz"));
        assert!(factors(1) == factors(2), "{name}");
    }
}

#[test]
fn bad_usage_is_one_line_with_exit_code_two() {
    let folder = Folder::new();
    folder.done("generate sparse --d1 20 --rank 2 --m 12 --out s.npz");
    folder.done("generate deep --d1 4 --rank 1 --m 12 --out d.npz");
    folder.write_npz("v.npz", &[("V", &Array2::ones((3, 19)))]);
    folder.write_npz(
        "w.npz",
        &[("W1", &Array2::ones((4, 2))), ("W2", &Array2::ones((3, 4)))],
    );
    for (arguments, expected) in [
        (
            "solve sparse s.npz --depth 1",
            "expected an integer from 2 to 1000",
        ),
        (
            "solve sparse s.npz --objective nuclear",
            "--objective: found another than flat",
        ),
        (
            "solve sparse s.npz --rank 3",
            "--rank: found a number with sparse",
        ),
        ("solve sparse s.npz --lambda auto", "--lambda: found auto"),
        ("solve deep d.npz --epsilon 1", "expected --exact"),
        ("solve sensing d.npz --depth 3", "--depth: found with sensing"),
        ("solve sparse s.npz --width 3", "--width: found with sparse"),
        (
            "measure sparse s.npz v.npz",
            "v.npz: V: found 3 x 19, expected 3 x 20",
        ),
        (
            "measure sparse s.npz v.npz --depth 2",
            "found 3 rows, expected 2 as --depth says",
        ),
        ("measure deep d.npz w.npz", "found W2 of 3 x 4, expected 2 x 4"),
        ("measure deep d.npz v.npz", "expected \"W1\", \"W2\""),
        ("solve deep s.npz", "expected (m, d1, d2)"),
    ] {
        let output = folder.run(arguments);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {line}");
        assert!(line.contains(expected), "{arguments}: {line}");
    }
}
