//! Jobs: from names of granules and options to a finished product.
//!
//! ```text
//! paths --gather--> candidates (opened, described) --order--> granules, sorted, one of each identity
//!       --Plan::new(Job, Purpose)--> Plan: grid, fields, flags, sums; notes of what was chosen for the user
//!       --run--> Product: an average, or a cube
//! Partial --merge--> Partial --product--> Product
//! ```

mod average;
mod canonical;
mod cube;
mod error;
mod estimate;
mod gather;
mod header;
mod memory;
mod names;
mod options;
mod order;
mod partial;
mod plan;
mod record;
mod run;

pub use error::JobError;
pub use estimate::{Estimate, GranuleEstimate};
pub use gather::{Candidate, Gathered, gather, gather_sources};
pub use names::expand;
pub use options::{GridRequest, Job, OnError, Purpose};
pub use order::Preferred;
pub use partial::{Partial, merge};
pub use plan::Plan;
pub use record::{Event, Finished, Observer};
pub use run::run;
