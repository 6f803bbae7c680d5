//! A report from the files of an earlier run.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::de::DeserializeOwned;

use super::{Rendered, check, render};
use crate::failure::{Failure, OrInput as _};
use crate::output::result::{ReportData, ResultFile};

/// Reads `result.json` and `report.json`, or an experiment's rows, in `dir` and draws them again; writes nothing.
///
/// Errors are one line that names the file, and for bad JSON the place in it.
pub(crate) fn redraw(dir: &Path) -> Result<Rendered, Failure> {
    if let Some(rendered) = crate::experiment::redraw(dir)? {
        return Ok(rendered);
    }
    let result: ResultFile = read(dir, "result.json", check::result).or_input()?;
    let data: ReportData = read(dir, "report.json", check::data).or_input()?;
    render(&result, &data).or_input()
}

fn read<T: DeserializeOwned>(
    dir: &Path,
    name: &str,
    check: fn(&T) -> anyhow::Result<()>,
) -> anyhow::Result<T> {
    let path = dir.join(name);
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!("{shown}: no such file; flatmin writes it with --out"),
        _ => anyhow!("{shown}: {error}"),
    })?;
    // serde_json ends its message with "at line … column …".
    let value = serde_json::from_str(&text).map_err(|error| anyhow!("{shown}: {error}"))?;
    check(&value).with_context(|| shown.to_string())?;
    Ok(value)
}
