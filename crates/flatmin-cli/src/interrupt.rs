//! Ctrl-C: the first asks the solver to stop at its next step, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::terminal;

/// Set by the first Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The exit code that shells give a process that Ctrl-C ended: 128 + SIGINT.
const ABORTED: i32 = 130;

/// Whether the handler is there already: another command ran in this process.
static LISTENING: AtomicBool = AtomicBool::new(false);

/// Listens from here on; gives the flag that the first Ctrl-C sets.
pub(crate) fn listen() -> Result<&'static AtomicBool> {
    INTERRUPTED.store(false, Ordering::Relaxed);
    if LISTENING.swap(true, Ordering::Relaxed) {
        return Ok(&INTERRUPTED);
    }
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(ABORTED);
        }
        terminal::say("flatmin: stopping at the next step; Ctrl-C again aborts and writes nothing");
    })
    .context("Ctrl-C cannot be listened to")?;
    Ok(&INTERRUPTED)
}
