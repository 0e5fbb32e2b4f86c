//! Watching a run: a page that shows it while it goes on, served by the process itself.
//!
//! ```text
//! run: threads --watch::Watcher--> Lanes (who does what)  \
//!      events  --Live::show------> Preview (the map)       > Hub <-- polls -- Server <-- page in a browser
//!                                  granules, log, memory  /
//! ```
//!
//! The run never waits for a page: it notes, and pages ask for what is new.

mod description;
mod gathered;
mod hub;
mod lanes;
mod lattice;
mod outlines;
mod page;
mod preview;
mod recorder;
mod report;
mod request;
mod server;
mod squares;
mod summary;
mod viewer;

use crate::job::{Event, Finished, JobError, Plan, Shares};
use hub::Hub;
use page::Page;
use recorder::News;
use request::Request;
use serde_json::json;
use server::{Answer, Pages, Server};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use swathe_core::geobox::GeoBox;
use swathe_core::watch::Watched;
use swathe_io::error::Error;
use swathe_io::product::Product;
use viewer::Viewer;

pub use hub::resident_bytes;
pub use recorder::Recorder;
pub use report::Report;
pub use server::Address;

/// Between looks at the memory in use.
const TICK: Duration = Duration::from_millis(500);
/// So long a page is given to see the end.
const FAREWELL: Duration = Duration::from_millis(2500);

/// A run that can be watched, until it is dropped.
#[derive(Debug)]
pub struct Live {
    hub: Arc<Hub>,
    server: Server,
}

impl Live {
    /// Serves the page of a run that is about to begin. `guarded`: see [`Live::link`].
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub fn start(address: Address, guarded: bool) -> std::io::Result<Live> {
        let mut run = [0; 4];
        getrandom::fill(&mut run).map_err(std::io::Error::other)?;
        let hub = Arc::new(Hub::new(u32::from_le_bytes(run).max(1)));
        let page = Page::new("Swathe", json!({"mode": "live"}));
        let desk = Desk {
            hub: hub.clone(),
            page,
        };
        let server = Server::start(address, guarded, Arc::new(desk))?;
        let watched = Arc::downgrade(&hub);
        std::thread::Builder::new()
            .name("memory".into())
            .spawn(move || sample_memory(&watched))?;
        Ok(Live { hub, server })
    }

