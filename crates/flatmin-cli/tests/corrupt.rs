//! Files that were cut, overwritten and filled with nonsense: a result, or one line that names the file and exit code 2. Never
//! a panic, and nothing half-written.
//!
//! `FLATMIN_FAULTS` sets how many faults each file gets, 12 by default.

mod common;

use std::io::{Cursor, Read as _, Write as _};
use std::process::Output;

use common::{Folder, names, stderr};
use flatmin::random::Stream;

/// What a text file may hold in place of a number.
const NONSENSE: [&str; 12] = [
    "nan",
    "inf",
    "-1",
    "0",
    "1e999",
    "99999999999999999999",
    "4294967296",
    "",
    "\"",
    "\0",
    "é",
    "1,5,\n",
];

fn faults() -> u64 {
    let asked = std::env::var("FLATMIN_FAULTS").ok();
    asked.map_or(12, |n| n.parse().expect("FLATMIN_FAULTS is a number"))
}

/// One fault.
fn spoil(mut file: Vec<u8>, is_text: bool, stream: &mut Stream) -> Vec<u8> {
    let at = stream.below(file.len());
    match stream.below(if is_text { 6 } else { 5 }) {
        0 => file.truncate(at),
        1 => file[at] ^= 1 << stream.below(8),
        2 => (file.iter_mut().skip(at).take(1 + stream.below(8))).for_each(|byte| *byte = 0xff),
        3 => (file.iter_mut().skip(at).take(1 + stream.below(8))).for_each(|byte| *byte = 0),
        4 => {
            let again = file[at..].to_vec();
            file.splice(at..at, again);
        }
        _ => {
            let word = |byte: &u8| byte.is_ascii_digit() || b".-+e".contains(byte);
            let end = file[at..]
                .iter()
                .position(|byte| !word(byte))
                .map_or(file.len(), |n| at + n);
            let nonsense = NONSENSE[stream.below(NONSENSE.len())];
            file.splice(at..end, nonsense.bytes());
        }
    }
    file
}

/// One fault or more.
fn spoil_often(mut file: Vec<u8>, stream: &mut Stream) -> Vec<u8> {
    let is_text = file.iter().all(u8::is_ascii);
    file = spoil(file, is_text, stream);
    while stream.below(3) == 0 && !file.is_empty() {
        file = spoil(file, is_text, stream);
    }
    file
}

/// An archive with one of its members spoiled, and right checksums.
fn spoil_member(archive: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let spoiled = stream.below(old.len());
    for i in 0..old.len() {
        let mut bytes = Vec::new();
        let mut member = old.by_index(i).unwrap();
        member.read_to_end(&mut bytes).unwrap();
        if i == spoiled {
            // Most of a member are numbers, most readers' work is its head.
            let head = bytes.len().min(128);
            let rest = bytes.split_off(if stream.below(2) == 0 { head } else { bytes.len() });
            bytes = spoil_often(bytes, stream);
            bytes.extend(rest);
        }
        let options = zip::write::SimpleFileOptions::default();
        new.start_file(member.name().unwrap(), options).unwrap();
        new.write_all(&bytes).unwrap();
    }
    new.finish().unwrap().into_inner()
}

/// Runs `command` on `good` after each of many faults.
fn attack(folder: &Folder, name: &str, good: &[u8], command: &str) {
    for seed in 0..faults() {
        let mut stream = Stream::new(seed);
        let spoiled = if name.ends_with(".npz") && stream.below(4) > 0 {
            spoil_member(good, &mut stream)
        } else {
            spoil_often(good.to_vec(), &mut stream)
        };
        folder.write(name, &spoiled);
        let output = folder.run(command);
        check(folder, name, &output, &format!("{command}, fault {seed}"));
    }
    folder.write(name, good);
}

/// A result, or one line about the file.
fn check(folder: &Folder, name: &str, output: &Output, about: &str) {
    let (code, said) = (output.status.code(), stderr(output));
    let about = format!("{about}: exit {code:?}: {said}");
    match code {
        Some(0 | 3) => {}
        Some(2) => {
            assert_eq!(said.trim_end().lines().count(), 1, "{about}");
            assert!(said.starts_with("flatmin: ") && said.len() < 1000, "{about}");
            assert!(said.contains(name), "{about}");
        }
        _ => panic!("{about}"),
    }
    let half = |file: &String| file.ends_with(".tmp");
    assert!(!names(&folder.path(".")).iter().any(half), "{about}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Some entries of a 12 × 9 matrix, a line each.
fn lines(separator: &str, first: usize) -> String {
    let place = |i: &usize| (i / 9 + first, i % 9 + first);
    let line = |(a, b): (usize, usize)| {
        format!(
            "{a}{separator}{b}{separator}{}\n",
            ((a * 7 + b * 3) % 10) as f64 / 2.0
        )
    };
    (0..108).filter(|i| i % 3 != 1).map(|i| line(place(&i))).collect()
}

const SOLVE: &str = "--max-iter 3 --threads 1 --out run";

#[test]
fn tables_of_entries() {
    let folder = Folder::new();
    let csv = format!("user,item,rating\n{}", lines(",", 1));
    let mtx = format!(
        "%%MatrixMarket matrix coordinate real general\n12 9 72\n{}",
        lines(" ", 1)
    );
    let compressed = gzip(csv.as_bytes());
    for (name, content) in [
        ("x.csv", csv.into_bytes()),
        ("x.tsv", lines("\t", 0).into_bytes()),
        ("x.dat", lines("::", 1).into_bytes()),
        ("x.mtx", mtx.into_bytes()),
        ("x.csv.gz", compressed),
    ] {
        attack(
            &folder,
            name,
            &content,
            &format!("solve completion {name} --lambda 0.5 {SOLVE}"),
        );
    }
}

#[test]
fn archives() {
    let folder = Folder::new();
    for model in [
        "sensing",
        "bilinear",
        "completion",
        "covariance",
        "network",
        "rpca",
        "sparse",
        "deep",
    ] {
        let name = format!("{model}.npz");
        folder.done(&format!("generate {model} --d1 6 --rank 1 --out {name}"));
        let good = folder.read(&name);
        attack(&folder, &name, &good, &format!("solve {model} {name} {SOLVE}"));
    }
}

#[test]
fn factors_and_folders_of_runs() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 6 --rank 1 --out x.npz");
    folder.done("solve sensing x.npz --out done");
    let good = folder.read("done/factors.npz");
    attack(
        &folder,
        "done/factors.npz",
        &good,
        "measure sensing x.npz done/factors.npz",
    );
    let good = folder.read("done/report.json");
    attack(&folder, "done/report.json", &good, "report done");
    folder.write("x.csv", lines(",", 1));
    folder.done("solve completion x.csv --lambda 0.5 --out model");
    folder.write("new.csv", lines(",", 2));
    for name in ["new.csv", "model/row_ids.csv", "model/factors.npz"] {
        let good = folder.read(name);
        attack(&folder, name, &good, "predict model new.csv --top 3");
    }
    folder.done("experiment recovery --set trials=1 --set d=[8] --set m=[30,60] --set p=[0.8] --out tried");
    for name in ["tried/rows.csv", "tried/config.toml"] {
        let good = folder.read(name);
        attack(&folder, name, &good, "report tried");
    }
}
