//! Files that claim or unfold to more than there is: one line, in bounded memory, whatever the size.

use std::fs::File;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::common::{Folder, names};
use super::{after, archive, check, floats, integers, npy};

/// Some 400 MB of addresses, of which the program and its threads take a part.
const SHORT: &str = "ulimit -v 400000";

/// `count` times the same text, after `head`, compressed.
fn repeated(head: &str, line: &str, count: usize) -> Vec<u8> {
    const LINES: usize = 1 << 15;
    let block = line.repeat(LINES);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(head.as_bytes()).unwrap();
    for _ in 0..count.div_ceil(LINES) {
        encoder.write_all(block.as_bytes()).unwrap();
    }
    encoder.finish().unwrap()
}

/// An array of so many zeros.
fn zeros(shape: &str, count: usize) -> Vec<u8> {
    npy("<f8", shape, &vec![0; 8 * count])
}

#[test]
fn what_unfolds_to_more_than_the_memory_is_refused() {
    let folder = Folder::new();
    let one = || floats("(1,)", &[1.0]);
    let square = "(1, 8192, 8192)";
    let many = 1 << 26;
    let bomb = archive(&[("A.npy", zeros(square, many)), ("y.npy", one())]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    folder.write("bomb.npz", bomb);
    folder.write("X.npz", archive(&[("X.npy", zeros("(8192, 8192)", many))]));
    // A file of 12 GB that takes up a page.
    let sparse = File::create(folder.path("hole.npy")).unwrap();
    let head = npy("<f8", "(40000, 40000)", &[]);
    (&sparse).write_all(&head).unwrap();
    sparse.set_len(head.len() as u64 + (8 * 40_000 * 40_000)).unwrap();
    let wide = 200_000;
    let measured = |a: &str, shape: &str| archive(&[(a, zeros(shape, wide)), ("y.npy", one())]);
    folder.write("wide.npz", measured("A.npy", &format!("(1, 1, {wide})")));
    folder.write("long.npz", measured("x.npy", &format!("(1, {wide})")));
    let sides = [
        ("a.npy", floats("(1, 1)", &[1.0])),
        ("b.npy", zeros(&format!("(1, {wide})"), wide)),
        ("y.npy", one()),
    ];
    folder.write("sides.npz", archive(&sides));
    let far = [
        ("rows.npy", integers(&[0])),
        ("cols.npy", integers(&[0])),
        ("shape.npy", integers(&[4_000_000_000, 4_000_000_000])),
        ("y.npy", one()),
    ];
    folder.write("far.npz", archive(&far));
    let banner = "%%MatrixMarket matrix coordinate real general\n";
    folder.write("far.mtx", format!("{banner}4000000000 4000000000 1\n1 1 1\n"));
    let lines = 25_000_000;
    folder.write("lines.csv.gz", repeated("", "1,1,1\n", lines));
    let head = format!("{banner}9 9 {}\n", 1u64 << 40);
    folder.write("lines.mtx.gz", repeated(&head, "1 1 1\n", lines));
    folder.write("matrix.csv.gz", repeated("", "1,1,1\n", lines));
    let head = "%%MatrixMarket matrix array real general\n4000000000 4\n";
    folder.write("matrix.mtx.gz", repeated(head, "1\n", lines));
    for (command, name) in [
        ("solve sensing", "bomb.npz"),
        ("solve deep", "bomb.npz"),
        ("solve completion", "X.npz"),
        ("solve completion", "hole.npy"),
        ("solve rpca", "hole.npy"),
        ("solve sensing", "wide.npz"),
        ("solve network", "long.npz"),
        ("solve bilinear", "sides.npz"),
        ("solve completion", "far.npz"),
        ("solve completion", "far.mtx"),
        ("solve completion", "lines.csv.gz"),
        ("solve completion", "lines.mtx.gz"),
        ("solve rpca", "matrix.csv.gz"),
        ("solve rpca", "matrix.mtx.gz"),
    ] {
        let command = format!("{command} {name} --threads 1 --out run");
        let output = after(&folder, SHORT, &command);
        check(&command, &output, 2, &[name, "MB in memory", "that are free"]);
    }
    assert!(names(&folder.path("run")).is_empty());
    // As many columns that tie: all of them explain the data.
    let many = 1 << 15;
    let ones = npy("<f8", &format!("(1, {many})"), &1f64.to_le_bytes().repeat(many));
    folder.write("ties.npz", archive(&[("A.npy", ones), ("y.npy", one())]));
    folder.done("solve sparse ties.npz --threads 1");
    // No line end in sight.
    folder.write("zeros.csv.gz", repeated("", "\0", 1 << 28));
    for model in ["completion", "rpca"] {
        let command = format!("solve {model} zeros.csv.gz --threads 1");
        let words = ["zeros.csv.gz", "line 1", "expected a short line"];
        check(&command, &after(&folder, SHORT, &command), 2, &words);
    }
}

#[test]
fn pictures_that_claim_too_much_are_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("film")).unwrap();
    for head in [
        "P5 60000 60000 255\n",
        "P5 4294967295 4294967295 255\n",
        "P2 9 9 99999\n",
    ] {
        folder.write("film/a.pgm", format!("{head}abc"));
        let command = "solve rpca film --threads 1";
        check(command, &after(&folder, SHORT, command), 2, &["film", "a.pgm"]);
    }
}

