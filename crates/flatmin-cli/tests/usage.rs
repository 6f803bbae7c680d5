//! Wrong usage and bad input: exit code 2, one line that says what was found and what was expected.

mod common;

use common::{Folder, names, stderr};

/// Arguments, and words that the line must have.
const REFUSED: &[(&str, &[&str])] = &[
    ("solve sensing nothing.npz", &["nothing.npz", "cannot be opened"]),
    ("solve sensing bad.npz", &["bad.npz", "no npz archive"]),
    (
        "solve sensing entries.npz",
        &["entries.npz", "expected \"A\", \"y\""],
    ),
    (
        "solve completion sensing.npz",
        &["sensing.npz", "\"rows\"", "or a matrix \"X\""],
    ),
    (
        "solve completion table.csv",
        &["table.csv", "line 3, column 3", "\"many\"", "finite number"],
    ),
    (
        "solve completion twice.csv",
        &["twice.csv", "line 2 and line 3", "3 and 4"],
    ),
    ("solve completion x.txt", &["x.txt", "no known format"]),
    (
        "solve sensing sensing.npz --hide 0.5",
        &["--hide", "only with completion"],
    ),
    (
        "solve sensing sensing.npz --center global",
        &["--center", "only with completion"],
    ),
    (
        "solve sensing sensing.npz --lambda auto",
        &["--lambda", "auto", "expected a number"],
    ),
    (
        "solve bilinear few.npz",
        &["few.npz", "singular", "--objective nuclear"],
    ),
    (
        "solve completion single.csv --hide 0.5",
        &["--hide", "single entry"],
    ),
    (
        "solve completion single.csv",
        &["single.csv", "--lambda V or --exact"],
    ),
    (
        "solve completion entries.npz --test table.csv",
        &["table.csv", "line 3"],
    ),
    (
        "solve sensing sensing.npz --out sensing.npz",
        &["sensing.npz", "found a file, expected a folder"],
    ),
    (
        "measure sensing sensing.npz entries.npz",
        &["entries.npz", "expected \"L\", \"R\""],
    ),
    (
        "generate sensing --d1 3 --rank 4 --out y.npz",
        &["--rank", "found 4", "at most 3"],
    ),
    (
        "generate sensing --p 0.5 --out y.npz",
        &["--p", "only with completion"],
    ),
    ("generate sensing --out y.csv", &["y.csv", ".npz"]),
    (
        "generate completion --d1 3 --m 10 --out y.npz",
        &["--m", "found 10", "at most 9"],
    ),
    ("report nowhere", &["nowhere/result.json", "no such file"]),
];

#[test]
fn bad_input_is_refused_in_one_line() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 4 --m 40 --out sensing.npz");
    // One rank-one measurement of a 4 × 4 matrix: D1 and D2 see a single direction.
    folder.done("generate bilinear --d1 4 --m 1 --out few.npz");
    folder.write("bad.npz", "not a zip archive");
    folder.write("table.csv", "row,column,value\na,b,1\na,c,many\n");
    folder.write("twice.csv", "u,v,w\na,b,3\na,b,4\n");
    folder.write("single.csv", "a,b,3\n");
    folder.write("x.txt", "1 2 3\n");
    folder.done("generate completion --d1 4 --p 0.9 --out entries.npz");
    let before = names(&folder.path(""));
    for (arguments, words) in REFUSED {
        let output = folder.run(arguments);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {line}");
        assert_eq!(line.lines().count(), 1, "{arguments}: {line}");
        assert!(line.starts_with("flatmin: "), "{arguments}: {line}");
        for word in *words {
            assert!(line.contains(word), "{arguments}: {word:?} is missing in {line}");
        }
        assert!(output.stdout.is_empty(), "{arguments}");
    }
    assert_eq!(names(&folder.path("")), before);
}

/// The parser's own errors say how the command is used.
#[test]
fn wrong_options_are_refused_before_anything_is_read() {
    let folder = Folder::new();
    for arguments in [
        "",
        "solve",
        "solve cooking x.npz",
        "solve sensing x.npz --tol 2",
        "solve sensing x.npz --rank 0",
        "solve sensing x.npz --objective smoothed:2",
        "solve sensing x.npz --lambda -1",
        "solve sensing x.npz --exact --epsilon 1",
        "solve sensing x.npz --epsilon nan",
        "solve sensing x.npz --threads 0",
        "solve sensing x.npz --time-limit 0",
        "solve sensing x.npz -q --json",
        "solve completion x.npz --hide 1",
        "generate completion --m 3 --p 0.5 --out x.npz",
        "generate sensing --condition 0.5 --out x.npz",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}

#[test]
fn help_version_and_completions_go_to_standard_output() {
    let folder = Folder::new();
    let said = |arguments: &str| String::from_utf8(folder.done(arguments).stdout).unwrap();
    assert!(said("--version").starts_with("flatmin "));
    assert!(said("solve --help").contains("--time-limit"));
    assert!(said("completions bash").contains("flatmin"));
}
