//! Experiments: the same rows however they are run, killed and taken up again.

mod common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Folder, names, stderr};

/// Some tens of trials, a second in all.
const SMALL: &str = "--set trials=3 --set d=[8,12] --set m=[30,60,64] --set p=[0.5,0.8]";

/// Rows without their seconds, the last column.
fn rows(folder: &Folder, run: &str) -> Vec<String> {
    let text = folder.text(&format!("{run}/rows.csv"));
    let without = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
    text.lines().map(without).collect()
}

#[test]
fn threads_and_interruptions_change_no_bit_of_the_rows() {
    let folder = Folder::new();
    folder.done(&format!("experiment recovery {SMALL} --threads 1 --out whole"));
    let whole = rows(&folder, "whole");
    assert!(whole.len() > 60, "{}", whole.len());
    folder.done(&format!("experiment recovery {SMALL} --threads 2 --out two"));
    assert_eq!(whole, rows(&folder, "two"));
    // Torn in the middle of a line, as by a crash.
    let text = folder.text("whole/rows.csv");
    for cut in [text.len() / 2 + 3, text.len() - 1, 10, 0] {
        folder.write("two/rows.csv", &text[..cut]);
        folder.done("experiment recovery --out two");
        assert_eq!(whole, rows(&folder, "two"), "{cut}");
    }
    // Killed while it runs, again and again.
    std::fs::remove_file(folder.path("two/rows.csv")).unwrap();
    for kill in 0..4 {
        let mut child = folder
            .command("experiment recovery --out two -q")
            .spawn()
            .unwrap();
        let start = Instant::now();
        let before = kill;
        while start.elapsed() < Duration::from_millis(60 + 40 * before) {
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    folder.done("experiment recovery --out two");
    assert_eq!(whole, rows(&folder, "two"));
}

#[test]
fn outliers_and_sparse_vectors_are_models_like_the_others() {
    let folder = Folder::new();
    let output = folder.done(
        "experiment recovery --set models=[\"rpca\",\"sparse\"] --set trials=4 --set rank=1 --set d=[16] --set p=[0.5,0.75,1.0] \
         --set aspect=[1.0,1.5] --set vector_d=[40] --set nonzeros=3 --set vector_m=[4,8,16,24,32] --out run",
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("of the statistical dimension of the ℓ1 norm"),
        "{said}"
    );
    // One row a trial, whatever the objectives; vectors are not repeated for the second aspect.
    assert_eq!(rows(&folder, "run").len(), 1 + 4 * (2 * 3 + 5));
    let files = names(&folder.path("run"));
    for figure in [
        "frontier-sparse",
        "recovery-sparse-flat-1-grey",
        "recovery-rpca-flat-1.5-colour",
    ] {
        assert!(
            files.contains(&format!("figures/{figure}.svg")),
            "{figure}: {files:?}"
        );
    }
}

#[test]
fn a_folder_holds_configuration_rows_figures_and_report() {
    let folder = Folder::new();
    let output = folder.done(&format!("experiment recovery {SMALL} --seed 4 --out run"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("are certified"), "{said}");
    let files = names(&folder.path("run"));
    for file in [
        "config.toml",
        "rows.csv",
        "report.html",
        "figures/frontier-sensing.svg",
    ] {
        assert!(files.iter().any(|name| name == file), "{file}: {files:?}");
    }
    assert!(folder.text("run/config.toml").contains("seed = 4"));
    let before = folder.read("run/report.html");
    std::fs::remove_file(folder.path("run/report.html")).unwrap();
    folder.done("report run");
    assert_eq!(before, folder.read("run/report.html"));
}

#[test]
fn what_cannot_be_run_is_named() {
    let folder = Folder::new();
    folder.done(
        "experiment recovery --set trials=1 --set d=[5] --set m=[20] --set models=[\"sensing\"] --out run",
    );
    folder.write("bad.toml", "trials = 2\nd = [\n");
    for (arguments, expected) in [
        ("experiment recovery --set x=1", "unknown field `x`"),
        (
            "experiment recovery --set d=[0]",
            "d: found 0, expected sizes from 1 to 10,000",
        ),
        (
            "experiment recovery --set p=[1.5]",
            "p: found 1.5, expected probabilities above 0, at most 1",
        ),
        (
            "experiment recovery --set objectives=[\"round\"]",
            "objectives: found round",
        ),
        ("experiment recovery --config bad.toml", "bad.toml"),
        ("experiment recovery --config missing.toml", "missing.toml"),
        ("experiment recovery --set trials=2 --out run", "key \"d\""),
    ] {
        let output = folder.run(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments}: {said}");
    }
}
