//! The configuration: a preset, then a file, then `--set` and `--seed`; written out whole beside the rows.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use toml::{Table, Value};

use super::{Preset, Shown};
use crate::args::ExperimentArgs;
use crate::input::read_text;
use crate::output::files::OutputDir;

/// The file in an experiment's folder.
const FILE: &str = "config.toml";
/// The key that says whose configuration it is.
const EXPERIMENT: &str = "experiment";

/// The configuration that the command line asks for, or, where it asks for none, the one in the folder.
pub(super) fn load<E: Shown>(args: &ExperimentArgs) -> Result<E> {
    let kept = args.out.as_deref().map(read_kept::<E>).transpose()?.flatten();
    let asks = args.preset.is_some() || args.config.is_some() || !args.set.is_empty() || args.seed.is_some();
    let config = match (&kept, asks) {
        (Some(kept), false) => kept.clone(),
        _ => asked::<E>(args)?,
    };
    if let (Some(kept), Some(out)) = (kept, &args.out) {
        let path = out.join(FILE);
        for (key, found) in &kept {
            ensure!(
                config.get(key) == Some(found),
                "{}: key {key:?}: found {found} from an earlier run, expected {} as asked for now; choose another folder",
                path.display(),
                config.get(key).map_or("nothing".to_owned(), Value::to_string)
            );
        }
    }
    let config: E = typed(&config)?;
    config.check()?;
    Ok(config)
}

/// A whole configuration, each key of which can be one.
fn checked<E: Shown>(whole: Table) -> Result<Table> {
    let known = Table::try_from(Preset::Quick.of::<E>())?;
    merged::<E>(known, whole.clone())?;
    Ok(whole)
}

/// A configuration with the keys of another in the place of its own.
fn merged<E: Shown>(mut config: Table, given: Table) -> Result<Table> {
    for (key, value) in given {
        config.insert(key.clone(), value);
        // At once: what the deserialiser says of a value does not name its key.
        typed::<E>(&config).with_context(|| format!("key {key:?}"))?;
    }
    Ok(config)
}

/// The table as a configuration.
fn typed<E: Shown>(table: &Table) -> Result<E> {
    table.clone().try_into().map_err(one_line)
}

/// By preset, file and options.
fn asked<E: Shown>(args: &ExperimentArgs) -> Result<Table> {
    let mut config = Table::try_from(args.preset.unwrap_or(Preset::Quick).of::<E>())?;
    if let Some(path) = &args.config {
        let given = read::<E>(path)?;
        config = merged::<E>(config, given).with_context(|| path.display().to_string())?;
    }
    for setting in &args.set {
        let named = || format!("--set {setting}");
        let parsed: Table = setting.parse().map_err(one_line).with_context(named)?;
        config = merged::<E>(config, parsed).with_context(named)?;
    }
    if let Some(seed) = args.seed {
        let seed = i64::try_from(seed)
            .map_err(|_| anyhow!("--seed: found {seed}, expected at most {}", i64::MAX))?;
        config.insert("seed".to_owned(), Value::Integer(seed));
    }
    Ok(config)
}

/// Of an earlier run into this folder.
fn read_kept<E: Shown>(dir: &Path) -> Result<Option<Table>> {
    let path = dir.join(FILE);
    if path.exists() {
        let kept = read::<E>(&path)?;
        checked::<E>(kept)
            .with_context(|| path.display().to_string())
            .map(Some)
    } else {
        Ok(None)
    }
}

/// The configuration in a folder, which must have one.
pub(super) fn read_folder<E: Shown>(dir: &Path) -> Result<E> {
    let path = dir.join(FILE);
    let named = || path.display().to_string();
    let kept = read::<E>(&path)?;
    let config: E = typed(&checked::<E>(kept).with_context(named)?).with_context(named)?;
    config.check().with_context(|| path.display().to_string())?;
    Ok(config)
}

/// The keys of a file, less the name of the experiment, which must be the right one.
fn read<E: Shown>(path: &Path) -> Result<Table> {
    let shown = path.display();
    let mut table = read_table(path)?;
    if let Some(name) = table.remove(EXPERIMENT) {
        ensure!(
            name.as_str() == Some(E::NAME),
            "{shown}: key {EXPERIMENT:?}: found {name}, expected {:?}",
            E::NAME
        );
    }
    Ok(table)
}

fn read_table(path: &Path) -> Result<Table> {
    let shown = path.display();
    let text = read_text(path, "a configuration in TOML")?;
    text.parse()
        .map_err(|error| one_line(error).context(shown.to_string()))
}

/// The name of the experiment whose folder this is; `None` where it has no configuration.
pub(super) fn name_in(dir: &Path) -> Result<Option<String>> {
    let path = dir.join(FILE);
    match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let table = read_table(&path)?;
    let name = table.get(EXPERIMENT).and_then(Value::as_str);
    let name = name.ok_or_else(|| {
        anyhow!(
            "{}: found no key {EXPERIMENT:?}, expected the name of an experiment",
            path.display()
        )
    })?;
    Ok(Some(name.to_owned()))
}

/// For a name that no experiment has.
pub(super) fn unknown(dir: &Path, name: &str) -> anyhow::Error {
    anyhow!(
        "{}: key {EXPERIMENT:?}: found {name:?}, expected the name of an experiment",
        dir.join(FILE).display()
    )
}

/// Writes the configuration with every key.
pub(super) fn write<E: Shown>(out: &OutputDir, config: &E) -> Result<()> {
    let text = text(config)?;
    out.write(FILE, |file| Ok(std::io::Write::write_all(file, text.as_bytes())?))
}

/// As it is written.
pub(super) fn text<E: Shown>(config: &E) -> Result<String> {
    Ok(format!(
        "{EXPERIMENT} = {:?}\n{}",
        E::NAME,
        toml::to_string(config)?
    ))
}

/// The parser's messages have several lines, the first of which says where and what.
fn one_line(error: toml::de::Error) -> anyhow::Error {
    let place = error
        .span()
        .map_or(String::new(), |span| format!(" (byte {})", span.start));
    anyhow!("{}{place}", error.message())
}
