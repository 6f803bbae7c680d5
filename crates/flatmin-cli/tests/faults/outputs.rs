//! Where results cannot be written, and where two runs write at once.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use super::common::{Folder, names, stderr};
use super::{after, check, content};

/// Some tens of trials, a fraction of a second in all.
const SMALL: &str = "--set trials=2 --set d=[8] --set m=[30,60] --set p=[0.5,0.8]";

/// An instance, a solution, a model of completion, and entries to predict.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.done("generate sensing --d1 6 --rank 1 --out x.npz");
    folder.done("solve sensing x.npz --out run");
    folder.done("generate completion --d1 12 --rank 1 --out entries.csv");
    folder.done("solve completion entries.csv --lambda 0.01 --out model");
    folder
}

/// Rows without their seconds, the last column.
fn rows(folder: &Folder, run: &str) -> Vec<String> {
    let text = folder.text(&format!("{run}/rows.csv"));
    let without = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
    text.lines().map(without).collect()
}

#[test]
fn a_full_disk_leaves_the_files_that_were_there() {
    let folder = prepared();
    for (blocks, command) in [
        (0, "solve sensing x.npz --seed 1 --out run"),
        (4, "solve sensing x.npz --seed 1 --out run"),
        (4, "solve sensing x.npz --out fresh"),
        (4, "solve completion entries.csv --lambda 0.02 --out model"),
        (4, "measure sensing x.npz run/factors.npz --out run"),
        (4, "report run"),
        (0, "generate sensing --d1 6 --seed 5 --out x.npz"),
        (0, "predict model entries.csv --top 3 --out predicted"),
        (0, "experiment recovery --out experiment"),
    ] {
        let before = content(&folder, ".");
        let output = after(&folder, &format!("trap '' XFSZ; ulimit -f {blocks}"), command);
        let about = format!("{command} in {blocks} blocks");
        check(&about, &output, 1, &["File too large"]);
        assert_eq!(before, content(&folder, "."), "{about}");
    }
}

#[test]
fn an_experiment_on_a_full_disk_goes_on_when_there_is_room() {
    let folder = Folder::new();
    folder.done(&format!("experiment recovery {SMALL} --out whole"));
    let command = format!("experiment recovery {SMALL} --threads 2 --out run");
    let output = after(&folder, "trap '' XFSZ; ulimit -f 3", &command);
    check(&command, &output, 1, &["run/rows.csv: File too large"]);
    folder.done("experiment recovery --out run");
    assert_eq!(rows(&folder, "whole"), rows(&folder, "run"));
}

