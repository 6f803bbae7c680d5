//! Every argument that is a path: nothing there, a folder for a file, a file for a folder, an empty file.

use std::fs;

use super::check;
use super::common::Folder;

/// Commands that read a file at PATH.
const OF_FILES: [&str; 15] = [
    "solve sensing PATH",
    "solve bilinear PATH",
    "solve completion PATH",
    "solve covariance PATH",
    "solve phase PATH",
    "solve network PATH",
    "solve sparse PATH",
    "solve deep PATH",
    "measure sensing PATH run/factors.npz",
    "measure sensing x.npz PATH",
    "solve completion entries.csv --lambda 1 --test PATH",
    "solve network network.npz --test PATH",
    "predict model PATH --top 2",
    "predict model --pairs PATH",
    "experiment recovery --config PATH",
];

/// Commands that read a folder at PATH.
const OF_FOLDERS: [&str; 2] = ["report PATH", "predict PATH --pairs entries.csv"];

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.done("generate sensing --d1 4 --rank 1 --out x.npz");
    folder.done("solve sensing x.npz --out run");
    folder.done("generate network --d1 4 --out network.npz");
    folder.done("generate completion --d1 8 --rank 1 --out entries.csv");
    folder.done("solve completion entries.csv --lambda 0.01 --out model");
    fs::create_dir(folder.path("folder")).unwrap();
    for name in ["npz", "csv", "npy", "mtx", "tsv", "data", "csv.gz"] {
        folder.write(&format!("empty.{name}"), "");
    }
    folder
}

fn refused(folder: &Folder, command: &str, path: &str, words: &[&str]) {
    let command = command.replace("PATH", path);
    check(&command, &folder.run(&command), 2, words);
}

#[test]
fn what_is_not_there_is_said_to_be_missing_whatever_its_name() {
    let folder = prepared();
    for path in [
        "gone",
        "gone.csv",
        "gone.npz",
        "gone.parquet",
        "gone/x.npz",
        "x.npz/x.npz",
    ] {
        let nothing = format!("{path}: found nothing there, expected a ");
        for command in OF_FILES.iter().chain(&OF_FOLDERS) {
            refused(&folder, command, path, &[&nothing]);
        }
        let images = format!("{nothing}file or a folder of images");
        refused(&folder, "solve rpca PATH", path, &[&images]);
        let command = "measure rpca PATH run/factors.npz";
        refused(&folder, command, path, &[&images]);
    }
}

#[test]
fn a_folder_is_no_file_and_a_file_no_folder() {
    let folder = prepared();
    for command in OF_FILES {
        refused(
            &folder,
            command,
            "folder",
            &["folder: found a folder, expected a "],
        );
    }
    for command in OF_FOLDERS {
        let words = ["x.npz: found a file, expected a folder that "];
        refused(&folder, command, "x.npz", &words);
    }
    refused(&folder, "solve rpca PATH", "folder", &["folder: found no image"]);
    refused(
        &folder,
        "report PATH",
        "folder",
        &["folder/result.json: found nothing"],
    );
    let of_model = "predict PATH --pairs entries.csv";
    refused(
        &folder,
        of_model,
        "folder",
        &["folder/factors.npz: found nothing"],
    );
    refused(
        &folder,
        of_model,
        "run",
        &["run/factors.npz", "`solve completion --out`"],
    );
}

#[test]
fn an_empty_file_is_refused() {
    let folder = prepared();
    for command in OF_FILES
        .into_iter()
        .filter(|command| !command.contains("--config"))
    {
        refused(&folder, command, "empty.npz", &["empty.npz: found an empty file"]);
    }
    for (name, words) in [
        ("csv", "found no"),
        ("tsv", "found no"),
        ("npy", "found no numpy array"),
        ("mtx", "found an empty file"),
        ("csv.gz", "found a file that is not gzipped"),
    ] {
        for model in ["completion", "rpca"] {
            let path = format!("empty.{name}");
            let command = format!("solve {model} PATH");
            refused(&folder, &command, &path, &[&path, words]);
        }
    }
    refused(
        &folder,
        "solve completion PATH",
        "empty.data",
        &["found no entry"],
    );
}
