//! Completion: hidden entries, ids, centring, the choice of λ, rows that nothing observes.

mod common;

use common::{Folder, number, stderr};
use ndarray::Array2;

/// A matrix of rank 2 and size about 1, with a little noise that no seed decides.
fn smooth(d1: usize, d2: usize, noise: f64) -> Array2<f64> {
    Array2::from_shape_fn((d1, d2), |(i, j)| {
        let (x, y) = (i as f64 / 7.0, j as f64 / 5.0);
        let rough = (((i * 7919 + j * 104_729) % 1009) as f64 / 1009.0 - 0.5) * noise;
        x.sin() * y.cos() + 0.5 * (x + 1.0).cos() * (0.3 * y).sin() + rough
    })
}

#[test]
fn hidden_entries_of_a_whole_matrix_are_predicted() {
    let folder = Folder::new();
    folder.write_npz("x.npz", &[("X", &smooth(40, 30, 0.0))]);
    let result = folder.json("solve completion x.npz --hide 0.4 --exact --seed 3");
    assert_eq!(number(&result, "test_count"), 480.0);
    assert_eq!(number(&result, "measurements"), 720.0);
    assert!(number(&result, "test_rmse") < 1e-6 && number(&result, "test_relative_error") < 1e-6);
    let other = folder.json("solve completion x.npz --hide 0.4 --exact --seed 4");
    assert_ne!(result["value"], other["value"]);
}

#[test]
fn lambda_is_chosen_on_held_out_entries() {
    let folder = Folder::new();
    folder.write_npz("x.npz", &[("X", &smooth(36, 30, 0.4))]);
    let chosen = folder.json("solve completion x.npz --hide 0.3");
    assert_eq!(chosen["fit"], "lambda");
    let lambda = number(&chosen, "lambda");
    let error = |lambda: f64| {
        let result = folder.json(&format!("solve completion x.npz --hide 0.3 --lambda {lambda}"));
        number(&result, "test_rmse")
    };
    // Neither end of the scale is better; the noise has a root mean square of 0.115.
    assert!(number(&chosen, "test_rmse") < 0.13, "{chosen}");
    assert!(number(&chosen, "test_rmse") <= error(20.0 * lambda).min(error(lambda / 20.0)));
}