    /// The page's address. It holds a random token, which every request must have, if the page can be reached
    /// from other machines, or was asked to be `guarded`.
    pub fn link(&self) -> String {
        self.server.link()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// To be entered by the thread that runs.
    pub fn watched(&self) -> Watched {
        Watched::new(self.hub.clone())
    }

    /// Takes what was planned. Bins are drawn on the map that is made of them, if there is one.
    pub fn plan(&self, plan: &Plan, shares: &Shares, map: Option<&GeoBox>) {
        self.hub.plan(plan, Some(shares), map);
    }

    /// Takes what was planned, where tasks elsewhere carry it out: what these note comes by [`Live::take`].
    /// Gives the stride for their [`Recorder`]s.
    pub fn plan_spread(&self, plan: &Plan, map: Option<&GeoBox>) -> usize {
        self.hub.plan(plan, None, map);
        self.hub.stride()
    }

    /// Takes what the recorder of a task noted, on a worker of this name.
    ///
    /// # Errors
    /// Bytes of another version, or damaged ones.
    pub fn take(&self, worker: &str, news: &[u8]) -> Result<(), JobError> {
        self.hub.take(worker, &News::read(news)?);
        Ok(())
    }

    /// Takes what became of granules elsewhere, when all is there.
    pub fn collected(&self, finished: &Finished) {
        self.hub.records(&finished.description().granules);
    }

    /// Shows a link to a page that is about the run too. Only addresses of the web are shown.
    pub fn see_also(&self, label: &str, address: &str) {
        self.hub.see_also(label, address);
    }

    /// Takes the plan itself, with the names of its outputs: granules that wait are drawn where they lie, and
    /// its graph is drawn for who asks for it.
    pub fn draw(&self, plan: &Arc<Plan>, outputs: &[String]) {
        self.hub.graph_of(plan.clone(), outputs.to_vec());
        let (plan, hub) = (plan.clone(), Arc::downgrade(&self.hub));
        // Where no thread is to be had, granules are drawn when they are read.
        let ahead = std::thread::Builder::new().name("outlines".into());
        let _ = ahead.spawn(move || outlines::draw_ahead(&plan, &hub));
    }

    /// Takes what is going to be written of so many parts.
    pub fn merged(&self, merged: &Finished, parts: usize) {
        self.hub.merged(merged.description(), parts);
    }

    /// How far a reduction of so many files is.
    pub fn reduced(&self, variable: &str, files: usize, done: usize, total: usize) {
        self.hub.reduced(variable, files, done, total);
    }

    /// Takes a product that is in memory.
    pub fn product(&self, product: &Product) {
        self.hub.product(product);
    }

    /// Something happened in the run.
    pub fn show(&self, event: &Event<'_>) {
        self.hub.event(event);
    }

    /// A line for the log.
    pub fn note(&self, text: &str) {
        self.hub.log("note", text);
    }

    /// The run has ended, and the page can be asked for as long as this is there.
    pub fn ended(&self, failure: Option<&str>) {
        self.hub.end(failure);
    }

    /// The run has ended, and the page will soon be gone. One that watches is given a moment to see it.
    pub fn end(&self, failure: Option<&str>) {
        self.ended(failure);
        let until = Instant::now() + FAREWELL;
        while self.hub.is_awaited() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A file that is looked at, until it is dropped.
#[derive(Debug)]
pub struct Serving {
    server: Server,
}

impl Serving {
    /// Serves the page of a gridded file, netCDF or Zarr: all its variables, or those of these names. Only
    /// what is in view is read. `guarded`: see [`Live::link`].
    ///
    /// # Errors
    /// What [`Gridded::open`](swathe_io::product::Gridded::open) says; a name that is not there; the address
    /// cannot be listened at.
    pub fn start(
        path: &Path,
        variables: &[String],
        address: Address,
        guarded: bool,
    ) -> Result<Serving, JobError> {
        let viewer = Arc::new(Viewer::open(path, variables)?);
        let refused = |source| Error::Io {
            path: "the page".into(),
            source,
        };
        let server = Server::start(address, guarded, viewer.clone()).map_err(refused)?;
        // Where no thread is to be had, the first look takes longer.
        let ahead = std::thread::Builder::new().name("page".into());
        let _ = ahead.spawn(move || viewer.opening());
        Ok(Serving { server })
    }

    /// The page's address, as of [`Live::link`].
    pub fn link(&self) -> String {
        self.server.link()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }
}

fn sample_memory(hub: &Weak<Hub>) {
    while let Some(hub) = hub.upgrade() {
        hub.tick();
        drop(hub);
        std::thread::sleep(TICK);
    }
}

/// What pages ask for.
struct Desk {
    hub: Arc<Hub>,
    page: Page,
}

impl Pages for Desk {
    fn answer(&self, request: &Request) -> Option<Answer> {
        match request.path() {
            "/" => Some(self.page.answer()),
            "/state" => {
                let since = request.number("since").unwrap_or(0);
                let run = request.number("run").unwrap_or(0);
                Some(Answer::json(&self.hub.state(since, run)))
            }
            "/blocks" => {
                let since = request.number("since").unwrap_or(0);
                Some(Answer::new(
                    "application/octet-stream",
                    self.hub.blocks(since),
                ))
            }
            "/coast" => Some(Answer::json(&self.hub.coast()?)),
            "/graph" => Some(Answer::new("image/svg+xml", self.hub.graph_svg()?)),
            "/seen" => {
                self.hub.has_seen();
                Some(Answer::json(&json!({})))
            }
            "/gone" => {
                self.hub.has_gone();
                Some(Answer::json(&json!({})))
            }
            _ => None,
        }
    }
}
