//! What the targets share: a file of a name that a reader knows.
#![deny(missing_docs)]

use std::fs;

/// Reads `bytes` as the file `name`. What is said of a bad one must be a line of moderate length.
pub fn read(name: &str, bytes: &[u8]) {
    // In memory, where there is such a disk: thousands of files a second.
    let shared = std::path::Path::new("/dev/shm");
    let parent = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("flatmin-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file can be written");
    let read = flatmin_cli::read(&path);
    fs::remove_file(&path).expect("the file is there");
    if let Err(error) = read {
        let said = format!("{error:#}");
        assert!(said.lines().count() == 1 && said.len() < 1000, "{said}");
    }
}

/// The first byte chooses among the names, the rest is the file.
pub fn read_one_of(names: &[&str], data: &[u8]) {
    if let Some((first, bytes)) = data.split_first() {
        read(names[usize::from(*first) % names.len()], bytes);
    }
}
