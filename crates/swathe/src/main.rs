//! The `swathe` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    swathe::command(std::env::args_os()).into()
}
