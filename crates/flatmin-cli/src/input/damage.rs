//! Every reader under damaged files, many in little time: an instance, or one line that names the file, and never a panic.
//!
//! `FLATMIN_DAMAGE` sets how many damaged files each reader gets, 300 by default. Files on which a reader once failed are kept
//! in `tests/data/corpus` and read first.

use std::io::{Cursor, Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use flatmin::random::Stream;

use super::archive::craft::npz;
use super::every::{READERS, Reader};
use super::numpy::craft::{floats, integers, npy};

fn count() -> u64 {
    let asked = std::env::var("FLATMIN_DAMAGE").ok();
    asked.map_or(300, |n| n.parse().expect("FLATMIN_DAMAGE is a number"))
}

/// What is put in the place of other bytes.
const TOKENS: [&[u8]; 24] = [
    b"nan",
    b"-inf",
    b"1e999",
    b"-0",
    b"99999999999999999999",
    b"4294967295",
    b"18446744073709551615",
    b"\"",
    b"\"\"",
    b",",
    b"::",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"(0, 2)",
    b"True",
    b"<i8",
    b"symmetric",
];

/// A good file of each kind.
fn good(name: &str) -> Vec<u8> {
    let (stem, ending) = name.split_once('.').unwrap();
    let table = |separator: &str| {
        let line = |i: usize| {
            let (a, b) = (i / 3, (2 * i) % 5);
            format!("u{a}{separator}\"i {b}\"{separator}{}\n", i as f64 / 4.0)
        };
        let lines: String = (0..12).map(line).collect();
        format!("user{separator}item{separator}rating\n{lines}").into_bytes()
    };
    let matrix = |separator: &str| {
        let line = |i: usize| format!("{i}{separator}{}{separator}NA\n", i as f64 / 3.0);
        (0..4).map(line).collect::<String>().into_bytes()
    };
    let gzip = |bytes: Vec<u8>| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    };
    let coordinate =
        b"%%MatrixMarket matrix coordinate real general\n% c\n3 4 3\n1 1 2.5\n3 4 -1\n2 2 1e3\n".to_vec();
    let values = |count: usize| (0..count).map(|i| i as f64 - 2.5).collect::<Vec<f64>>();
    match (stem, ending) {
        ("entries" | "places", "csv") => table(","),
        ("entries" | "places", "tsv") => table("\t"),
        ("entries", "dat") => String::from_utf8(table("::"))
            .unwrap()
            .replace('"', "")
            .into_bytes(),
        ("entries", "csv.gz") => gzip(table(",")),
        ("entries", "mtx") => coordinate,
        ("entries", "mtx.gz") => gzip(coordinate),
        ("matrix", "csv") => matrix(","),
        ("matrix", "tsv.gz") => gzip(matrix("\t")),
        ("matrix", "mtx") => b"%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n".to_vec(),
        (_, "npy") => floats("(3, 2)", &values(6)),
        ("frame", "pgm") => [b"P5 4 3 255\n".as_slice(), &[7; 12]].concat(),
        ("frame", _) => {
            let mut bytes = Cursor::new(Vec::new());
            let picture = image::GrayImage::from_fn(9, 5, |x, y| image::Luma([(x * y) as u8]));
            let format = if ending == "png" {
                image::ImageFormat::Png
            } else {
                image::ImageFormat::Jpeg
            };
            picture.write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        }
        #[cfg(feature = "parquet")]
        (_, "parquet") => super::parquet::tests::sample(),
        _ => archive(stem, values),
    }
}

