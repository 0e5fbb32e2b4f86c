//! Jobs: from names of granules and options to a finished product.
//!
//! ```text
//! paths --gather--> candidates (opened, described) --order--> granules, sorted, one of each identity
//!       --Plan::new(Job, Purpose)--> Plan: grid, fields, flags, sums; notes of what was chosen for the user
//!       --run--> Finished: an average, or a cube; partial results --merge--> Finished
//!       --feed--> maps, tile by tile, into files or into a Product
//! Plan --spread--> tasks for other processes --combine, collect--> Finished
//! ```

mod ahead;
mod bin_maps;
mod bins;
mod by_bins;
mod canonical;
mod computed;
mod contents;
mod data_day;
mod error;
mod estimate;
mod finished;
mod gather;
mod graph;
mod header;
mod in_parts;
mod keeping;
mod layers;
mod map_source;
mod memory;
mod merging;
mod names;
mod options;
mod order;
mod partial;
mod placed;
mod plan;
mod record;
mod rivals;
mod run;
mod spread;
mod statistics;
mod turns;
mod windows;

pub use bin_maps::BinMaps;
pub use bins::{BinMap, MapOfBins, keep_statistics, map_bins, merge_bins};
pub use by_bins::{ByBins, Preset};
pub(crate) use canonical::quoted;
pub use data_day::DayKind;
pub use error::JobError;
pub use estimate::{Estimate, GranuleEstimate};
pub use finished::Finished;
pub use gather::{Candidate, Gathered, gather, gather_datasets, gather_sources};
pub use keeping::{JournalFile, Keeping};
pub use map_source::MapSource;
pub use memory::{Shares, check_room, memory_available};
pub use merging::{difference, merge};
pub use names::{expand, within};
pub use options::{GridRequest, Job, OnError, Purpose};
pub use order::Preferred;
pub use plan::Plan;
pub use record::{Event, Observer};
pub use run::run;
pub use spread::{
    Encoding, Finishing, LazyCube, Spread, Storing, Task, Worker, collect, collect_finished,
    combine, encode, layers, store,
};
pub(crate) use spread::{opened, sealed};
pub use statistics::Best;
pub use windows::{Every, Windowing};