/// 2^63, 2^61 and their like: products and sizes in bytes that 64 bits do not hold.
#[test]
fn headers_whose_sizes_overflow_are_refused() {
    let folder = Folder::new();
    let many = format!("({})", "1, ".repeat(65));
    for shape in [
        "(9223372036854775808, 9223372036854775808)",
        "(4294967296, 4294967296)",
        "(2305843009213693952, 8)",
        "(0, 9223372036854775808)",
        "(18446744073709551615,)",
        "(18446744073709551616, 1)",
        "(-1, 2)",
        "(2, 3)",
        &many,
    ] {
        folder.write("x.npy", floats(shape, &[1.0]));
        let member = || floats(shape, &[1.0]);
        folder.write("x.npz", archive(&[("A.npy", member()), ("y.npy", member())]));
        folder.write("Y.npz", archive(&[("Y.npy", member()), ("mask.npy", member())]));
        for command in [
            "solve completion x.npy",
            "solve rpca x.npy",
            "solve sensing x.npz",
            "solve sparse x.npz",
            "solve rpca Y.npz",
        ] {
            let name = command.rsplit_once(' ').unwrap().1;
            check(&format!("{command}: {shape}"), &folder.run(command), 2, &[name]);
        }
    }
    let coordinate = "%%MatrixMarket matrix coordinate real general\n";
    let array = "%%MatrixMarket matrix array real symmetric\n";
    for (model, text) in [
        (
            "completion",
            format!("{coordinate}99999999999999999999 2 1\n1 1 1\n"),
        ),
        (
            "completion",
            format!("{coordinate}4294967296 4294967296 1\n1 1 1\n"),
        ),
        (
            "completion",
            format!("{coordinate}2 2 18446744073709551615\n1 1 1\n"),
        ),
        (
            "completion",
            format!("{coordinate}2 2 18446744073709551616\n1 1 1\n"),
        ),
        ("completion", format!("{coordinate}-1 2 1\n1 1 1\n")),
        (
            "completion",
            format!("{coordinate}2 2 1\n18446744073709551617 1 1\n"),
        ),
        ("rpca", format!("{array}4294967295 4294967295\n1\n")),
        ("rpca", format!("{array}4294967296 1\n1\n")),
        ("rpca", format!("{array}0 0\n")),
    ] {
        folder.write("x.mtx", &text);
        let command = format!("solve {model} x.mtx");
        check(
            &format!("{command}: {text}"),
            &folder.run(&command),
            2,
            &["x.mtx"],
        );
    }
    let shape = |d1, d2| {
        archive(&[
            ("rows.npy", integers(&[0, -1])),
            ("cols.npy", integers(&[0, i64::MAX])),
            ("shape.npy", integers(&[d1, d2])),
            ("y.npy", floats("(2,)", &[1.0, 2.0])),
        ])
    };
    for (d1, d2) in [(i64::MAX, i64::MAX), (0, 5), (-3, 5), (1 << 32, 1), (2, 2)] {
        folder.write("e.npz", shape(d1, d2));
        check(
            &format!("({d1}, {d2})"),
            &folder.run("solve completion e.npz"),
            2,
            &["e.npz"],
        );
    }
}

#[test]
fn options_that_ask_for_too_much_are_refused() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 4 --rank 1 --out x.npz");
    for (command, word) in [
        ("experiment recovery --set trials=1000000000000000000", "trials"),
        ("experiment recovery --set d=[1000000000000]", "d"),
        ("generate sensing --d1 1000000000", "--m"),
        ("generate sensing --d1 18446744073709551615", "--"),
        (
            "generate completion --ratings 4000000000x4000000000x4000000000",
            "--",
        ),
    ] {
        let out = if command.starts_with("generate") {
            "--out y.npz"
        } else {
            ""
        };
        let output = after(&folder, SHORT, &format!("{command} {out}"));
        let said = super::stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains(word), "{command}: {said}");
    }
    let output = folder.run("solve sensing x.npz --threads 1000000000");
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{}",
        super::stderr(&output)
    );
    assert!(!folder.path("y.npz").exists());
}
