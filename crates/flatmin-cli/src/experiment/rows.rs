//! `rows.csv`: appended job by job, so that a run that is killed loses at most the jobs in flight, and put in order at the end.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use flatmin::experiment::{Job, Row};

use crate::output::files::OutputDir;

/// The file in an experiment's folder.
const FILE: &str = "rows.csv";

/// The rows of the finished jobs among `jobs`, in their order; what a killed run left half-written is not among them.
pub(super) fn read<R: Row>(dir: &Path, jobs: &[Job]) -> Result<Vec<R>> {
    let path = dir.join(FILE);
    let named = || path.display().to_string();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(named),
    };
    // The last line may be the torn one.
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let mut rows: HashMap<(String, u64), Vec<R>> = HashMap::new();
    for row in csv::Reader::from_reader(&bytes[..whole]).deserialize() {
        let row: R = row.map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let (cell, trial) = row.job();
        rows.entry((cell.to_owned(), trial)).or_default().push(row);
    }
    Ok(in_order(rows, jobs))
}

/// The rows of whole jobs, job after job.
fn in_order<R>(mut rows: HashMap<(String, u64), Vec<R>>, jobs: &[Job]) -> Vec<R> {
    let whole = jobs.iter().filter_map(|job| {
        let found = rows.remove(&(job.cell.clone(), job.trial))?;
        (found.len() == job.rows).then_some(found)
    });
    whole.flatten().collect()
}

/// Puts rows, gathered as their jobs ended, in the order of the jobs.
pub(super) fn sorted<R: Row>(rows: Vec<R>, jobs: &[Job]) -> Vec<R> {
    let mut by_job: HashMap<(String, u64), Vec<R>> = HashMap::new();
    for row in rows {
        let key = (row.job().0.to_owned(), row.job().1);
        by_job.entry(key).or_default().push(row);
    }
    in_order(by_job, jobs)
}

/// Replaces the file by these rows.
pub(super) fn write<R: Row>(out: &OutputDir, rows: &[R]) -> Result<()> {
    let text = text(rows, true)?;
    out.write(FILE, |file| Ok(file.write_all(&text)?))
}

/// The file, open at its end.
pub(super) struct Appender {
    file: File,
    /// For messages.
    path: PathBuf,
    /// Whether the head is still to be written.
    empty: bool,
}

impl Appender {
    pub(super) fn open(out: &OutputDir) -> Result<Self> {
        let path = out.path().join(FILE);
        let named = || path.display().to_string();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .with_context(named)?;
        let empty = file.metadata().with_context(named)?.len() == 0;
        Ok(Appender { file, path, empty })
    }

    /// Adds the rows of a job in one write, down to the disk.
    pub(super) fn add<R: Row>(&mut self, rows: &[R]) -> Result<()> {
        let text = text(rows, self.empty)?;
        self.empty = false;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        written.with_context(|| self.path.display().to_string())
    }
}

fn text<R: Row>(rows: &[R], head: bool) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(head)
        .from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|error| anyhow!("{}", error.error()))
}
