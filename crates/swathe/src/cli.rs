//! The `swathe` command: parses arguments, hands them to a command, turns its outcome into an exit code.

use crate::{allocator, commands, config, interrupt, messages};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

/// Many satellite swaths in, one map out.
#[derive(Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// Take options from a file, under their long names: bbox = [-77, 36, -73, 41]. Those given here count
    #[arg(long, global = true, display_order = 900, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(commands::info::Arguments),
    Search(commands::search::Arguments),
    Login(commands::login::Arguments),
    Download(commands::download::Arguments),
    Grid(Box<commands::grid::Arguments>),
    Average(Box<commands::average::Arguments>),
    Merge(commands::merge::Arguments),
    Map(Box<commands::map::Arguments>),
    Compare(commands::compare::Arguments),
    Simulate(commands::simulate::Arguments),
    Plot(Box<commands::plot::Arguments>),
    Demo(commands::demo::Arguments),
    Array(commands::array::Arguments),
    Reduce(commands::reduce::Arguments),
    Serve(commands::serve::Arguments),
}

/// Runs the command of these words, the program's name first, and gives the exit code. It sets how the
/// process takes Ctrl-C and keeps memory: for a process that is the command and nothing else.
pub fn command(words: impl Iterator<Item = OsString>) -> u8 {
    allocator::keep_memory();
    interrupt::watch();
    let words = commands::gridding::join_four_words(words);
    messages::heed(&words);
    let words = match config::joined(words, Cli::command()) {
        Ok(words) => words,
        Err(failure) => return failure.report(),
    };
    messages::heed(&words);
    let command = match Cli::try_parse_from(words) {
        Ok(cli) => cli.command,
        Err(said) => {
            let code = u8::try_from(said.exit_code()).unwrap_or(2);
            if said.use_stderr() && messages::in_json() {
                let text = said.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                messages::error(text.trim_end(), None, code);
                return code;
            }
            let text = said.to_string();
            match messages::shortened(&text) {
                Cow::Owned(short) if said.use_stderr() => messages::say!("{}", short.trim_end()),
                // Help and version are no errors; where nobody reads them there is nothing to do.
                _ => drop(said.print()),
            }
            return code;
        }
    };
    let outcome = match command {
        Command::Info(arguments) => commands::info::run(&arguments),
        Command::Search(arguments) => commands::search::run(&arguments),
        Command::Login(arguments) => commands::login::run(&arguments),
        Command::Download(arguments) => commands::download::run(&arguments),
        Command::Grid(arguments) => commands::grid::run(&arguments),
        Command::Average(arguments) => commands::average::run(&arguments),
        Command::Merge(arguments) => commands::merge::run(&arguments),
        Command::Map(arguments) => commands::map::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Simulate(arguments) => commands::simulate::run(&arguments),
        Command::Plot(arguments) => commands::plot::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Array(arguments) => commands::array::run(&arguments),
        Command::Reduce(arguments) => commands::reduce::run(&arguments),
        Command::Serve(arguments) => commands::serve::run(&arguments),
    };
    match outcome {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            interrupt::give_way();
            failure.report()
        }
    }
}