#[test]
fn results_that_cannot_be_printed_are_an_error_but_for_closed_pipes() {
    let folder = prepared();
    let printing = [
        "solve sensing x.npz",
        "solve sensing x.npz --json",
        "predict model entries.csv --top 3",
        "predict model entries.csv --top 3 --json --out predicted",
        "completions bash",
        "experiment recovery --set trials=1 --set d=[8] --set m=[30] --set p=[0.8]",
    ];
    for command in printing {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let output = folder.command(command).stdout(full()).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("flatmin: standard output: No space left"),
            "{command}: {said}"
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = folder.command(command).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
        let status = folder
            .command(command)
            .stdout(Stdio::null())
            .stderr(full())
            .status();
        assert_eq!(status.unwrap().code(), Some(0), "{command}");
        let output = after(&folder, ":", &format!("{command} <&- >&- 2>&-"));
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
    let verbose = folder
        .command("solve sensing x.npz -v --json")
        .stderr(File::options().write(true).open("/dev/full").unwrap())
        .output();
    assert_eq!(verbose.unwrap().status.code(), Some(0));
}

#[test]
fn folders_that_cannot_be_written_are_refused_before_anything_is_computed() {
    let folder = prepared();
    let before = content(&folder, ".");
    for out in ["x.npz", "x.npz/sub", "/proc", "/proc/flatmin", "/dev/null"] {
        for command in [
            "solve sensing x.npz",
            "measure sensing x.npz run/factors.npz",
            "predict model entries.csv --top 3",
            "experiment recovery",
        ] {
            let command = format!("{command} --out {out}");
            check(&command, &after(&folder, ":", &command), 2, &[out]);
        }
    }
    for out in ["x.npz/y.npz", "/proc/y.npz", "/proc/flatmin/y.npz", "run", ".."] {
        let command = format!("generate sensing --d1 4 --out {out}");
        check(&command, &after(&folder, ":", &command), 2, &[]);
    }
    // What is in the way of a file stays, and so does what was there.
    assert_eq!(before, content(&folder, "."));
    fs::create_dir(folder.path("run/report.json.old")).unwrap();
    fs::rename(
        folder.path("run/report.json"),
        folder.path("run/report.json.old/x"),
    )
    .unwrap();
    fs::rename(folder.path("run/report.json.old"), folder.path("run/report.json")).unwrap();
    let before = content(&folder, "run");
    let command = "solve sensing x.npz --seed 3 --out run";
    check(
        command,
        &folder.run(command),
        1,
        &["run/report.json: found a folder, expected a file"],
    );
    assert_eq!(before, content(&folder, "run"));
    folder.write("blocked", "");
    fs::create_dir(folder.path("other")).unwrap();
    fs::rename(folder.path("blocked"), folder.path("other/figures")).unwrap();
    let command = "solve sensing x.npz --out other";
    check(command, &folder.run(command), 1, &["other/figures/"]);
    assert_eq!(names(&folder.path("other")), ["figures"]);
}

#[test]
fn input_is_never_written_to() {
    let folder = prepared();
    for name in ["x.npz", "entries.csv", "model", "model/factors.npz"] {
        let mode = if folder.path(name).is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    }
    let before = [content(&folder, "model"), content(&folder, "run")];
    let x = folder.read("x.npz");
    folder.done("solve sensing x.npz --out out");
    folder.done("solve completion entries.csv --test entries.csv --lambda 0.1 --out out");
    folder.done("measure sensing x.npz run/factors.npz --out out");
    folder.done("predict model entries.csv --top 2 --out out");
    assert_eq!(before, [content(&folder, "model"), content(&folder, "run")]);
    assert_eq!(x, folder.read("x.npz"));
    fs::set_permissions(folder.path("model"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = prepared();
    for (model, name) in [
        ("sensing", "bad.npz"),
        ("completion", "bad.csv"),
        ("completion", "bad.csv.gz"),
        ("completion", "bad.mtx"),
        ("completion", "bad.npy"),
        ("rpca", "bad.tsv"),
        ("rpca", "bad.mtx.gz"),
    ] {
        let command = format!("solve {model} {name}");
        // Its first page is not there: an error of the disk.
        for target in ["/proc/self/mem", "/dev/full", "run", "nowhere", name] {
            symlink(target, folder.path(name)).unwrap();
            check(
                &format!("{command} at {target}"),
                &folder.run(&command),
                2,
                &[name],
            );
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
    for command in [
        "solve completion entries.csv --test gone.csv",
        "measure sensing x.npz gone.npz",
        "predict gone entries.csv --top 3",
        "predict model gone.csv --top 3",
        "experiment recovery --config gone.toml",
        "report gone",
    ] {
        check(command, &folder.run(command), 2, &["gone"]);
    }
}

/// And a report of it, unless it is of an experiment, whose rows are whole at any time.
#[test]
fn a_second_run_into_a_folder_is_refused() {
    let folder = prepared();
    folder.done(&format!("experiment recovery {SMALL} --out experiment"));
    for (name, command) in [
        ("run", "solve sensing x.npz --out run"),
        ("run", "measure sensing x.npz run/factors.npz --out run"),
        ("experiment", "experiment recovery --out experiment"),
    ] {
        let before = content(&folder, name);
        // As a run holds it as long as it lasts.
        let first = File::open(folder.path(name)).unwrap();
        first.try_lock().unwrap();
        check(command, &folder.run(command), 2, &[name, "another run"]);
        let report = format!("report {name}");
        if name == "run" {
            check(&report, &folder.run(&report), 2, &[name, "another run"]);
        } else {
            folder.done(&report);
        }
        assert_eq!(before, content(&folder, name));
        drop(first);
        folder.done(command);
    }
}

/// A report that is drawn while a run puts its files there is one of them, not of two, or none.
#[test]
fn a_report_beside_a_run_is_whole_or_refused() {
    let folder = prepared();
    let solving = || {
        for seed in 0..8 {
            let output = folder.run(&format!("solve sensing x.npz --seed {seed} --out run"));
            if output.status.code() != Some(0) {
                check("solve", &output, 2, &["another run"]);
            }
        }
    };
    let reporting = || {
        for _ in 0..24 {
            let output = folder.run("report run");
            if output.status.code() != Some(0) {
                check("report", &output, 2, &["run: found another run"]);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(solving);
        scope.spawn(reporting);
    });
    let before = content(&folder, "run");
    folder.done("report run");
    assert_eq!(before, content(&folder, "run"));
}

#[test]
fn of_two_experiments_at_once_one_runs_and_the_rows_are_those_of_one() {
    let folder = Folder::new();
    folder.done(&format!("experiment recovery {SMALL} --out whole"));
    let start = || {
        let mut command = folder.command(&format!("experiment recovery {SMALL} --out run"));
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut both = [start(), start()];
    let codes = both.each_mut().map(|child| child.wait().unwrap().code());
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 2))), "{codes:?}");
    assert_eq!(rows(&folder, "whole"), rows(&folder, "run"));
}

#[test]
fn ids_of_an_earlier_run_are_not_taken_for_those_of_this_one() {
    let folder = prepared();
    assert!(names(&folder.path("model")).contains(&"row_ids.csv".to_owned()));
    folder.done("generate completion --d1 12 --rank 1 --out entries.npz");
    folder.done("solve completion entries.npz --lambda 0.01 --out model");
    assert!(!names(&folder.path("model")).contains(&"row_ids.csv".to_owned()));
    // What was measured has no factors of its own.
    folder.done("solve completion entries.csv --lambda 0.01 --out model");
    folder.done("measure completion entries.csv model/factors.npz --lambda 0.01 --out model");
    assert!(names(&folder.path("model")).contains(&"row_ids.csv".to_owned()));
}
