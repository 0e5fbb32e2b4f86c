//! Developer tasks. `cargo xtask test` runs everything: Rust tests, then the Python tests that
//! compare with netCDF4, h5py, xarray, rasterio and pyproj, and those of the Python package, in a virtual
//! environment of their own. `cargo xtask wheel` makes the package as people install it, and tries it.
//! `cargo xtask earthdata` serves a folder of granules as NASA's services do, to try things by hand.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str =
    "usage: cargo xtask test [rust|python] | wheel | earthdata DIR [BEHAVIOUR.json]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["test"] => rust_tests().and_then(|()| python_tests()),
        ["test", "rust"] => rust_tests(),
        ["test", "python"] => python_tests(),
        ["wheel"] => wheel(),
        ["earthdata", ref rest @ ..] => run(cargo()
            .args(["run", "--quiet", "-p", "stand-in", "--"])
            .args(rest)),
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
    run(cargo().args(["test", "--workspace"]))
}

fn python_tests() -> Result<(), String> {
    let python = environment()?;
    // The package's library too, as part of the workspace: on its own its dependencies would have
    // other features, and the engine would be compiled a second time.
    run(cargo().args(["build", "--workspace", "--lib", "--bins", "--examples"]))?;
    let target = root().join("target/debug");
    let package = root().join("python");
    let (from, to) = (
        target.join(format!("{DLL_PREFIX}_swathe{DLL_SUFFIX}")),
        package.join("swathe/_swathe.abi3.so"),
    );
    // Removed first: a process that runs keeps its own.
    let _ = std::fs::remove_file(&to);
    std::fs::copy(&from, &to).map_err(|e| format!("{}: {e}", from.display()))?;
    run(Command::new(python)
        .current_dir(root())
        .args(["-m", "pytest", "-q", "tests/python"])
        .env("PYTHONPATH", package)
        .env("SWATHE_BIN", target.join("swathe"))
        .env("SWATHE_EXAMPLES", target.join("examples")))
}

/// Builds the wheel, installs it in a new environment with what it depends on and nothing else, and runs
/// the test of an installed package there.
fn wheel() -> Result<(), String> {
    let python = environment()?;
    let wheels = root().join("target/wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    run(Command::new(&python)
        .current_dir(root())
        .args(["-m", "pip", "wheel", "--quiet", "--no-deps", ".", "-w"])
        .arg(&wheels))?;
    let fresh = root().join("target/wheel-environment");
    let _ = std::fs::remove_dir_all(&fresh);
    run(Command::new(&python).args(["-m", "venv"]).arg(&fresh))?;
    let files = std::fs::read_dir(&wheels).map_err(|e| format!("{}: {e}", wheels.display()))?;
    for file in files.flatten() {
        println!("{}", file.path().display());
        run(Command::new(fresh.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .arg(file.path()))?;
    }
    run(Command::new(fresh.join("bin/python"))
        .current_dir(&fresh)
        .arg(root().join("tests/python/installed_package.py"))
        .env("PATH", fresh.join("bin")))
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
    // The pip that Python brings may look for versions that fit for a quarter of an hour where a newer one takes
    // half a minute.
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--upgrade", "pip"]))?;
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
