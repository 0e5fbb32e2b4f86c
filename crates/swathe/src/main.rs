//! The `swathe` command: parses arguments, hands them to a command, turns its outcome into an exit code.

mod commands;
mod failure;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Many satellite swaths in, one map out.
#[derive(Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(commands::info::Arguments),
    Plot(Box<commands::plot::Arguments>),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Info(arguments) => commands::info::run(&arguments),
        Command::Plot(arguments) => commands::plot::run(&arguments),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => failure.report(),
    }
}
