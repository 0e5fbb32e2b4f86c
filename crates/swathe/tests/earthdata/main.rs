//! Search, sign-in, streaming and download against a server that behaves as NASA's do, faults included.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod download;
mod faults;
mod search;
mod sign_in;
mod streaming;

use stand_in::{Behaviour, Fault, PASSWORD, Place, S3_SECRET, StandIn, TOKEN};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use swathe_io::simulate::{Overwrite, Simulation};
use tempfile::TempDir;

/// Three granules, a server that has them, and a folder to work in.
struct Bench {
    granules: TempDir,
    work: TempDir,
    server: StandIn,
    names: Vec<String>,
}

const GRID: &str = "-v chlor_a -b -80,30,-60,45 -r 0.2 -m bin";
const COLLECTION: &str = "PACE_OCI_L2_BGC";
/// What must not be seen anywhere.
const SECRETS: [&str; 5] = [
    TOKEN,
    PASSWORD,
    S3_SECRET,
    "given-token-not-to-be-seen",
    "signature-not-to-be-seen",
];

impl Bench {
    fn new() -> Bench {
        let granules = tempfile::tempdir().unwrap();
        let simulation = Simulation {
            area: Some([-80.0, 30.0, -60.0, 45.0]),
            count: Some(3),
            lines: Some(200),
            ..Simulation::default()
        };
        let written = simulation.granules().unwrap();
        let paths: Vec<PathBuf> = written
            .iter()
            .map(|g| g.write(granules.path(), Overwrite::Refuse).unwrap())
            .collect();
        let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
        Bench {
            server: StandIn::start(granules.path()).unwrap(),
            names: paths.iter().map(name).collect(),
            work: tempfile::tempdir().unwrap(),
            granules,
        }
    }

    /// The command with this server's settings and nobody's credentials.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
        command
            .current_dir(self.work.path())
            .args(line.split_whitespace())
            .env_clear()
            .envs(self.server.environment())
            .env("HOME", self.work.path())
            .env("SWATHE_CACHE", "none")
            .env("SWATHE_BACKOFF", "2");
        command
    }

    fn with_token(&self, line: &str) -> Command {
        let mut command = self.command(line);
        command.env("EARTHDATA_TOKEN", TOKEN);
        command
    }

    fn links(&self) -> String {
        let links = self.names.iter().map(|name| self.server.link(name));
        links.collect::<Vec<_>>().join(" ")
    }

    fn behave(&self, faults: Vec<Fault>) {
        self.server.behave(|behaviour| {
            *behaviour = Behaviour::default();
            behaviour.faults = faults;
        });
        self.server.clear_log();
    }

    /// The product of the same job on local files.
    fn expected(&self) -> Vec<u8> {
        let local = self.granules.path().display();
        let out = self.command(&format!("average {local} {GRID} -o local.nc --overwrite"));
        succeed(out);
        std::fs::read(self.work.path().join("local.nc")).unwrap()
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.work.path().join(name)).ok()
    }

    /// No secret in any file of the work folder, in what was printed, or in what came to the storage host.
    fn assert_no_secret(&self, output: &Output) {
        let mut texts = vec![output.stdout.clone(), output.stderr.clone()];
        all_files(self.work.path(), &mut texts);
        for secret in SECRETS {
            for text in &texts {
                let found = text.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{secret} in {}", String::from_utf8_lossy(text));
            }
        }
        for request in self.server.log() {
            if request.place == Place::Storage {
                let header = |(name, value): &(String, String)| {
                    name == "authorization" || SECRETS[..4].iter().any(|s| value.contains(s))
                };
                assert!(!request.headers.iter().any(header), "{request:?}");
            }
        }
    }
}

fn all_files(folder: &Path, texts: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        texts.push(
            entry
                .file_name()
                .to_string_lossy()
                .into_owned()
                .into_bytes(),
        );
        match entry.path() {
            path if path.is_dir() => all_files(&path, texts),
            path => texts.extend(std::fs::read(path).ok()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    output
}

/// Standard error of a command that must fail with a code.
fn fail(mut command: Command, code: i32) -> (Output, String) {
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    (output, said)
}
