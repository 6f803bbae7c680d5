//! Experiment `trajectories`: rows, figures and findings of a small one.

mod common;

use common::{Folder, names, stderr};

const SMALL: &str = "--set trials=1 --set d=6 --set rank=1 --set m=28 --set network_d=6 --set network_rank=2 --set network_m=18 \
     --set steps=3000 --set settle=1000 --set records=8 --set starts=3 --set displacements=3 --set batch=4";

#[test]
fn a_folder_holds_rows_of_both_kinds_and_all_figures() {
    let folder = Folder::new();
    let output = folder.done(&format!("experiment trajectories {SMALL} --out run"));
    let said = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "certified in 2 of 2 trials",
        "rank correlation",
        "label noise",
        "0 runs diverged",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let rows = folder.text("run/rows.csv");
    for kind in [",record,", ",end,"] {
        assert!(rows.contains(kind), "{kind}");
    }
    assert!(!rows.contains("NaN") && !rows.contains("inf"));
    let files = names(&folder.path("run"));
    for model in ["sensing", "network"] {
        for figure in ["loss", "excess", "error", "sharpness", "scatter"] {
            let file = format!("figures/trajectories-{model}-{figure}.svg");
            assert!(files.contains(&file), "{file}: {files:?}");
        }
    }
    let before = folder.read("run/report.html");
    folder.done("report run");
    assert_eq!(before, folder.read("run/report.html"));
}

#[test]
fn a_run_that_diverges_is_reported_and_not_drawn() {
    let folder = Folder::new();
    let output = folder.done(&format!(
        "experiment trajectories {SMALL} --set rate=50.0 --set methods=[\"gd\"] --set starts=0 --out run"
    ));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("2 runs diverged"), "{said}");
    assert!(folder.text("run/rows.csv").contains(",diverged,"));
}

#[test]
fn what_cannot_be_run_is_named() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (
            "--set models=[\"phase\"]",
            "models: found phase, expected sensing or network",
        ),
        ("--set noise=0.0", "noise: found 0, expected a positive number"),
        ("--set batch=0", "batch: found 0"),
    ] {
        let output = folder.run(&format!("experiment trajectories {arguments}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    }
}
