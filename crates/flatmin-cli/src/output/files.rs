//! The folder a run writes to. A file in it is either whole or absent.
//!
//! Laws: a file is written under another name beside its own, flushed to the disk, then renamed; files that belong together
//! are renamed once all of them are on the disk; nothing outside the folder is written; whether the folder can be written is
//! known before the computation starts; one run at a time writes its files there.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::{NamedTempFile, TempPath};

/// What the names of files begin and end with that are not finished.
const UNFINISHED: (&str, &str) = (".flatmin-", ".tmp");

/// A folder that exists and can be written.
#[derive(Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
    /// Held as long as this is: see [`OutputDir::claim`].
    _lock: Option<File>,
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
            _lock: None,
        })
    }

    /// The same for one run alone, as long as this is held: another one is refused. What a killed run left unfinished
    /// is removed.
    pub(crate) fn claim(path: &Path) -> Result<Self> {
        let created = Self::create(path)?;
        let lock = lock(path)?;
        if lock.is_some() {
            sweep(path);
        }
        Ok(Self {
            _lock: lock,
            ..created
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
        let mut stage = self.stage();
        stage.add(name, content)?;
        stage.commit(&[])
    }

    /// For files that belong together.
    pub(crate) fn stage(&self) -> Stage<'_> {
        Stage {
            out: self,
            files: Vec::new(),
        }
    }
}

/// Files that are whole on the disk, but have not yet their names. Without a `commit` they are removed.
pub(crate) struct Stage<'a> {
    out: &'a OutputDir,
    files: Vec<(PathBuf, TempPath)>,
}

impl Stage<'_> {
    /// Adds the file `name` (folders in it are made).
    pub(crate) fn add(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
    ) -> Result<()> {
        let path = self.out.path.join(name);
        let named = || path.display().to_string();
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            inside && !name.is_empty(),
            "{}: expected a name inside the folder",
            named()
        );
        ensure!(!path.is_dir(), "{}: found a folder, expected a file", named());
        let folder = path.parent().unwrap_or(&self.out.path);
        fs::create_dir_all(folder).with_context(named)?;
        let file = temporary(folder).with_context(named)?;
        fill(file.as_file(), content).with_context(named)?;
        self.files.push((path, file.into_temp_path()));
        Ok(())
    }

    /// Removes the files `gone`, then gives the others their names in the order they were added.
    pub(crate) fn commit(self, gone: &[&str]) -> Result<()> {
        for path in gone.iter().map(|name| self.out.path.join(name)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| path.display().to_string());
                }
                _ => {}
            }
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        for (path, file) in self.files {
            let named = || path.display().to_string();
            file.persist(&path).map_err(|e| e.error).with_context(named)?;
            let folder = path.parent().unwrap_or(&self.out.path).to_owned();
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
            .iter()
            .try_for_each(|folder| sync_folder(folder).with_context(|| folder.display().to_string()))
    }
}

/// A lock on the folder, which ends with the process at the latest; `None` where there are none.
fn lock(path: &Path) -> Result<Option<File>> {
    // Some systems open no folder, and some disks, in a network, know no locks.
    let Ok(folder) = File::open(path) else {
        return Ok(None);
    };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: found another run that writes to this folder, expected none; wait until it has ended, or choose another folder",
            path.display()
        ),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Removes unfinished files from the folder and the folders in it. What cannot be removed does no harm.
fn sweep(path: &Path) {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries(path)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path());
    for folder in folders.chain([path.to_owned()]) {
        for entry in entries(&folder) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A file under a name of its own, removed when dropped, with the rights any new file gets.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
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
    fn files_that_belong_together_appear_together() {
        let tmp = tempfile::tempdir().unwrap();
        let out = OutputDir::create(tmp.path()).unwrap();
        out.write("a", |w| Ok(w.write_all(b"old")?)).unwrap();
        out.write("mark", |_| Ok(())).unwrap();
        let mut stage = out.stage();
        stage.add("a", |w| Ok(w.write_all(b"new")?)).unwrap();
        assert_eq!(fs::read(tmp.path().join("a")).unwrap(), b"old");
        drop(stage);
        assert_eq!(names(tmp.path()), ["a", "mark"]);
        let mut stage = out.stage();
        stage.add("a", |w| Ok(w.write_all(b"new")?)).unwrap();
        stage.add("f/b", |_| Ok(())).unwrap();
        stage.commit(&["mark", "never there"]).unwrap();
        assert_eq!(names(tmp.path()), ["a", "f"]);
        assert_eq!(fs::read(tmp.path().join("a")).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn one_run_at_a_time_has_the_folder_and_clears_it() {
        let tmp = tempfile::tempdir().unwrap();
        fs::create_dir(tmp.path().join("figures")).unwrap();
        for left in [".flatmin-a.tmp", "figures/.flatmin-b.tmp", "figures/mine.tmp"] {
            fs::write(tmp.path().join(left), "").unwrap();
        }
        let first = OutputDir::claim(tmp.path()).unwrap();
        assert_eq!(names(tmp.path()), ["figures"]);
        assert_eq!(names(&tmp.path().join("figures")), ["mine.tmp"]);
        let second = OutputDir::claim(tmp.path()).unwrap_err().to_string();
        assert!(second.contains("found another run"), "{second}");
        // Files of another kind may be written meanwhile.
        OutputDir::create(tmp.path()).unwrap();
        drop(first);
        OutputDir::claim(tmp.path()).unwrap();
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
