//! What is said on standard output and standard error.
//!
//! Laws: a reader that has had enough, as `head` has, is no error; a full disk behind standard output is one; what cannot be
//! said on standard error stops nothing.

use std::io::{self, ErrorKind, Write as _};

use anyhow::{Context as _, Result};

/// Writes a text to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed(written.map_err(Into::into))
}

/// How writing to standard output ended.
pub(crate) fn printed(written: Result<()>) -> Result<()> {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    match written {
        Err(error) if error.chain().any(closed) => Ok(()),
        written => written.context("standard output"),
    }
}

/// Writes a line to standard error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
