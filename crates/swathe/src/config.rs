//! `--config FILE.toml`: the options of a command in a file.
//!
//! Its keys are the long names of options, or that of what a command takes without one (`granules`). They are
//! put among the words of the command before these are parsed, so that a file can say all that words can, and
//! is checked as they are. What the words give themselves is not taken from the file.

use crate::failure::{Failure, Result};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::path::Path;
use swathe_core::suggest::UnknownName;
use toml::{Table, Value};

/// Larger files are no configuration.
const LARGEST: u64 = 1 << 20;

/// The words of a command, with those of the file that they name.
///
/// # Errors
/// When the file cannot be read, or holds what is no option of the command.
pub fn joined(mut words: Vec<OsString>, cli: Command) -> Result<Vec<OsString>> {
    // What is wrong with the words is told when they are parsed in earnest.
    let mut cli = cli.ignore_errors(true);
    let Ok(matches) = cli.try_get_matches_from_mut(&words) else {
        return Ok(words);
    };
    let Some((name, given)) = matches.subcommand() else {
        return Ok(words);
    };
    let Some(file) = given.get_one::<std::path::PathBuf>("config") else {
        return Ok(words);
    };
    let Some(command) = cli.find_subcommand(name) else {
        return Ok(words);
    };
    let added = added(file, &read(file)?, command, given)?;
    let after = words.iter().position(|word| word == name);
    let after = after.map_or(words.len(), |at| at + 1);
    words.splice(after..after, added);
    Ok(words)
}

fn read(file: &Path) -> Result<Table> {
    let failed =
        |said: &dyn std::fmt::Display| Failure::usage(format!("{}: {said}", file.display()));
    let about = std::fs::metadata(file).map_err(|error| failed(&error))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(failed(
            &"no configuration: it is no file, or larger than 1 MiB",
        ));
    }
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    // Its message shows the line, over some lines of its own.
    text.parse()
        .map_err(|error: toml::de::Error| failed(&error.to_string().trim_end()))
}

/// The words of what a file says and the command's own words do not.
fn added(
    file: &Path,
    table: &Table,
    command: &Command,
    given: &ArgMatches,
) -> Result<Vec<OsString>> {
    let failed = |said: String| Failure::usage(format!("{}: {said}", file.display()));
    let mut words = Vec::new();
    for (key, value) in table {
        let name = key.replace('_', "-");
        let Some(arg) = command
            .get_arguments()
            .find(|arg| called(arg).as_deref() == Some(&name))
        else {
            let known: Vec<String> = command.get_arguments().filter_map(called).collect();
            return Err(failed(UnknownName::new("option", key, &known).to_string()));
        };
        if given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let said = of(arg, &name, value);
        words.extend(said.map_err(|wanted| failed(format!("{key} = {value}: {wanted}")))?);
    }
    Ok(words.into_iter().map(OsString::from).collect())
}

/// The name of an argument in a file.
fn called(arg: &Arg) -> Option<String> {
    match arg.get_long() {
        Some("config" | "help") => None,
        Some(long) => Some(long.to_owned()),
        None => Some(arg.get_id().to_string()),
    }
}

/// The words that give an argument this value.
fn of(arg: &Arg, name: &str, value: &Value) -> std::result::Result<Vec<String>, &'static str> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match value {
            Value::Boolean(true) => Ok(vec![format!("--{name}")]),
            Value::Boolean(false) => Ok(Vec::new()),
            _ => Err("expected true or false"),
        };
    }
    let needs_none = arg
        .get_num_args()
        .is_some_and(|number| number.min_values() == 0);
    let values = match value {
        Value::Boolean(true) if needs_none => return Ok(vec![format!("--{name}")]),
        Value::Boolean(false) if needs_none => return Ok(Vec::new()),
        Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>(),
        value => text(value).map(|text| vec![text]),
    };
    let values = values.ok_or("expected text or a number, or a list of these")?;
    Ok(match (arg.is_positional(), arg.get_action()) {
        (true, _) => values,
        (false, ArgAction::Append) => values
            .iter()
            .map(|value| format!("--{name}={value}"))
            .collect(),
        _ => vec![format!("--{name}={}", values.join(","))],
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Datetime(time) => Some(time.to_string()),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
