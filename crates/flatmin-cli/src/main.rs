//! The `flatmin` command.

use std::io::Write as _;
use std::panic;
use std::process::ExitCode;

/// The exit code of an internal error, which a panic is.
const INTERNAL: u8 = 1;

fn main() -> ExitCode {
    let whole = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|wanted| wanted != "0") {
            return whole(panic);
        }
        let said = panic.to_string().replace('\n', " ");
        let _ = writeln!(
            std::io::stderr(),
            "flatmin: internal error, please report it: {said}"
        );
    }));
    let code = panic::catch_unwind(|| flatmin_cli::main(std::env::args_os()));
    ExitCode::from(code.unwrap_or(INTERNAL))
}
