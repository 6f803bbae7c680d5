//! The `flatmin` command.
mod input;
mod output;
#[allow(dead_code, unused_imports)]
mod report;

fn main() {}
