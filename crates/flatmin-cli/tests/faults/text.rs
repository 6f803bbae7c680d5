//! Names and ids of any kind, and names that point elsewhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::common::{Folder, names};
use super::{archive, check, floats};

/// Ids as they are.
const IDS: [&str; 9] = [
    "plain",
    "a,b",
    "say \"hi\"",
    "two\nlines",
    "two\r\nlines",
    "é 漢字 🙂",
    "=SUM(A1)",
    "../../up",
    "an id that is longer than most, with a \t tab",
];

fn field(id: &str) -> String {
    format!("\"{}\"", id.replace('"', "\"\""))
}

/// The column of a table.
fn column(bytes: &[u8], index: usize) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(bytes);
    reader
        .records()
        .map(|record| record.unwrap()[index].to_owned())
        .collect()
}

#[test]
fn ids_of_any_kind_are_kept_and_found_again() {
    let folder = Folder::new();
    let entry = |(i, row): (usize, &&str)| -> String {
        let lines = IDS.iter().enumerate().filter(|(j, _)| (i + j) % 4 != 0);
        let value = |j: usize| (i + 1) as f64 * (j + 2) as f64 / 7.0;
        let line = |(j, column): (usize, &&str)| format!("{},{},{}\r\n", field(row), field(column), value(j));
        lines.map(line).collect()
    };
    let table: String = IDS.iter().enumerate().map(entry).collect();
    folder.write("x.csv", format!("user,item,rating\r\n{table}"));
    folder.done("solve completion x.csv --exact --out run");
    for name in ["run/row_ids.csv", "run/column_ids.csv"] {
        let mut found = column(&folder.read(name), 1);
        let mut expected = IDS.map(str::to_owned).to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}");
    }
    folder.done("solve completion x.csv --lambda 0.01 --out run");
    let output = folder.done("predict run --pairs x.csv");
    let said = super::stderr(&output);
    assert!(!said.contains("that the model lacks"), "{said}");
    let predicted = column(&output.stdout, 0);
    assert_eq!(predicted.len(), table.matches(",\"").count());
    assert!(IDS.iter().all(|id| predicted.iter().any(|found| found == id)));
    folder.done("solve completion x.csv --exact --test x.csv");
}

#[test]
fn ids_that_are_no_text_are_refused_on_their_line() {
    let folder = Folder::new();
    for (bytes, words) in [
        (
            &b"a,b,1\ncaf\xe9,b,2\n"[..],
            ["x.csv: line 2, column 1", "not UTF-8"],
        ),
        (b"a,b,1\na,\xff\xfe,2\n", ["x.csv: line 2, column 2", "not UTF-8"]),
        (b"a,b,1\n,c,2\n", ["x.csv: line 2, column 1", "expected an id"]),
        (
            b"a,b,1\n\"\x1b[31m\xc0\",c,2\n",
            ["x.csv: line 2, column 1", "\\u{1b}[31m"],
        ),
    ] {
        folder.write("x.csv", bytes);
        check("ids", &folder.run("solve completion x.csv --exact"), 2, &words);
    }
}

/// As deep as a parser may go down before its stack ends.
#[test]
fn nesting_without_an_end_is_refused() {
    let folder = Folder::new();
    let deep = |open: &str| open.repeat(200_000);
    for text in [
        format!("d = {}", deep("[")),
        format!("a = {}", deep("{a=")),
        deep("a."),
    ] {
        folder.write("deep.toml", text);
        let command = "experiment recovery --config deep.toml";
        check(command, &folder.run(command), 2, &["deep.toml"]);
    }
    folder.done("generate sensing --d1 4 --rank 1 --out x.npz");
    folder.done("solve sensing x.npz --out run");
    folder.write("run/report.json", format!("{{\"observed\": {}", deep("[")));
    check("report run", &folder.run("report run"), 2, &["run/report.json"]);
}

#[test]
fn what_a_report_quotes_is_text() {
    let folder = Folder::new();
    let markup = "<img src=x onerror=alert(1)>";
    let table: String = (0..12)
        .map(|e| format!("{markup}{},\"</script>&\"\"{}\",{}\n", e / 4, e % 4, e + 1))
        .collect();
    folder.write(&format!("{markup}.csv"), table);
    let mut command = folder.command("solve completion --lambda 0.1 --out run");
    let output = command
        .arg(folder.path(&format!("{markup}.csv")))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", super::stderr(&output));
    for name in names(&folder.path("run")) {
        if name.ends_with(".html") || name.ends_with(".svg") {
            let text = folder.text(&format!("run/{name}"));
            assert!(
                !text.contains("<img src=x") && !text.contains("</script>&"),
                "{name}"
            );
        }
    }
}

#[test]
fn names_in_archives_lead_nowhere() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("inner")).unwrap();
    let number = || floats("(1,)", &[1.0]);
    let foreign = [
        "../out.npy",
        "/tmp/flatmin-out.npy",
        "..\\out.npy",
        "a\nb\x1b[31m.npy",
        "A.npy/../../x.npy",
    ];
    let mut members: Vec<(&str, Vec<u8>)> = foreign.iter().map(|name| (*name, number())).collect();
    folder.write("inner/x.npz", archive(&members));
    let missing = folder.run("solve sensing inner/x.npz --out inner/run");
    check(
        "foreign members",
        &missing,
        2,
        &["inner/x.npz", "\"../out\"", "\\nb"],
    );
    members.push(("A.npy", floats("(1, 1, 1)", &[2.0])));
    members.push(("y.npy", number()));
    folder.write("inner/x.npz", archive(&members));
    folder.done("solve sensing inner/x.npz --out inner/run");
    assert!(
        names(&folder.path("."))
            .iter()
            .all(|name| name.starts_with("inner/"))
    );
    assert!(!std::path::Path::new("/tmp/flatmin-out.npy").exists());
}

#[test]
fn frames_are_written_under_their_names_and_nowhere_else() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("film")).unwrap();
    let frame = |grey: u8| [b"P5 2 2 255\n".as_slice(), &[grey, 9, 80, grey]].concat();
    for (i, name) in ["..pgm", "...pgm", "a\nb.pgm", "é.pgm", "%2e%2e%2f.pgm", "-q.pgm"]
        .iter()
        .enumerate()
    {
        folder.write(&format!("film/{name}"), frame(40 * i as u8));
    }
    folder.done("solve rpca film --out run");
    let written = names(&folder.path("run"));
    let frames = written.iter().filter(|name| name.starts_with("low_rank/"));
    assert_eq!(frames.count(), 6, "{written:?}");
    assert_eq!(names(&folder.path(".")).len(), 6 + written.len());
    // Different names that read the same.
    for byte in [0xfe, 0xff] {
        let name = [byte, b'.', b'p', b'g', b'm'];
        std::fs::write(folder.path("film").join(OsStr::from_bytes(&name)), frame(1)).unwrap();
    }
    check(
        "two names",
        &folder.run("solve rpca film"),
        2,
        &["film", "two images named"],
    );
}

#[test]
fn a_file_name_of_any_bytes_stays_on_the_line() {
    let folder = Folder::new();
    let name = OsStr::from_bytes(b"a\nb\x1b[31m\xff.csv");
    std::fs::write(folder.path("").join(name), "a,b,x\na,b,y\n").unwrap();
    let output = folder
        .command("solve completion --exact")
        .arg(name)
        .output()
        .unwrap();
    check("a name", &output, 2, &["line 2, column 3"]);
    assert!(!output.stderr.contains(&0x1b));
}
