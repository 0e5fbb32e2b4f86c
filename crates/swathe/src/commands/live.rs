//! `--live`: a page to watch a command by.

use crate::failure::{Failure, Result};
use crate::messages::{self, say};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::job::Event;
use swathe::live::{Address, Live};

/// Whether a run can be watched.
#[derive(Args)]
pub struct LiveOption {
    /// Serve a page that shows the run while it goes on, at a port, or at an address that others can reach,
    /// as 0.0.0.0:8765: then the link holds a token. Default: 127.0.0.1:8765, or any free port
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1"
    )]
    live: Option<Address>,
}

/// The page of a command, if it is asked for.
pub struct Watch(Option<Arc<Live>>);

impl LiveOption {
    /// Whether a page is asked for.
    pub fn is_asked_for(&self) -> bool {
        self.live.is_some()
    }

    /// Serves the page of a command that begins, says where, and carries the command out: its thread is
    /// watched.
    pub fn watch<T>(&self, work: impl FnOnce(&Watch) -> Result<T>) -> Result<T> {
        let Some(address) = self.live else {
            return work(&Watch(None));
        };
        let live = Live::start(address, false).map_err(|error| {
            Failure::error(format!(
                "--live: no page can be served at {address}: {error}"
            ))
            .with_hint("choose another port, or give --live alone, which finds a free one")
        })?;
        let link = live.link();
        match messages::in_json() {
            true => messages::event("live", json!({ "link": link })),
            false => say!("watch it at {link}"),
        }
        let entered = live.watched().enter();
        let watch = Watch(Some(Arc::new(live)));
        let outcome = work(&watch);
        drop(entered);
        if let Watch(Some(live)) = &watch {
            live.end(outcome.as_ref().err().map(Failure::message));
        }
        outcome
    }
}

impl Watch {
    /// The page.
    pub fn live(&self) -> Option<&Arc<Live>> {
        self.0.as_ref()
    }

    /// Something happened.
    pub fn show(&self, event: &Event<'_>) {
        if let Some(live) = &self.0 {
            live.show(event);
        }
    }

    /// Outputs are there.
    pub fn wrote(&self, outputs: &[PathBuf]) {
        if let Some(live) = &self.0 {
            for output in outputs.iter().filter_map(|path| path.file_name()) {
                live.note(&format!("wrote {}", output.to_string_lossy()));
            }
        }
    }
}
