//! Runs the built command in an empty folder, and reads and writes the few files that the tests look into.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;
use serde_json::Value;

/// An empty folder to run in.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command with its arguments separated by spaces, ready to run.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flatmin"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.0.path());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the command, which must succeed.
    pub(crate) fn done(&self, arguments: &str) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", stderr(&output));
        output
    }

    /// Runs the command with --json and gives what it printed.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let output = self.done(&format!("{arguments} --json"));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// A matrix of an uncompressed archive that the command wrote.
    pub(crate) fn matrix(&self, name: &str, key: &str) -> Array2<f64> {
        let mut zip = zip::ZipArchive::new(Cursor::new(self.read(name))).unwrap();
        let mut bytes = Vec::new();
        zip.by_name(&format!("{key}.npy"))
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let head = String::from_utf8(bytes[10..start].to_vec()).unwrap();
        let sizes = head
            .split_once("'shape': (")
            .unwrap()
            .1
            .split(')')
            .next()
            .unwrap();
        let sizes: Vec<usize> = sizes
            .split(',')
            .map(|size| size.trim().parse().unwrap())
            .collect();
        let values = bytes[start..]
            .chunks(8)
            .map(|word| f64::from_le_bytes(word.try_into().unwrap()));
        Array2::from_shape_vec((sizes[0], sizes[1]), values.collect()).unwrap()
    }

    /// Writes an archive of matrices.
    pub(crate) fn write_npz(&self, name: &str, matrices: &[(&str, &Array2<f64>)]) {
        let mut zip = zip::ZipWriter::new(fs::File::create(self.path(name)).unwrap());
        for (key, matrix) in matrices {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(format!("{key}.npy"), options).unwrap();
            let (rows, columns) = matrix.dim();
            let head =
                format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
            zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
            zip.write_all(&(head.len() as u16).to_le_bytes()).unwrap();
            zip.write_all(head.as_bytes()).unwrap();
            for value in matrix.iter() {
                zip.write_all(&value.to_le_bytes()).unwrap();
            }
        }
        zip.finish().unwrap();
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn number(result: &Value, key: &str) -> f64 {
    result[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key}: found {}", result[key]))
}

/// The names of the files of a folder and of the folders in it, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            names.extend(
                self::names(&entry.path())
                    .iter()
                    .map(|inner| format!("{name}/{inner}")),
            );
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}
