//! Killed at any moment, `FLATMIN_KILLS` times each, 12 by default: what has its name is whole, and of one run.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use flatmin::random::Stream;
use serde_json::Value;

use super::common::{Folder, names};

fn kills() -> u64 {
    let asked = std::env::var("FLATMIN_KILLS").ok();
    asked.map_or(12, |n| n.parse().expect("FLATMIN_KILLS is a number"))
}

/// Kills each command, one after another, at some moment of the time that it takes, and has a look each time.
fn kill(folder: &Folder, commands: [&str; 2], look: impl Fn()) {
    let start = Instant::now();
    folder.done(commands[0]);
    let whole = start.elapsed();
    let mut stream = Stream::new(1);
    for attempt in 0..kills() {
        let command = commands[attempt as usize % 2];
        let mut child = folder.command(command).stdout(Stdio::null()).spawn().unwrap();
        sleep(whole.mul_f64(1.1 * stream.uniform()));
        child.kill().unwrap();
        child.wait().unwrap();
        look();
    }
    folder.done(commands[1]);
    look();
}

/// What was not finished is gone after the next run.
fn check_swept(folder: &Folder) {
    let unfinished = |name: &String| name.ends_with(".tmp");
    assert!(!names(&folder.path("run")).iter().any(unfinished));
}

/// Each file that a report or a run can have ends as it should.
fn check_whole(folder: &Folder) {
    for name in names(&folder.path("run")) {
        let bytes = folder.read(&format!("run/{name}"));
        let end: &[u8] = match name.rsplit_once('.').unwrap().1 {
            "json" => b"}\n",
            "html" => b"</html>\n",
            "svg" => b"</svg>\n",
            "png" => b"IEND\xaeB`\x82",
            "npz" | "csv" | "toml" | "tmp" => b"",
            other => panic!("a file of another kind: {other}"),
        };
        assert!(bytes.ends_with(end), "{name} ends at {}", bytes.len());
    }
}

#[test]
fn a_solve_that_is_killed_leaves_the_files_of_one_run_or_no_result() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 6 --rank 1 --out a.npz");
    folder.done("generate sensing --d1 9 --rank 1 --out b.npz");
    let commands = ["solve sensing a.npz --out run", "solve sensing b.npz --out run"];
    kill(&folder, commands, || {
        check_whole(&folder);
        if !folder.path("run/result.json").exists() {
            return;
        }
        let result: Value = serde_json::from_slice(&folder.read("run/result.json")).unwrap();
        let report: Value = serde_json::from_slice(&folder.read("run/report.json")).unwrap();
        let rows = result["shape"][0].as_u64().unwrap();
        assert_eq!(folder.matrix("run/factors.npz", "L").nrows() as u64, rows);
        assert_eq!(report["recovered"]["full_shape"][0].as_u64(), Some(rows));
    });
    check_swept(&folder);
}

#[test]
fn a_table_of_predictions_and_an_instance_are_whole_or_of_before() {
    let folder = Folder::new();
    folder.done("generate completion --d1 40 --rank 1 --out entries.csv");
    folder.done("solve completion entries.csv --lambda 0.01 --out model");
    let commands = [
        "predict model entries.csv --top 5 --out run",
        "predict model entries.csv --top 7 --out run",
    ];
    kill(&folder, commands, || {
        let Some(name) = folder.path("run/top.csv").exists().then_some("run/top.csv") else {
            return;
        };
        let lines = folder.text(name).lines().count();
        assert!([1 + 40 * 5, 1 + 40 * 7].contains(&lines), "{lines}");
    });
    check_swept(&folder);
    let commands = [
        "generate sensing --d1 30 --m 60 --out run/x.npz",
        "generate sensing --d1 20 --m 90 --out run/x.npz",
    ];
    kill(&folder, commands, || {
        let a = folder.read("run/x.npz");
        assert!(zip::ZipArchive::new(std::io::Cursor::new(a)).is_ok());
    });
}

#[test]
fn a_report_of_an_experiment_that_is_killed_is_drawn_again() {
    let folder = Folder::new();
    let small = "--set trials=2 --set d=[8] --set m=[30,60] --set p=[0.5,0.8] --out run";
    folder.done(&format!("experiment recovery {small}"));
    let commands = ["report run", "experiment recovery --out run"];
    kill(&folder, commands, || {
        check_whole(&folder);
    });
    check_swept(&folder);
}
