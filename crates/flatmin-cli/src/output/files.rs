//! The folder a run writes to. A file in it is either whole or absent.
//!
//! Laws: a file is written under another name beside its own, flushed to the disk, then renamed; nothing outside the folder
//! is written; whether the folder can be written is known before the computation starts.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// A folder that exists and can be written.
#[derive(Clone, Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
}

impl OutputDir {
    /// Makes the folder if it is missing and proves, with a file that is removed at once, that it can be written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let shown = path.display();
        ensure!(
            !path.exists() || path.is_dir(),
            "{shown}: found a file, expected a folder to write to"
        );
        fs::create_dir_all(path).with_context(|| format!("{shown}: the folder cannot be made"))?;
        let probe = temporary(path).and_then(NamedTempFile::close);
        probe.with_context(|| format!("{shown}: the folder cannot be written"))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file `name` (folders in it are made), replacing one that is there; on an error that one stays.
    pub(crate) fn write(
        &self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
    ) -> Result<()> {
        let path = self.path.join(name);
        let named = || path.display().to_string();
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            inside && !name.is_empty(),
            "{}: expected a name inside the folder",
            named()
        );
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).with_context(named)?;
        let file = temporary(folder).with_context(named)?;
        fill(file.as_file(), content).with_context(named)?;
        file.persist(&path).map_err(|e| e.error).with_context(named)?;
        sync_folder(folder).with_context(named)
    }
}

/// A file under a name of its own, removed when dropped, with the rights any new file gets.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".flatmin-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Writes the content down to the disk.
fn fill(file: &File, content: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 17, file);
    content(&mut writer)?;
    writer.flush()?;
    file.sync_all()?;
    Ok(())
}

/// A rename lasts through a crash once its folder is on the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_and_alone() {
        let tmp = tempfile::tempdir().unwrap();
        let out = OutputDir::create(&tmp.path().join("a/b")).unwrap();
        assert_eq!(names(out.path()), [""; 0]);
        out.write("x.txt", |w| Ok(w.write_all(b"whole")?)).unwrap();
        out.write("figures/y.svg", |w| Ok(w.write_all(b"<svg/>")?))
            .unwrap();
        assert_eq!(fs::read(out.path().join("x.txt")).unwrap(), b"whole");
        assert_eq!(names(out.path()), ["figures", "x.txt"]);
        assert_eq!(names(&out.path().join("figures")), ["y.svg"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let tmp = tempfile::tempdir().unwrap();
        let out = OutputDir::create(tmp.path()).unwrap();
        out.write("x.txt", |w| Ok(w.write_all(b"a long first version")?))
            .unwrap();
        let error = out
            .write("x.txt", |w| {
                w.write_all(b"half")
                    .map_err(Into::into)
                    .and(Err(anyhow!("stopped")))
            })
            .unwrap_err();
        assert!(format!("{error:#}").ends_with("x.txt: stopped"));
        assert_eq!(
            fs::read(tmp.path().join("x.txt")).unwrap(),
            b"a long first version"
        );
        assert_eq!(names(tmp.path()), ["x.txt"]);
        out.write("x.txt", |w| Ok(w.write_all(b"short")?)).unwrap();
        assert_eq!(fs::read(tmp.path().join("x.txt")).unwrap(), b"short");
    }

    #[test]
    fn nothing_outside_the_folder_is_written() {
        let tmp = tempfile::tempdir().unwrap();
        let out = OutputDir::create(&tmp.path().join("in")).unwrap();
        for name in ["../x", "/x", "", "a/../../x"] {
            assert!(out.write(name, |_| Ok(())).is_err(), "{name}");
        }
        assert_eq!(names(tmp.path()), ["in"]);
    }

    #[test]
    fn a_path_that_is_or_runs_through_a_file_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let file = tmp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(
            OutputDir::create(&file)
                .unwrap_err()
                .to_string()
                .contains("found a file, expected a folder")
        );
        assert!(
            OutputDir::create(&file.join("sub"))
                .unwrap_err()
                .to_string()
                .contains("cannot be made")
        );
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let tmp = tempfile::tempdir().unwrap();
        let out = OutputDir::create(tmp.path()).unwrap();
        out.write("x", |_| Ok(())).unwrap();
        let plain = tmp.path().join("plain");
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&tmp.path().join("x")), mode(&plain));
    }
}
