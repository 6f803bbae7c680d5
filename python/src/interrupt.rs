//! Ctrl-C in a computation: Python's signals are looked after while another thread computes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pyo3::prelude::*;

/// How long a signal may wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// Runs `work` with the interpreter free. A signal whose handler raises sets the flag of `work`, which gives what it has;
/// the exception comes with it.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> (T, Option<PyErr>) {
    py.detach(|| {
        let flag = AtomicBool::new(false);
        let (done, finished) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let flag = &flag;
            let worker = scope.spawn(move || {
                // Dropped at the end, whichever it is.
                let _done = done;
                work(flag)
            });
            let mut signal = None;
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PATIENCE) {
                if let Err(raised) = Python::attach(|py| py.check_signals()) {
                    flag.store(true, Ordering::Relaxed);
                    signal.get_or_insert(raised);
                }
            }
            match worker.join() {
                Ok(value) => (value, signal),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    })
}
