//! Developer tasks. `cargo xtask test` runs everything: Rust tests, then the Python tests that
//! compare with netCDF4, h5py, xarray, rasterio and pyproj, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test [rust|python]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["test"] => rust_tests().and_then(|()| python_tests()),
        ["test", "rust"] => rust_tests(),
        ["test", "python"] => python_tests(),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn rust_tests() -> Result<(), String> {
    // The extension module has no tests of its own and needs an interpreter to link.
    run(cargo().args(["test", "--workspace", "--exclude", "swathe-python"]))
}

fn python_tests() -> Result<(), String> {
    let python = environment()?;
    run(cargo().args([
        "build",
        "--workspace",
        "--exclude",
        "swathe-python",
        "--bins",
        "--examples",
    ]))?;
    let target = root().join("target/debug");
    run(Command::new(python)
        .current_dir(root())
        .args(["-m", "pytest", "-q", "tests/python"])
        .env("SWATHE_BIN", target.join("swathe"))
        .env("SWATHE_EXAMPLES", target.join("examples")))
}

/// The test environment's interpreter; made, or brought up to date, when its list has changed.
fn environment() -> Result<PathBuf, String> {
    let wanted = root().join("tests/python/requirements.txt");
    let environment = root().join(".venv");
    let python = environment.join("bin/python");
    let stamp = environment.join("requirements.txt");
    let list = std::fs::read(&wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
    if std::fs::read(&stamp).is_ok_and(|have| have == list) {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(&wanted))?;
    std::fs::write(&stamp, list).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(python)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|e| format!("cannot start {:?}: {e}", command.get_program()))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{:?} ended with {status}", command.get_program()))
}
