//! A report from the files of an earlier run.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::de::DeserializeOwned;

use super::{Rendered, check, render};
use crate::failure::{Failure, OrInput as _};
use crate::input::read_text;
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
    let text = read_text(&path, "a file that flatmin writes with --out")?;
    // serde_json ends its message with "at line … column …".
    let value = serde_json::from_str(&text).map_err(|error| anyhow!("{shown}: {error}"))?;
    check(&value).with_context(|| shown.to_string())?;
    Ok(value)
}
