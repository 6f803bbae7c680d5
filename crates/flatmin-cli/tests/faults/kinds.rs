//! Files of another kind than their name or the model says: what a newcomer tries first.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::common::Folder;
use super::{archive, check, floats};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_of_another_kind_is_named_as_what_it_is() {
    let folder = Folder::new();
    folder.done("generate completion --d1 8 --rank 1 --out entries.csv");
    folder.done("generate completion --d1 8 --rank 1 --out entries.npz");
    let entries = folder.read("entries.csv");
    let npz = folder.read("entries.npz");
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(entries.iter().flat_map(|byte| [*byte, 0]))
        .collect();
    let table = "at least 3 (row id, column id, value) with a comma between";
    let cases: &[(&str, &str, &[u8], &[&str])] = &[
        (
            "solve completion",
            "semicolons.csv",
            b"user;item;rating\n1;2;3\n",
            &["line 1: found one field, \"user;item;rating\"", table],
        ),
        (
            "solve completion",
            "commas.csv",
            b"1;2;3,5\n2;3;4,5\n",
            &["line 1: found 2 fields, the first of them \"1;2;3\"", table],
        ),
        (
            "solve completion",
            "quoted.csv",
            b"user,item,rating\n1,2,\"3,5\"\n",
            &["line 2, column 3 (value): found \"3,5\", expected a finite number"],
        ),
        (
            "solve completion",
            "spaces.csv",
            b"1 2 3\n2 3 4\n",
            &["line 1: found one field, \"1 2 3\"", table],
        ),
        (
            "solve completion",
            "commas.tsv",
            b"1,2,3\n2,3,4\n",
            &["line 1: found one field", "with a tab between"],
        ),
        (
            "solve completion",
            "commas.dat",
            b"1,2,3\n2,3,4\n",
            &["line 1: found one field", "with a tab between"],
        ),
        (
            "solve completion",
            "names.csv",
            b"title,stars,who\nAlien,5,bob\n",
            &["line 2, column 3 (value): found \"bob\""],
        ),
        (
            "solve completion",
            "matrix.csv",
            b"0.1,0.2,0.3\n0.4,0.5,0.6\n",
            &["one entry a line, not a matrix"],
        ),
        (
            "solve completion",
            "book.xlsx",
            b"PK\x03\x04",
            &["found a name of no known format, expected .npz"],
        ),
        (
            "solve completion",
            "book.csv",
            b"PK\x03\x04\x14\0\n,,\n",
            &["found a zip archive, as .npz and Excel files are, expected text"],
        ),
        (
            "solve completion",
            "utf16.csv",
            &utf16,
            &["found text in UTF-16, expected text in UTF-8"],
        ),
        (
            "solve completion",
            "zipped.csv",
            &gzip(&entries),
            &["found gzipped data in a file whose name does not end in .gz"],
        ),
        (
            "solve completion",
            "plain.csv.gz",
            &entries,
            &["found a file that is not gzipped", ".gz"],
        ),
        (
            "solve completion",
            "arrays.csv.gz",
            &gzip(&npz),
            &["found a zip archive"],
        ),
        (
            "solve completion",
            "arrays.npz.gz",
            &gzip(&npz),
            &["found a name of no known format"],
        ),
        (
            "solve completion",
            "entries.npy",
            &entries,
            &["found no numpy array"],
        ),
        (
            "solve completion",
            "table.npz",
            &entries,
            &["found no npz archive", "expected an .npz archive"],
        ),
        (
            "solve completion",
            "page.csv",
            b"<html><body>404</body></html>\n",
            &["line 1: found one field, \"<html>"],
        ),
        (
            "solve rpca",
            "entries.csv",
            &entries,
            &[
                "line 1: found the names of row, column and value",
                "expected a matrix",
            ],
        ),
        ("solve rpca", "utf16.csv", &utf16, &["found text in UTF-16"]),
        (
            "solve rpca",
            "book.csv",
            b"PK\x03\x04\x14\0\n,,\n",
            &["found a zip archive"],
        ),
        (
            "solve rpca",
            "semicolons.csv",
            b"1;2\n3;4\n",
            &["line 2, field 1: found \"3;4\", expected a number"],
        ),
        (
            "solve rpca",
            "entries.npz",
            &npz,
            &["found the keys", "expected \"Y\""],
        ),
        (
            "solve sensing",
            "entries.csv",
            &entries,
            &["found a name that does not end in .npz, expected an .npz archive with \"A\", \"y\""],
        ),
        (
            "solve sensing",
            "entries.npz",
            &npz,
            &["found the keys", "expected \"A\", \"y\""],
        ),
        (
            "solve network",
            "entries.npz",
            &npz,
            &["found the keys", "expected \"x\", \"y\""],
        ),
        (
            "experiment recovery --config",
            "entries.npz",
            &npz,
            &["cannot be read"],
        ),
        (
            "experiment recovery --config",
            "typo.toml",
            b"trials = 'many'\n",
            &["key \"trials\"", "expected u64"],
        ),
        (
            "experiment recovery --config",
            "other.toml",
            b"cook = 1\n",
            &["key \"cook\"", "expected one of"],
        ),
    ];
    for (command, name, bytes, words) in cases {
        folder.write(name, bytes);
        let command = format!("{command} {name}");
        let words: Vec<&str> = [*name].into_iter().chain(words.iter().copied()).collect();
        check(&command, &folder.run(&command), 2, &words);
    }
}

#[test]
fn factors_of_another_model_are_refused_by_their_keys() {
    let folder = Folder::new();
    for (model, keys) in [
        ("sensing", "\"L\", \"R\""),
        ("network", "\"U1\""),
        ("sparse", "\"V\""),
        ("deep", "\"W1\", \"W2\""),
    ] {
        folder.done(&format!("generate {model} --d1 5 --rank 1 --out {model}.npz"));
        folder.write("factors.npz", archive(&[("Q.npy", floats("(1, 1)", &[1.0]))]));
        let command = format!("measure {model} {model}.npz factors.npz");
        check(
            &command,
            &folder.run(&command),
            2,
            &["found the keys \"Q\"", keys],
        );
    }
}
