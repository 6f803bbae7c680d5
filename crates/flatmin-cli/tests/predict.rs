//! Predictions by a solution of completion: new rows and columns, pairs, the top of each row, what is refused.

mod common;

use common::{Folder, number, stderr};

/// Ratings, a solution of nine tenths of them in `model`, the rest in `test.csv`.
fn solved(objective: &str, center: &str) -> Folder {
    let folder = Folder::new();
    folder.done("generate completion --ratings 80x40x1200 --seed 2 --out train.csv --test test.csv");
    folder.done(&format!(
        "solve completion train.csv --lambda 0.3 --tol 1e-9 --objective {objective} --center {center} --out model"
    ));
    folder
}

/// The numbers of the last column of a table.
fn last_column(text: &str) -> Vec<f64> {
    let fields = text
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap_or_default());
    fields.map(|field| field.parse().unwrap()).collect()
}

fn printed(folder: &Folder, arguments: &str) -> String {
    String::from_utf8(folder.done(arguments).stdout).unwrap()
}

#[test]
fn rows_and_columns_fitted_to_their_own_entries_are_those_of_the_solution() {
    for objective in ["flat", "smoothed:0.5", "nuclear"] {
        let folder = solved(objective, "global");
        let known = last_column(&printed(&folder, "predict model --pairs test.csv"));
        for options in ["", "--columns"] {
            let arguments = format!("predict model train.csv --pairs test.csv {options}");
            let fitted = last_column(&printed(&folder, &arguments));
            assert_eq!(fitted.len(), known.len());
            let worst = fitted
                .iter()
                .zip(&known)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(worst < 1e-3, "{objective} {options}: {worst}");
        }
    }
}

#[test]
fn new_rows_are_predicted_better_than_by_the_mean() {
    let folder = solved("flat", "bias");
    let train = folder.text("train.csv").replace('\n', "\nnew-");
    folder.write("new.csv", train.trim_end_matches("new-"));
    let test = folder.text("test.csv").replace('\n', "\nnew-");
    folder.write("pairs.csv", test.trim_end_matches("new-"));
    let fitted = folder.json("predict model new.csv --pairs pairs.csv --out new");
    let unknown = folder.json("predict model --pairs pairs.csv");
    assert_eq!(number(&fitted, "pairs_of_unknown_rows"), 0.0);
    assert_eq!(
        number(&unknown, "pairs_of_unknown_rows"),
        number(&unknown, "pairs")
    );
    assert!(
        number(&fitted, "test_rmse") < 0.98 * number(&unknown, "test_rmse"),
        "{fitted} {unknown}"
    );
    assert_eq!(number(&fitted, "fitted"), 80.0);
    assert!(folder.text("new/new_row_ids.csv").contains("new-"));
    assert!(String::from_utf8_lossy(&folder.read("new/new_factors.npz")).contains("row_bias.npy"));
    assert_eq!(
        last_column(&folder.text("new/predictions.csv")).len() as f64,
        number(&fitted, "pairs")
    );
}

#[test]
fn the_top_has_no_seen_column_and_falls() {
    let folder = solved("flat", "bias");
    let top = printed(
        &folder,
        "predict model train.csv --top 3 --clip 0.5,5 --threads 1",
    );
    assert_eq!(
        top,
        printed(
            &folder,
            "predict model train.csv --top 3 --clip 0.5,5 --threads 3"
        )
    );
    assert_eq!(top.lines().count(), 1 + 80 * 3);
    let train = folder.text("train.csv");
    let mut before = f64::INFINITY;
    for line in top.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(
            !train.contains(&format!("\n{},{},", fields[0], fields[2])),
            "{line}"
        );
        let prediction: f64 = fields[3].parse().unwrap();
        assert!((0.5..=5.0).contains(&prediction));
        assert!(fields[1] == "1" || prediction <= before, "{line}");
        before = prediction;
    }
}

#[test]
fn bounds_hold_in_scores() {
    let folder = solved("flat", "bias");
    let arguments = "solve completion train.csv --test test.csv --lambda 1e-3 --center bias";
    let far = folder.json(&format!("{arguments} --clip 100,101"));
    assert!((95.0..99.5).contains(&number(&far, "test_mae")), "{far}");
    let wide = folder.json(&format!("{arguments} --clip -100,100"));
    assert_eq!(wide["test_rmse"], folder.json(arguments)["test_rmse"]);
}

#[test]
fn places_need_no_values() {
    let folder = solved("flat", "none");
    for table in [
        "user,item\n0,1\nnobody,2\n3,nothing\n",
        "0,1\nnobody,2\n3,nothing\n",
    ] {
        folder.write("pairs.csv", table);
        let output = folder.done("predict model --pairs pairs.csv");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.starts_with("row,column,prediction\n0,1,") && text.contains("\nnobody,2,0\n"),
            "{text}"
        );
        let expected = "of 3 places 1 have a row and 1 a column that the model lacks";
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn what_is_wrong_is_one_line() {
    let folder = solved("flat", "none");
    folder.write("bad.csv", "0,1,3\n0,2,x\n");
    std::fs::create_dir(folder.path("other")).unwrap();
    folder.write("other/factors.npz", b"no archive");
    for (arguments, expected) in [
        (
            "predict model",
            "found neither --pairs nor --top, expected one of",
        ),
        (
            "predict model train.csv --top 2 --pairs test.csv",
            "found --pairs and --top, expected one of",
        ),
        (
            "predict model bad.csv --top 2",
            "bad.csv: line 2, column 3 (value): found \"x\"",
        ),
        (
            "predict nowhere --pairs test.csv",
            "nowhere: found nothing there, expected a folder",
        ),
        (
            "predict other --pairs test.csv",
            "factors.npz: found no npz archive",
        ),
        (
            "predict model --pairs test.csv --clip 5,1",
            "expected two rising numbers",
        ),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(expected),
            "{arguments}: {}",
            stderr(&output)
        );
    }
}
