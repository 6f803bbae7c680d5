//! Every experiment beside recovery: runs small, says what it found, draws, and redraws the same report.

mod common;

use common::{Folder, names, stderr};

/// An experiment, a small configuration, how many rows it has, a figure, and what it says.
const SMALL: [(&str, &str, usize, &str, &str); 7] = [
    (
        "regularity",
        "--set trials=2 --set d=[8] --set m=[5,30,60] --set p=[0.6,1.0]",
        2 * (3 + 3 + 2),
        "norm-excess-bilinear",
        "holds in",
    ),
    (
        "notions",
        "--set trials=2 --set d=8 --set shares=[0.5,1.0]",
        2 * (2 + 2 + 1),
        "notions-imbalance",
        "the three notions coincide",
    ),
    (
        "noise",
        "--set trials=2 --set d=8 --set levels=[1e-3,1e-1]",
        2 * 4 * 2 * 4,
        "noise-network",
        "The error grows as the power",
    ),
    (
        "overparameterization",
        "--set trials=2 --set d=8 --set widths=[2,4,8] --set shares=[0.8,1.2]",
        2 * 2 * 2 * 3,
        "overparameterization-sensing-excess",
        "recovered with k = 2",
    ),
    (
        "depth",
        "--set trials=2 --set vector_d=20 --set nonzeros=2 --set vector_m=[12,20] --set matrix_d=5 --set matrix_m=[15,25]",
        2 * 2 * (5 + 2),
        "depth-matrix-recovered",
        "of depth 8 recover the truth in every trial from m = 20 on",
    ),
    (
        "fewest",
        "--set trials=2 --set grids=[{model=\"completion\",n=20,rank=1,conditions=[10],ratios=[1,3],methods=[\"constrained\"]},{model=\"sensing\",n=8,rank=1,conditions=[1],ratios=[2,3],methods=[\"constrained\",\"convex\"]}]",
        2 * (2 + 2 * 2),
        "fewest-sensing-n8-r1-k1",
        "flat, rank told recovers at least 95 % of the trials",
    ),
    (
        "landscape",
        "--set d=8 --set rank=1 --set steps=3",
        3 * 3 * 7 * 7,
        "landscape-network-sharp",
        "but 4 times its scaled trace loses more:",
    ),
];

#[test]
fn a_folder_holds_configuration_rows_figures_and_report() {
    let folder = Folder::new();
    for (name, small, count, figure, finding) in SMALL {
        let output = folder.done(&format!("experiment {name} {small} --seed 4 --out {name}"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(finding), "{name}: {said}");
        assert_eq!(
            folder.text(&format!("{name}/rows.csv")).lines().count(),
            count + 1,
            "{name}"
        );
        let files = names(&folder.path(name));
        for kind in ["svg", "png"] {
            let file = format!("figures/{figure}.{kind}");
            assert!(files.contains(&file), "{file}: {files:?}");
        }
        let before = folder.read(&format!("{name}/report.html"));
        std::fs::remove_file(folder.path(&format!("{name}/report.html"))).unwrap();
        folder.done(&format!("report {name}"));
        assert_eq!(before, folder.read(&format!("{name}/report.html")), "{name}");
    }
}

#[test]
fn a_torn_table_is_made_whole_again() {
    let folder = Folder::new();
    for (name, small, ..) in SMALL {
        let rows = || {
            let text = folder.text(&format!("{name}/rows.csv"));
            let without = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
            text.lines().map(without).collect::<Vec<_>>()
        };
        folder.done(&format!("experiment {name} {small} --threads 1 --out {name}"));
        let whole = rows();
        let text = folder.text(&format!("{name}/rows.csv"));
        folder.write(&format!("{name}/rows.csv"), &text[..text.len() / 2 + 3]);
        folder.done(&format!("experiment {name} --threads 2 --out {name}"));
        assert_eq!(whole, rows(), "{name}");
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (
            "regularity --set models=[\"network\"]",
            "models: found network, expected sensing, bilinear or completion",
        ),
        (
            "noise --set models=[\"rpca\"]",
            "models: found rpca, expected sensing, bilinear",
        ),
        (
            "landscape --set models=[\"sparse\"]",
            "models: found sparse, expected sensing",
        ),
        (
            "landscape --set models=[\"phase\"]",
            "models: found phase, expected sensing",
        ),
        ("notions --set shares=[1.5]", "shares: found 1.5"),
        ("notions --set d=0", "d: found 0"),
        ("noise --set levels=[-1.0]", "levels: found -1"),
        ("noise --set lambda_factor=0.0", "lambda_factor: found 0"),
        (
            "overparameterization --set widths=[1]",
            "widths: found 1, expected widths of at least the rank of the truth",
        ),
        ("fewest --set grids=[]", "grids: found an empty list"),
        ("overparameterization --set tolerance=2.0", "tolerance: found 2"),
        (
            "depth --set matrix_depths=[1]",
            "matrix_depths: found 1, expected depths",
        ),
    ] {
        let output = folder.run(&format!("experiment {arguments}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments}: {said}");
    }
}
