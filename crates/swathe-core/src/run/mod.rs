//! Chunk, apply, combine: one granule after another is put on the grid, and what they give is combined.
//!
//! ```text
//! SwathSource --apply(Recipe)--> Applied: TileParts for every field            (many at a time)
//!                                   `--> whoever combines, one after another  (execute)
//! ```

mod apply;
mod beside;
mod execute;
mod futures;
mod held;
mod lines;
mod tiles;
mod turn;

pub use apply::{Applied, ApplyError, FieldRecipe, Recipe};
pub use execute::{InFlight, execute};
pub use futures::{Cancelled, Future, Futures, NoOutcome, Status, gather};
pub use lines::lines_near;
pub use tiles::TileRegions;
pub use turn::Turn;
