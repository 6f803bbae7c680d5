//! The `flatmin` command.
#[allow(dead_code)]
mod input;
#[allow(dead_code)]
mod output;
#[allow(dead_code, unused_imports)]
mod report;

fn main() {}
