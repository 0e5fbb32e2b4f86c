//! Who gives to whom, as raw little-endian arrays: what `tests/python/test_geometry.py` compares with
//! searches and polygons of its own.
//!
//! `dump_geometry FOLDER PIXELS f32|f64 CRS PLACE RESOLUTION METHOD` reads `latitude` and `longitude`
//! in FOLDER (see `swath`), writes `cells` and `pixels` (u32), and `weights`: one u64 in units of 2^-32
//! each, or the four f64 of a stencil. Prints rows, columns, x0, dx, y0, dy, and the report's counts.

mod swath;

use std::path::Path;
use swath::Outcome;
use swathe_core::resample::{EntryKind, Grid, locate};

/// Lines of an entry: a storage chunk of a PACE granule.
const LINE_BLOCK: usize = 256;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, pixels, kind, crs, place, size, method] = words.as_slice() else {
        return Err(
            "usage: dump_geometry FOLDER PIXELS f32|f64 CRS PLACE RESOLUTION METHOD".into(),
        );
    };
    let folder = Path::new(folder);
    let swath = swath::read_swath(folder, pixels.parse()?, kind)?;
    let geobox = swath::grid(&swath, crs, place, size)?;
    let grid = Grid::new(geobox.clone());
    let (entries, report) = locate(&swath, &grid, swath::method(method)?, LINE_BLOCK);
    let (mut cells, mut pixels, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &entries {
        match &entry.kind {
            EntryKind::Contributions(contributions) => {
                for c in contributions {
                    cells.extend(c.cell.to_le_bytes());
                    pixels.extend(c.pixel.to_le_bytes());
                    weights.extend(c.weight.to_le_bytes());
                }
            }
            EntryKind::Stencils(stencils) => {
                for s in stencils {
                    cells.extend(s.cell.to_le_bytes());
                    pixels.extend(s.pixel.to_le_bytes());
                    weights.extend(s.weights.iter().flat_map(|w| w.to_le_bytes()));
                }
            }
        }
    }
    std::fs::write(folder.join("cells"), cells)?;
    std::fs::write(folder.join("pixels"), pixels)?;
    std::fs::write(folder.join("weights"), weights)?;
    let (rows, columns) = geobox.shape();
    let [x0, dx, _, y0, _, dy] = geobox.geotransform();
    println!("{rows} {columns} {x0:?} {dx:?} {y0:?} {dy:?}");
    println!(
        "{} {} {} {}",
        report.selected, report.missing, report.folded, report.untransformed
    );
    Ok(())
}
