//! Budgets and Ctrl-C: exit code 3, the best found is written whole and marked so.

mod common;

use std::io::{BufRead, BufReader};

use common::{Folder, names, stderr};
use serde_json::Value;

/// The files of a run, all of them there and none half.
fn check(folder: &Folder, status: &str) {
    let result: Value = serde_json::from_slice(&folder.read("run/result.json")).unwrap();
    assert_eq!(result["status"], status);
    let _: Value = serde_json::from_slice(&folder.read("run/report.json")).unwrap();
    assert!(folder.text("run/report.html").ends_with("</html>\n"));
    let left = folder.matrix("run/factors.npz", "L");
    assert!(left.iter().all(|value| value.is_finite()));
    assert!(
        names(&folder.path("run"))
            .iter()
            .all(|name| !name.ends_with(".tmp"))
    );
}

#[test]
fn a_budget_of_steps_or_time_ends_the_run() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 12 --d2 10 --m 110 --seed 2 --out x.npz");
    for budget in ["--max-iter 2", "--time-limit 0.000001"] {
        let output = folder.run(&format!("solve sensing x.npz {budget} --out run"));
        assert_eq!(output.status.code(), Some(3), "{budget}: {}", stderr(&output));
        check(&folder, "budget");
        let summary = String::from_utf8(output.stdout).unwrap();
        assert!(summary.contains("stopped by the budget"), "{summary}");
    }
    // A bound from an unfinished solve is a bound.
    folder.done("solve sensing x.npz -q --out full");
    let output = folder.run("measure sensing x.npz full/factors.npz --max-iter 3 --json");
    assert_eq!(output.status.code(), Some(3));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["status"].is_null());
    assert!(result["lower_bound"].as_f64().unwrap() <= result["value"].as_f64().unwrap() * (1.0 + 1e-9));
}

/// At the first step of a problem that takes a minute.
#[cfg(unix)]
#[test]
fn ctrl_c_writes_the_best_found() {
    let folder = Folder::new();
    folder.done("generate completion --d1 600 --rank 8 --noise 0.02 --p 0.5 --out x.npz");
    let mut child = folder
        .command("solve completion x.npz --exact --out run --tol 1e-12 -v")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut log: Vec<String> = Vec::new();
    while log.last().is_none_or(|line| !line.contains("step")) {
        log.push(lines.next().expect("it takes a first step"));
    }
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    log.extend(lines);
    assert_eq!(child.wait().unwrap().code(), Some(3), "{log:#?}");
    assert!(
        log.iter().any(|line| line.contains("stopping at the next step")),
        "{log:#?}"
    );
    check(&folder, "interrupted");
}
