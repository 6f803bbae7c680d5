//! Wrong usage and bad input: exit code 2, one line that says what was found and what was expected.

mod common;

use common::{Folder, names, stderr};

/// Arguments, and words that the line must have.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "solve sensing nothing.npz",
        &["nothing.npz: found nothing there, expected a file"],
    ),
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
    (
        "generate completion --d1 4 --test t.csv --out t.csv",
        &["--test", "t.csv", "another file than that of --out"],
    ),
    (
        "generate completion --d1 4 --test t.txt --out t.csv",
        &["--test: found t.txt", ".csv"],
    ),
    (
        "report nowhere",
        &["nowhere: found nothing there, expected a folder"],
    ),
];

/// Exit code 2, nothing on standard output, and one line with these words.
fn check(folder: &Folder, refused: &[(&str, &[&str])]) {
    for (arguments, words) in refused {
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
}

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
    check(&folder, REFUSED);
    assert_eq!(names(&folder.path("")), before);
}

/// What the parser refuses, and what its line must have.
const WRONG: &[(&str, &[&str])] = &[
    ("", &["found no command, expected solve, measure", "--help"]),
    (
        "slove sensing x.npz",
        &["found \"slove\", expected solve", "did you mean solve?"],
    ),
    ("completion x.csv", &["did you mean solve completion?"]),
    ("recovery", &["did you mean experiment recovery?"]),
    ("help cooking", &["found \"cooking\", expected solve"]),
    (
        "--lambda 1 solve sensing x.npz",
        &["--lambda: found before the command"],
    ),
    (
        "solve",
        &["found no <MODEL> and no <DATA>, expected flatmin solve <MODEL> <DATA>"],
    ),
    (
        "solve sensing",
        &["found no <DATA>, expected flatmin solve <MODEL> <DATA>"],
    ),
    (
        "generate sensing",
        &["found no --out <FILE>, expected flatmin generate"],
    ),
    (
        "predict run --top 3",
        &["found no <NEW>, expected flatmin predict"],
    ),
    (
        "solve sensing x.npz y.npz",
        &["found \"y.npz\" after all arguments, expected flatmin solve [OPTIONS] <MODEL> <DATA>"],
    ),
    (
        "solve cooking x.npz",
        &["MODEL: found \"cooking\", expected sensing, bilinear", " or rpca"],
    ),
    (
        "solve x.npz sensing",
        &["MODEL: found \"x.npz\", expected sensing"],
    ),
    (
        "solve sensing x.npz --lamda 1",
        &[
            "--lamda: found no option",
            "flatmin solve --help",
            "did you mean --lambda?",
        ],
    ),
    (
        "solve sensing x.npz --cook",
        &["--cook: found no option of this name", "flatmin solve --help"],
    ),
    (
        "solve sensing x.npz --rank",
        &["--rank: found no value, expected --rank <K|auto>"],
    ),
    (
        "solve sensing x.npz --tol --json",
        &["--tol: found no value, expected --tol <GAP>"],
    ),
    (
        "solve sensing x.npz --tol 2",
        &["--tol: found \"2\", expected a number between 0 and 1"],
    ),
    ("solve sensing x.npz --tol 0", &["--tol: found \"0\""]),
    ("solve sensing x.npz --tol -1", &["--tol: found \"-1\""]),
    (
        "solve sensing x.npz --tol=-1e-3",
        &["--tol: found \"-1e-3\", expected a number"],
    ),
    (
        "solve sensing x.npz --tol -1e-3",
        &["-1: found a negative number, expected an option"],
    ),
    (
        "solve sensing x.npz --rank 0",
        &["--rank: found \"0\", expected auto or a positive integer"],
    ),
    (
        "solve sensing x.npz --objective smoothed:2",
        &["--objective: found \"smoothed:2\", expected auto, flat"],
    ),
    (
        "solve sensing x.npz --lambda -1",
        &["--lambda: found \"-1\", expected auto or a positive number"],
    ),
    ("solve sensing x.npz --lambda 0", &["--lambda: found \"0\""]),
    ("solve sensing x.npz --lambda nan", &["--lambda: found \"nan\""]),
    ("solve sensing x.npz --lambda much", &["--lambda: found \"much\""]),
    (
        "solve sensing x.npz --exact --epsilon 1",
        &["--exact: found with --epsilon, expected one of them"],
    ),
    ("solve sensing x.npz --epsilon nan", &["--epsilon: found \"nan\""]),
    ("solve sensing x.npz --epsilon -2", &["--epsilon: found \"-2\""]),
    (
        "solve sensing x.npz --threads 0",
        &["--threads: found \"0\", expected an integer from 1 to 1024"],
    ),
    (
        "solve sensing x.npz --time-limit 0",
        &["--time-limit: found \"0\""],
    ),
    (
        "solve sensing x.npz --seed -1",
        &["--seed: found \"-1\", expected 0 or a positive integer"],
    ),
    (
        "solve sensing x.npz --max-iter 1.5",
        &["--max-iter: found \"1.5\""],
    ),
    (
        "solve sensing x.npz --seed 1 --seed 2",
        &["--seed: found more than once, expected once"],
    ),
    (
        "solve sensing x.npz --exact=1",
        &["--exact: found the value \"1\", expected none"],
    ),
    (
        "solve sensing x.npz -q -v",
        &["--quiet: found with --verbose, expected one of them"],
    ),
    ("solve completion x.npz --hide 1", &["--hide: found \"1\""]),
    (
        "solve completion x.npz --center gobal",
        &["--center: found \"gobal\", expected none, global or bias; did you mean global?"],
    ),
    (
        "generate completion --m 3 --p 0.5 --out x.npz",
        &["--m: found with --p"],
    ),
    (
        "generate sensing --condition 0.5 --out x.npz",
        &["--condition: found \"0.5\""],
    ),
    (
        "experiment recovery --preset big",
        &["--preset: found \"big\", expected quick, paper or large"],
    ),
    (
        "experiment recovery --set trials=-1",
        &["--set trials=-1: key \"trials\""],
    ),
    (
        "experiment recovery --set cook=1",
        &["--set cook=1", "expected one of"],
    ),
    ("completions tcsh", &["SHELL: found \"tcsh\", expected bash"]),
];

#[test]
fn wrong_options_are_refused_in_one_line_before_anything_is_read() {
    let folder = Folder::new();
    check(&folder, WRONG);
    // A value may span lines, the line that quotes it does not.
    let mut command = folder.command("solve sensing x.npz --rank");
    let line = stderr(&command.arg("3\n\u{1b}[31m4").output().unwrap());
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("found \"3\\n"), "{line}");
}

#[test]
fn help_version_and_completions_go_to_standard_output() {
    let folder = Folder::new();
    let said = |arguments: &str| String::from_utf8(folder.done(arguments).stdout).unwrap();
    assert!(said("--version").starts_with("flatmin "));
    assert!(said("solve --help").contains("--time-limit"));
    assert!(said("completions bash").contains("flatmin"));
}
