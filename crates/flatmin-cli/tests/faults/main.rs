//! Faults of the machine, of files and of other runs: for each the promised exit code and one line, and no partial file.
//!
//! Disks are full, here, where the shell's limit on the size of files is met; memory is short where its limit on the address
//! space is.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod killed;
mod kinds;
mod numbers;
mod outputs;
mod paths;
mod sizes;
mod text;

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::process::{Command, Output};

use common::{Folder, names, stderr};

/// The exit code, and one line on standard error that says all of this.
fn check(about: &str, output: &Output, code: i32, words: &[&str]) {
    let said = stderr(output);
    let about = format!("{about}: exit {:?}: {said}", output.status);
    assert_eq!(output.status.code(), Some(code), "{about}");
    assert_eq!(said.trim_end().lines().count(), 1, "{about}");
    assert!(said.starts_with("flatmin: ") && said.len() < 600, "{about}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in {about}");
    }
}

/// The command after a command of the shell, such as a limit.
fn after(folder: &Folder, shell: &str, arguments: &str) -> Output {
    let script = format!("set -f; {shell}; exec \"$0\" {arguments}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_flatmin")]);
    command.current_dir(folder.path("")).output().unwrap()
}

/// Every file of a folder with its content.
fn content(folder: &Folder, name: &str) -> BTreeMap<String, Vec<u8>> {
    let path = folder.path(name);
    if !path.exists() {
        return BTreeMap::new();
    }
    let read = |file: String| (file.clone(), folder.read(&format!("{name}/{file}")));
    names(&path).into_iter().map(read).collect()
}

/// An array in numpy's format.
fn npy(descr: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((head.len() as u16).to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn floats(shape: &str, numbers: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("<f8", shape, &bytes)
}

fn integers(numbers: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", numbers.len()), &bytes)
}

/// A compressed archive of these members.
fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
