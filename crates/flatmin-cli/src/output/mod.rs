//! What the command writes: `result.json`, `factors.npz`, the report and what it is drawn from.

pub(crate) mod files;
pub(crate) mod ids;
pub(crate) mod npz;
pub(crate) mod result;
pub(crate) mod run_files;
pub(crate) mod separated;