#[test]
fn noiseless_data_are_said_to_be_so() {
    let folder = Folder::new();
    folder.write_npz("x.npz", &[("X", &smooth(20, 20, 0.0))]);
    let output = folder.done("solve completion x.npz --hide 0.3");
    assert!(
        stderr(&output).contains("the data look noiseless"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn centring_is_undone_in_predictions_and_told_in_the_files() {
    let folder = Folder::new();
    let lifted = smooth(40, 30, 0.05) + 1000.0;
    folder.write_npz("x.npz", &[("X", &lifted)]);
    for (center, key) in [("global", "mean.npy"), ("bias", "column_bias.npy")] {
        let arguments =
            format!("solve completion x.npz --hide 0.3 --center {center} --lambda 0.5 --out {center}");
        let result = folder.json(&arguments);
        assert_eq!(result["center"], center);
        assert!(number(&result, "test_relative_error") < 1e-3, "{result}");
        let archive = String::from_utf8_lossy(&folder.read(&format!("{center}/factors.npz"))).into_owned();
        assert!(archive.contains(key), "{center}");
    }
}

#[test]
fn ids_are_kept_and_held_out_entries_matched_by_them() {
    let folder = Folder::new();
    let x = smooth(12, 10, 0.0);
    let line = |(i, j): (usize, usize)| format!("user {i},\"film, {j}\",{}\n", x[(i, j)]);
    let all = || (0..12).flat_map(|i| (0..10).map(move |j| (i, j)));
    let is_test = |(i, j): &(usize, usize)| (i * 3 + j) % 11 == 0;
    let train: String = all().filter(|place| !is_test(place)).map(line).collect();
    let test: String = all().filter(is_test).map(line).collect();
    folder.write("train.csv", format!("user,film,value\n{train}"));
    folder.write("test.csv", format!("{test}nobody,\"film, 1\",1.0\n"));
    let output = folder.done("solve completion train.csv --test test.csv --exact --json --out run");
    assert!(stderr(&output).contains("1 of 12 entries"), "{}", stderr(&output));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(number(&result, "test_count"), 11.0);
    assert!(number(&result, "test_rmse") < 1e-6);
    assert!(folder.text("run/column_ids.csv").contains("\"film, 3\""));
    assert!(folder.text("run/row_ids.csv").starts_with("index,id\n0,user 0\n"));
}

#[test]
fn rows_that_nothing_observes_are_named() {
    let folder = Folder::new();
    let mut x = smooth(12, 10, 0.0);
    x.row_mut(4).fill(f64::NAN);
    x.row_mut(7).fill(f64::NAN);
    folder.write_npz("x.npz", &[("X", &x)]);
    let output = folder.done("solve completion x.npz --exact --json");
    assert_eq!(
        stderr(&output),
        "flatmin: 2 rows have no observed entry, the first of them 4: what is recovered there is zero\n"
    );
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            number(&result, "unobserved_rows"),
            number(&result, "unobserved_columns")
        ),
        (2.0, 0.0)
    );
    assert_eq!(result["unique"], false);
    assert!(result["condition_d1"].is_null() && !result["condition_d2"].is_null());
}

#[test]
fn the_text_formats_hold_the_same_entries() {
    let folder = Folder::new();
    let mut values = Vec::new();
    for extension in ["npz", "csv", "tsv", "mtx"] {
        folder.done(&format!(
            "generate completion --d1 15 --p 0.8 --noise 0.01 --out x.{extension}"
        ));
        let result = folder.json(&format!(
            "solve completion x.{extension} --lambda 0.01 --tol 1e-9"
        ));
        values.push(number(&result, "value"));
    }
    // Ids are numbered by first appearance: the same problem with its columns in another order.
    assert!(
        values.iter().all(|value| (value / values[0] - 1.0).abs() < 1e-8),
        "{values:?}"
    );
}

/// Two blocks that no entry joins; "ben" has one entry, the block around him rank two in all.
#[test]
fn what_the_pattern_leaves_open_is_said_once_by_name() {
    let folder = Folder::new();
    let mut table = String::from("who,what,value\n");
    for (a, who) in ["ann", "cy", "di"].iter().enumerate() {
        for b in 0..4 {
            let value = (a as f64 + 1.0) * (b as f64 - 1.5) + (a as f64 - 1.0).powi(2) * 2.0;
            table += &format!("{who},item{b},{value}\n");
        }
    }
    table += "ben,item0,1\neve,other,2\neve,more,3\n";
    folder.write("x.csv", &table);
    let result = folder.json("solve completion x.csv --exact");
    assert_eq!(
        (number(&result, "components"), number(&result, "rank")),
        (2.0, 3.0)
    );
    // ben and eve, and eve's two items.
    assert_eq!(number(&result, "under_observed_rows"), 2.0);
    assert_eq!(number(&result, "under_observed_columns"), 2.0);
    let text = String::from_utf8(folder.done("solve completion x.csv --exact").stdout).unwrap();
    let open = text.lines().find(|line| line.starts_with("open")).unwrap();
    assert_eq!(
        open,
        "open       the entries fall into 2 components that share no row or column; row \"ben\" and 3 others have fewer entries than the rank: the objective decides there"
    );
    folder.write_npz("full.npz", &[("X", &smooth(9, 8, 0.0))]);
    let text = String::from_utf8(folder.done("solve completion full.npz --exact").stdout).unwrap();
    assert!(!text.contains("open ") && !text.contains("isometry"), "{text}");
}

/// Ratings, a tenth of which are in `test.csv`.
fn ratings() -> Folder {
    let folder = Folder::new();
    folder.done("generate completion --ratings 150x60x3000 --seed 4 --out train.csv --test test.csv");
    folder
}

#[test]
fn biases_are_fitted_together_with_the_matrix() {
    let folder = ratings();
    let solve = "solve completion train.csv --test test.csv --tol 1e-6 --lambda 0.5";
    let joint = folder.json(&format!("{solve} --center bias --out joint"));
    let mean = folder.json(&format!("{solve} --center global"));
    assert_eq!(joint["status"], "certified");
    assert!(
        number(&joint, "test_rmse") < number(&mean, "test_rmse"),
        "{joint} {mean}"
    );
    // At the joint optimum a row fitted anew to its entries, bias and all, is itself.
    let column = |arguments: &str| -> Vec<f64> {
        let text = String::from_utf8(folder.done(arguments).stdout).unwrap();
        let last = |line: &str| line.rsplit(',').next().unwrap().parse().unwrap();
        text.lines().skip(1).map(last).collect()
    };
    let known = column("predict joint --pairs test.csv");
    let fitted = column("predict joint train.csv --pairs test.csv");
    let worst = known
        .iter()
        .zip(fitted)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 0.05, "{worst}");
}

#[test]
fn the_objective_is_chosen_on_held_out_entries() {
    let folder = ratings();
    let solve = "solve completion train.csv --test test.csv --center bias --rank 8";
    let chosen = folder.json(&format!("{solve} --objective auto --folds 3"));
    let names = ["flat", "smoothed:0.5", "nuclear"];
    assert!(names.iter().any(|name| chosen["objective"] == *name), "{chosen}");
    let given = folder.json(&format!(
        "{solve} --folds 3 --objective {}",
        chosen["objective"].as_str().unwrap()
    ));
    assert_eq!(
        (&given["lambda"], &given["value"]),
        (&chosen["lambda"], &chosen["value"])
    );
    for (arguments, expected) in [
        (
            "solve completion train.csv --objective auto --lambda 1",
            "--objective: found auto",
        ),
        (
            "solve completion train.csv --folds 3 --lambda 1",
            "--folds: found without --lambda auto",
        ),
        ("solve sensing train.npz --folds 3", "--folds: found with sensing"),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}
