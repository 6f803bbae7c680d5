//! The `flatmin` command.
#[allow(dead_code)]
mod input;
#[allow(dead_code)]
mod output;
mod report;

fn main() {}
