//! The `flatmin` command.
mod input;
mod output;
mod report;

fn main() {}
