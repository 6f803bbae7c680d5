//! Where numbers come from: a file, or the arrays of a program that calls this one.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::arrays::ByKey;

/// A file, or arrays in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    File(&'a Path),
    Arrays(&'a dyn ByKey),
}

impl Source<'_> {
    /// What a message about it begins with: arrays have keys, but no name.
    pub(crate) fn prefix(self) -> String {
        match self {
            Source::File(path) => format!("{}: ", path.display()),
            Source::Arrays(_) => String::new(),
        }
    }

    /// In the middle of a sentence.
    pub(crate) fn shown(self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Arrays(_) => "the data".to_owned(),
        }
    }

    /// The name of a file, without the folders: they are of no interest to who reads the report.
    pub(crate) fn name(self) -> String {
        match self {
            Source::File(path) => path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            Source::Arrays(_) => String::new(),
        }
    }

    /// Puts the causes of an error of `read` on one line, after the prefix.
    pub(super) fn read<T>(self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        read().map_err(|error| anyhow!("{}{error:#}", self.prefix()))
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Source<'a> {
    fn from(path: &'a P) -> Self {
        Source::File(path.as_ref())
    }
}