fn archive(stem: &str, values: impl Fn(usize) -> Vec<f64>) -> Vec<u8> {
    let array = |shape: &str, count: usize| floats(shape, &values(count));
    let members: Vec<(&str, Vec<u8>)> = match stem {
        "entries" => vec![
            ("rows", integers(&[0, 1, 0])),
            ("cols", integers(&[0, 1, 1])),
            ("y", array("(3,)", 3)),
            ("shape", integers(&[2, 2])),
        ],
        "gaps" => vec![("X", floats("(2, 2)", &[1.0, f64::NAN, 2.0, 3.0]))],
        "matrix" => vec![
            ("Y", array("(2, 3)", 6)),
            ("mask", npy("'|b1'", true, "(2, 3)", &[1, 1, 0, 1, 1, 1])),
            ("truth", array("(2, 3)", 6)),
        ],
        "sensing" => vec![
            ("A", array("(3, 2, 2)", 12)),
            ("y", array("(3,)", 3)),
            ("truth", array("(2, 2)", 4)),
        ],
        "bilinear" => vec![
            ("a", array("(3, 2)", 6)),
            ("b", array("(3, 4)", 12)),
            ("y", array("(3,)", 3)),
        ],
        "symmetric" => vec![
            ("x", array("(4, 2)", 8)),
            ("y", array("(4,)", 4)),
            ("truth", floats("(2, 2)", &[1.0, 2.0, 2.0, 1.0])),
        ],
        "sparse" => vec![
            ("A", array("(2, 5)", 10)),
            ("y", array("(2,)", 2)),
            ("truth", array("(5,)", 5)),
        ],
        "vectors" => vec![("V", array("(2, 5)", 10))],
        "layers" => vec![("W1", array("(2, 3)", 6)), ("W2", array("(3, 4)", 12))],
        _ => vec![
            ("L", array("(3, 2)", 6)),
            ("R", array("(4, 2)", 8)),
            ("row_ridge", floats("()", &[1.0])),
            ("column_ridge", floats("()", &[1.0])),
            ("ridge_power", floats("()", &[0.5])),
        ],
    };
    npz(stem.len().is_multiple_of(2), &members)
}

/// Bytes changed, cut, repeated, left out or replaced, once or more.
fn damage(mut file: Vec<u8>, stream: &mut Stream) -> Vec<u8> {
    for _ in 0..=stream.below(4) {
        if file.is_empty() {
            break;
        }
        let at = stream.below(file.len());
        let end = (at + 1 + stream.below(12)).min(file.len());
        match stream.below(7) {
            0 => file.truncate(at),
            1 => file[at] ^= 1 << stream.below(8),
            2 => file[at] = stream.below(256) as u8,
            3 => drop(file.splice(at..at, file[at..end].to_vec())),
            4 => drop(file.drain(at..end)),
            5 => drop(file.splice(at..at, TOKENS[stream.below(TOKENS.len())].iter().copied())),
            _ => drop(file.splice(at..end, TOKENS[stream.below(TOKENS.len())].iter().copied())),
        }
    }
    file
}

/// An archive one of whose members is damaged, with right checksums.
fn damage_member(file: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let damaged = stream.below(zip.len());
    let mut members = Vec::new();
    for i in 0..zip.len() {
        let mut member = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        let name = member.name().unwrap().trim_end_matches(".npy").to_owned();
        members.push((
            name,
            if i == damaged {
                damage(bytes, stream)
            } else {
                bytes
            },
        ));
    }
    let members: Vec<(&str, Vec<u8>)> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    npz(stream.below(2) == 0, &members)
}

/// Reads `bytes` under a name in an empty folder.
fn read(name: &str, reader: Reader, bytes: &[u8], about: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let read = catch_unwind(AssertUnwindSafe(|| reader(&path)));
    let Ok(read) = read else {
        panic!(
            "{name}, {about}: the reader panics on {:?}",
            String::from_utf8_lossy(bytes)
        );
    };
    if let Err(error) = read {
        let said = format!("{error:#}");
        let about = format!("{name}, {about}: {said}");
        assert!(said.lines().count() == 1 && said.len() < 600, "{about}");
        assert!(said.contains(name), "{about}");
    }
}

#[test]
fn no_damaged_file_harms_a_reader() {
    for &(name, reader) in READERS {
        let good = good(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, &good).unwrap();
        reader(&path).unwrap_or_else(|error| panic!("{name}, undamaged: {error:#}"));
        for seed in 0..count() {
            let mut stream = Stream::new(seed);
            let bytes = if name.ends_with("npz") && stream.below(4) > 0 {
                damage_member(&good, &mut stream)
            } else {
                damage(good.clone(), &mut stream)
            };
            read(name, reader, &bytes, &format!("damage {seed}"));
        }
    }
}

#[test]
fn files_that_once_harmed_a_reader_do_not_any_more() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let mut found = 0;
    for &(name, reader) in READERS {
        let Ok(files) = std::fs::read_dir(corpus.join(name)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            read(
                name,
                reader,
                &std::fs::read(&path).unwrap(),
                &path.display().to_string(),
            );
            found += 1;
        }
    }
    assert!(found > 0);
}
