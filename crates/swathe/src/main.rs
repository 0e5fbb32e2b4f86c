//! The `swathe` command: parses arguments, hands them to a command, turns its outcome into an exit code.

mod allocator;
mod commands;
mod failure;
mod interrupt;

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
    Grid(Box<commands::grid::Arguments>),
    Average(Box<commands::average::Arguments>),
    Merge(commands::merge::Arguments),
    Simulate(commands::simulate::Arguments),
    Plot(Box<commands::plot::Arguments>),
    Demo(commands::demo::Arguments),
}

fn main() -> ExitCode {
    allocator::keep_memory();
    interrupt::watch();
    let words = commands::gridding::join_four_words(std::env::args_os());
    let outcome = match Cli::parse_from(words).command {
        Command::Info(arguments) => commands::info::run(&arguments),
        Command::Grid(arguments) => commands::grid::run(&arguments),
        Command::Average(arguments) => commands::average::run(&arguments),
        Command::Merge(arguments) => commands::merge::run(&arguments),
        Command::Simulate(arguments) => commands::simulate::run(&arguments),
        Command::Plot(arguments) => commands::plot::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(&arguments),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => failure.report(),
    }
}
