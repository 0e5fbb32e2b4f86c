//! Which tiles a granule may give to, found from the extents of its lines.

use super::lines::Margin;
use crate::geobox::{Axis, GeoBox};
use crate::reduce::Tiling;
use crate::region::Region;
use crate::source::{LineExtent, SourceError, SwathSource};
use crate::target::Target;
use rayon::prelude::*;
use std::ops::Range;

/// Where the tiles of a grid lie. It is made once and serves all granules.
#[derive(Debug, Clone)]
pub struct TileRegions {
    rows: Vec<TileRow>,
}

/// Tiles next to each other.
#[derive(Debug, Clone)]
struct TileRow {
    /// Of all of them.
    region: Region,
    /// Their numbers.
    tiles: Range<usize>,
    /// Of each.
    regions: Vec<Region>,
}

impl TileRegions {
    /// The tiles of a grid; works on the current thread pool.
    pub fn new(target: &Target, tiling: &Tiling) -> Self {
        let part = |rows: Range<usize>, columns: Range<usize>| match target {
            Target::GeoBox(geobox) => part_of(geobox, rows, columns),
            Target::Isin(isin) => isin.covered(rows, columns),
        };
        let (mut starts, mut row) = (Vec::new(), None);
        for tile in 0..tiling.tiles() {
            let (rows, _) = tiling.extent(tile);
            if row.as_ref() != Some(&rows) {
                starts.push(tile);
                row = Some(rows);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([tiling.tiles()]);
        let rows: Vec<Range<usize>> = starts.iter().zip(ends).map(|(a, b)| *a..b).collect();
        let rows = rows.into_par_iter().map(|tiles| TileRow {
            region: part(tiling.extent(tiles.start).0, 0..tiling.shape().1),
            regions: tiles
                .clone()
                .into_par_iter()
                .map(|tile| {
                    let (rows, columns) = tiling.extent(tile);
                    part(rows, columns)
                })
                .collect(),
            tiles,
        });
        TileRegions {
            rows: rows.collect(),
        }
    }

    /// The tiles that a granule may give to, in order; all where it carries no extents.
    ///
    /// It is an estimate, by a guess of how wide pixels are: see [`lines_near`](super::lines_near).
    ///
    /// # Errors
    /// When the extents cannot be read.
    pub fn near(&self, source: &dyn SwathSource) -> Result<Vec<usize>, SourceError> {
        let near = self.by_margin(source, Margin::guess)?;
        Ok(near.into_iter().map(|(tile, _)| tile).collect())
    }

    /// The same by a generous guess, each with the lines that may give to it.
    ///
    /// # Errors
    /// When the extents cannot be read.
    pub fn lines_near(
        &self,
        source: &dyn SwathSource,
    ) -> Result<Vec<(usize, Range<usize>)>, SourceError> {
        self.by_margin(source, Margin::generous)
    }

    fn by_margin(
        &self,
        source: &dyn SwathSource,
        margin: impl Fn(&[LineExtent], usize) -> Margin,
    ) -> Result<Vec<(usize, Range<usize>)>, SourceError> {
        let (all, pixels) = source.shape();
        if all == 0 || pixels == 0 {
            return Ok(Vec::new());
        }
        let Some(extents) = source.line_extents()? else {
            let tiles = self.rows.iter().flat_map(|row| row.tiles.clone());
            return Ok(tiles.map(|tile| (tile, 0..all)).collect());
        };
        let margin = margin(&extents, pixels);
        let mut near = Vec::new();
        for row in &self.rows {
            // A row keeps off most lines, and most rows all.
            let Some(lines) = margin.lines(&row.region, &extents) else {
                continue;
            };
            let (first, extents) = (lines.start, &extents[lines]);
            let tiles = row.tiles.clone().zip(&row.regions);
            near.extend(tiles.filter_map(|(tile, region)| {
                let lines = margin.lines(region, extents)?;
                Some((tile, first + lines.start..first + lines.end))
            }));
        }
        Ok(near)
    }
}

/// Where some rows and columns of a rectangular grid lie.
fn part_of(geobox: &GeoBox, rows: Range<usize>, columns: Range<usize>) -> Region {
    let cut = |axis: &Axis, range: Range<usize>| Axis {
        first: axis.first + range.start as i64,
        len: range.len(),
        ..axis.clone()
    };
    Region::of(&GeoBox {
        crs: geobox.crs.clone(),
        x: cut(&geobox.x, columns),
        y: cut(&geobox.y, rows),
    })
}
