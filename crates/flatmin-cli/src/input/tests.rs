use super::*;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::PathBuf;

use super::archive::craft::npz;
use super::numpy::craft::{floats, integers};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn one_instance_in_every_format() {
    let folder = Folder::new();
    let nan = f64::NAN;
    let csv = "user,item,rating\nu0,i0,1\nu1,i1,3\nu0,i1,2\n";
    let mtx = "%%MatrixMarket matrix coordinate real general\n2 2 3\n2 2 3\n1 1 1\n1 2 2\n";
    let dat = "u0::i0::1\nu0::i1::2\nu1::i1::3\n";
    let arrays = [
        ("rows", integers(&[0, 1, 0])),
        ("cols", integers(&[0, 1, 1])),
        ("y", floats("(3,)", &[1., 3., 2.])),
        ("shape", integers(&[2, 2])),
    ];
    let files = [
        folder.file("x.csv", csv),
        folder.file("x.csv.gz", gzip(csv)),
        folder.file("x.tsv.gz", gzip(&csv.replace(',', "\t"))),
        folder.file("x.mtx", mtx),
        folder.file("x.mtx.gz", gzip(mtx)),
        folder.file("x.dat.gz", gzip(dat)),
        folder.file("u.data.gz", gzip(&dat.replace("::", "\t"))),
        folder.file("x.npz", npz(false, &arrays)),
        folder.file("x.npy", floats("(2, 2)", &[1., 2., nan, 3.])),
    ];
    for path in files {
        let Completion { data, merged } = read_completion(&path).unwrap();
        assert_eq!(
            (data.rows, data.cols, data.y),
            (vec![0, 0, 1], vec![0, 1, 1], vec![1., 2., 3.]),
            "{path:?}"
        );
        assert_eq!((data.shape, merged), ((2, 2), 0));
    }
}

#[test]
fn errors_are_one_line_that_begins_with_the_file() {
    let folder = Folder::new();
    let refusals = [
        read_completion(&folder.0.path().join("absent.csv")).map(|_| ()),
        read_completion(&folder.file("x.csv", "")).map(|_| ()),
        read_completion(&folder.file("x.txt", "")).map(|_| ()),
        read_completion(&folder.file("x.npy.gz", "")).map(|_| ()),
        read_completion(&folder.file("x.csv.gz", "plain")).map(|_| ()),
        read_completion(&folder.file("none", "")).map(|_| ()),
        read_completion(folder.0.path()).map(|_| ()),
        read_completion(&folder.file("y.csv", "a,b,c\nu,\"i\nj\",x\ny")).map(|_| ()),
        read_sensing(&folder.file("x.npz", "")).map(|_| ()),
        read_sensing(&folder.file("z.csv", "")).map(|_| ()),
        read_bilinear(&folder.0.path().join("absent.npz")).map(|_| ()),
        read_factors(&folder.file("y.npz", "PK")).map(|_| ()),
    ];
    for refusal in refusals {
        let message = format!("{:#}", refusal.unwrap_err());
        assert!(
            message.starts_with(&folder.0.path().display().to_string()),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_is_refused_with_the_feature_that_reads_it() {
    let error = read_completion(&Folder::new().file("x.parquet", ""))
        .unwrap_err()
        .to_string();
    assert!(error.contains("cargo feature `parquet`"), "{error}");
}

#[test]
fn test_entries_are_matched_by_id() {
    let folder = Folder::new();
    let training = read_completion(&folder.file("a.csv", "u,i,1\nv,j,2\n"))
        .unwrap()
        .data;
    let test = folder.file("b.tsv", "w\ti\t9\nv\ti\t4\nu\tj\t3\nu\tk\t9\nu\tj\t3\n");
    let entries = read_entries_like(&test, &training).unwrap();
    assert_eq!(
        (entries.rows, entries.cols, entries.y),
        (vec![0, 1], vec![1, 0], vec![3., 4.])
    );
    assert_eq!((entries.unknown, entries.merged), (2, 1));
}

#[test]
fn test_entries_without_ids_are_matched_by_position() {
    let folder = Folder::new();
    let training = read_completion(&folder.file("a.npy", floats("(2, 2)", &[1.; 4])))
        .unwrap()
        .data;
    let head = "%%MatrixMarket matrix coordinate real general\n";
    let entries =
        read_entries_like(&folder.file("b.mtx", format!("{head}2 2 1\n2 1 7\n")), &training).unwrap();
    assert_eq!(
        (entries.rows, entries.cols, entries.y, entries.unknown),
        (vec![1], vec![0], vec![7.], 0)
    );
    let error =
        read_entries_like(&folder.file("c.mtx", format!("{head}2 3 1\n2 1 7\n")), &training).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("c.mtx: found shape (2, 3), expected (2, 2) as in the training data"),
        "{error}"
    );
    let error = read_entries_like(&folder.file("d.csv", "0,0,1\n"), &training).unwrap_err();
    assert!(
        error.to_string().contains("d.csv: found a table of ids"),
        "{error}"
    );
}
