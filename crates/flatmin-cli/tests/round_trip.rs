//! generate, solve, measure, report: what one writes the next reads, and the answer is the known one.

mod common;

use common::{Folder, names, number, stderr};

const MODELS: [(&str, &str); 6] = [
    ("sensing", "--d1 12 --d2 10 --rank 2 --m 110"),
    ("bilinear", "--d1 12 --d2 10 --rank 2 --m 118"),
    ("completion", "--d1 24 --d2 20 --rank 2 --p 0.75"),
    ("covariance", "--d1 12 --rank 2 --m 100"),
    ("phase", "--d1 12 --m 72"),
    ("network", "--d1 12 --rank 2 --m 110"),
];

#[test]
fn the_truth_is_recovered_certified_and_alone() {
    for (model, sizes) in MODELS {
        let folder = Folder::new();
        folder.done(&format!("generate {model} {sizes} --seed 2 --out x.npz"));
        let result = folder.json(&format!("solve {model} x.npz --exact --out run"));
        assert_eq!(result["status"], "certified", "{model}");
        assert_eq!(result["unique"], true, "{model}");
        assert_eq!(result["rank"], if model == "phase" { 1 } else { 2 }, "{model}");
        assert!(number(&result, "relative_error") < 1e-7, "{model}");
        assert!(number(&result, "excess_flatness").abs() < 1e-7, "{model}");
        assert!(number(&result, "lambda_max") > 0.0, "{model}");
        let measured = folder.json(&format!("measure {model} x.npz run/factors.npz"));
        assert!(measured["status"].is_null());
        assert_eq!(measured["unique"], true, "{model}");
        for key in [
            "scaled_trace",
            "trace_left",
            "trace_right",
            "value",
            "squared_norm",
            "condition_d1",
        ] {
            let (one, other) = (number(&result, key), number(&measured, key));
            assert!(
                (one - other).abs() <= 1e-9 * one.abs(),
                "{model}, {key}: {one} and {other}"
            );
        }
        assert!(number(&measured, "excess_flatness").abs() < 1e-7, "{model}");
    }
}

#[test]
fn every_key_of_the_contract_is_there() {
    let folder = Folder::new();
    folder.done("generate completion --d1 20 --p 0.8 --noise 0.001 --out x.npz");
    let result = folder.json("solve completion x.npz --hide 0.1 --lambda 0.001");
    for key in [
        "model",
        "objective",
        "shape",
        "measurements",
        "rank",
        "seed",
        "threads",
        "version",
        "seconds",
        "iterations",
        "status",
        "value",
        "lower_bound",
        "gap",
        "scaled_trace",
        "trace",
        "trace_left",
        "trace_right",
        "excess_flatness",
        "residual",
        "unique",
        "balancedness",
        "squared_norm",
        "condition_d1",
        "condition_d2",
        "lambda_max",
        "error",
        "relative_error",
        "lambda",
        "train_rmse",
        "test_rmse",
        "test_mae",
        "test_count",
    ] {
        assert!(!result[key].is_null(), "{key}");
    }
    let parts = number(&result, "trace_left") + number(&result, "trace_right");
    assert!((number(&result, "trace") - parts).abs() < 1e-12 * parts);
    let scaled = number(&result, "trace_left") / 20.0 + number(&result, "trace_right") / 20.0;
    assert!((number(&result, "scaled_trace") - scaled).abs() < 1e-12 * scaled);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for (model, sizes) in MODELS {
        let folder = Folder::new();
        folder.done(&format!(
            "generate {model} {sizes} --seed 5 --noise 0.001 --out x.npz"
        ));
        let fit = if model == "completion" {
            "--lambda auto"
        } else {
            "--epsilon 0.01"
        };
        let mut results = [1, 2].map(|threads| {
            folder.json(&format!(
                "solve {model} x.npz {fit} --threads {threads} --out run{threads}"
            ))
        });
        for result in &mut results {
            result["seconds"] = 0.into();
            result["threads"] = 0.into();
        }
        assert_eq!(results[0].to_string(), results[1].to_string(), "{model}");
        assert_eq!(
            folder.read("run1/factors.npz"),
            folder.read("run2/factors.npz"),
            "{model}"
        );
    }
}

#[test]
fn a_report_is_drawn_again_from_its_files() {
    let folder = Folder::new();
    folder.done("generate completion --d1 12 --p 0.9 --out x.npz");
    let printed = folder
        .done("solve completion x.npz --exact --json --out run")
        .stdout;
    assert_eq!(printed, folder.read("run/result.json"));
    let files = names(&folder.path("run"));
    assert!(
        files.iter().any(|name| name == "figures/cross-section.svg"),
        "{files:?}"
    );
    let before: Vec<_> = files
        .iter()
        .map(|name| folder.read(&format!("run/{name}")))
        .collect();
    std::fs::remove_dir_all(folder.path("run/figures")).unwrap();
    folder.done("report run");
    let after: Vec<_> = files
        .iter()
        .map(|name| folder.read(&format!("run/{name}")))
        .collect();
    assert!(before == after);
}

#[test]
fn a_seed_gives_one_file() {
    let folder = Folder::new();
    for name in ["a.npz", "b.npz"] {
        folder.done(&format!(
            "generate sensing --d1 5 --m 20 --condition 3 --noise 0.1 --out {name}"
        ));
    }
    folder.done("generate sensing --d1 5 --m 20 --condition 3 --noise 0.1 --seed 1 --out c.npz");
    assert_eq!(folder.read("a.npz"), folder.read("b.npz"));
    assert_ne!(folder.read("a.npz"), folder.read("c.npz"));
    let truth = folder.matrix("a.npz", "truth");
    let norm = truth.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((norm - 1.0).abs() < 1e-14);
}

#[test]
fn quiet_prints_nothing_and_nothing_is_written_without_a_folder() {
    let folder = Folder::new();
    folder.done("generate bilinear --d1 12 --d2 10 --m 118 --seed 2 --out x.npz");
    let output = folder.done("solve bilinear x.npz -q");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{}",
        stderr(&output)
    );
    assert_eq!(names(&folder.path("")), ["x.npz"]);
    let summary = String::from_utf8(folder.done("solve bilinear x.npz").stdout).unwrap();
    assert!(summary.starts_with("result     certified"), "{summary}");
    assert!(summary.lines().count() <= 12, "{summary}");
}
