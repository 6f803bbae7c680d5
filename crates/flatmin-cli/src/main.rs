//! The `flatmin` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(flatmin_cli::main(std::env::args_os()))
}
