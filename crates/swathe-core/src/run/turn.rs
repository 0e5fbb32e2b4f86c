//! A granule that gives to some tiles at a time, where what it gives to all has no room.

use super::lines::guess_holds;
use crate::source::{GeolocationArray, SourceError, SwathSource};
use std::ops::Range;

/// Some tiles of a grid, to which a granule gives in one of several turns. In turns over all tiles it gives the same
/// as at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Tiles, by number.
    pub tiles: Range<usize>,
    /// Lines that may give to them, as [`TileRegions::lines_near`](super::TileRegions::lines_near) tells.
    pub lines: Range<usize>,
    /// Whether what becomes of the pixels is told; all lines are looked at then, otherwise only some.
    pub tells: bool,
}

impl Turn {
    /// The lines that are looked at; `None`: all.
    pub(super) fn lines_of(
        &self,
        source: &dyn SwathSource,
        geolocation: &GeolocationArray,
    ) -> Result<Option<Range<usize>>, SourceError> {
        Ok((!self.tells && guess_holds(source, geolocation)?).then(|| self.lines.clone()))
    }
}
