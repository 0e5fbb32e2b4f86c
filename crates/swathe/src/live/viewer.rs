//! A file that is looked at: gridded netCDF or Zarr, larger than memory, read where it is in view.
//!
//! ```text
//! /tile at level 0..=2: (256 << level)^2 cells read, put together by squares
//!       above:          four blocks of the level below (kept, so that they are seldom read twice)
//! ```

use super::description::{Look, Maps, period_name};
use super::page::Page;
use super::request::Request;
use super::server::{Answer, Pages};
use super::squares::Squares;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use swathe_core::source::Values;
use swathe_io::error::{Error, Result};
use swathe_io::product::{Gridded, GriddedVariable, Statistic};

/// Numbers to a side of a block.
const BLOCK: usize = 256;
/// Up to this level blocks are read, above they are put together.
const READ_LEVEL: u32 = 2;
/// Blocks that are kept: 768 kB each.
const KEPT: usize = 160;
/// Cells that are read at a time.
const STRIP: usize = 1 << 21;
/// Layers at most, and those that are read out of a cell.
const MOST_LAYERS: usize = 64;
const MOST_READ: usize = 8;
/// Blocks that are asked for at a time.
const MOST_ACROSS: usize = 4;
/// Steps at most.
const MOST_STEPS: usize = 20_000;
/// Blocks that are read ahead of the first look.
const AHEAD: u32 = 1024;
/// So long the first step with values is looked for; a step of a vast grid that has been begun is read to its end.
const LOOKED_FOR: Duration = Duration::from_millis(1500);

/// An open file with its page.
pub struct Viewer {
    gridded: Gridded,
    /// Names of the layers and how many maps each has.
    layers: Vec<(String, usize)>,
    steps: usize,
    levels: u32,
    maps: Maps,
    page: Page,
    kept: Mutex<Kept>,
    /// The step that is shown first.
    opening: OnceLock<usize>,
}

/// Which block: layer, step, level, row, column.
type Key = (usize, usize, u32, usize, usize);
/// What many may wait for and one makes; nothing if it could not be read.
type Slot = Arc<OnceLock<Option<Arc<Squares>>>>;

#[derive(Default)]
struct Kept {
    blocks: HashMap<Key, Slot>,
    /// In the order in which they were last asked for.
    order: VecDeque<Key>,
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.gridded.dataset().name();
        f.debug_struct("Viewer")
            .field("file", &name)
            .finish_non_exhaustive()
    }
}

impl Viewer {
    /// Opens a file and describes its variables, or those of these names.
    ///
    /// # Errors
    /// What [`Gridded::open`] says; a name that is not there.
    pub fn open(path: &Path, wanted: &[String]) -> Result<Viewer> {
        let gridded = Gridded::open(path)?;
        let chosen: Vec<&GriddedVariable> = match wanted.is_empty() {
            true => gridded
                .variables()
                .iter()
                .filter(|v| v.maps() > 0)
                .take(MOST_LAYERS)
                .collect(),
            false => wanted
                .iter()
                .map(|name| gridded.variable(name))
                .collect::<Result<_>>()?,
        };
        if chosen.is_empty() {
            return Err(Error::Request {
                path: gridded.dataset().name().into(),
                reason: "it has no variable with numbers on a grid".into(),
            });
        }
        let geobox = gridded.geobox().clone();
        let (rows, columns) = geobox.shape();
        let mut levels = 0;
        while (rows.max(columns) >> levels) > 2 * BLOCK {
            levels += 1;
        }
        let layers: Vec<(String, usize)> = chosen
            .iter()
            .map(|v| (v.path().to_owned(), v.maps()))
            .collect();
        let steps = layers
            .iter()
            .map(|(_, maps)| *maps)
            .max()
            .unwrap_or(1)
            .min(MOST_STEPS);
        let looks = chosen.iter().map(|variable| {
            let name = variable.name();
            Look::new(&geobox, name, variable.attributes(), beside(name))
        });
        let longest = chosen.iter().max_by_key(|v| v.maps());
        let (names, times) =
            longest.map_or_else(Default::default, |v| steps_of(&gridded, v, steps));
        let maps = Maps {
            layers: looks.collect(),
            steps: names,
            times,
            levels: (0..=levels).collect(),
            mean: true,
            geobox,
        };
        let name = base_name(gridded.dataset().name());
        let attributes = &gridded.dataset().root().attributes;
        let page = Page::new(
            &name,
            json!({
                "mode": "serve",
                "subtitle": swathe_io::picture::time_covered(attributes),
                "map": maps.json(),
                "about": about(&gridded),
            }),
        );
        Ok(Viewer {
            layers,
            steps,
            levels,
            maps,
            page,
            kept: Mutex::default(),
            opening: OnceLock::new(),
            gridded,
        })
    }

    /// The first step at which the first layer has a value, of those that are soon read: the first windows of time may
    /// have none. What has been read for it is kept for the first look.
    pub fn opening(&self) -> usize {
        *self.opening.get_or_init(|| {
            let (rows, columns) = self.gridded.geobox().shape();
            let side = BLOCK << READ_LEVEL;
            if rows.div_ceil(side) * columns.div_ceil(side) > AHEAD as usize {
                return 0;
            }
            let steps = match self.layers.first() {
                Some((_, maps)) => (*maps).min(self.steps),
                None => 0,
            };
            let begun = Instant::now();
            let soon = |_: &usize| begun.elapsed() < LOOKED_FOR;
            let found = (0..steps)
                .take_while(soon)
                .find(|step| self.has_values(*step));
            found.unwrap_or(0)
        })
    }

    /// Whether the whole map of the first layer has a value at a step.
    fn has_values(&self, step: usize) -> bool {
        let (rows, columns) = self.gridded.geobox().shape();
        let span = BLOCK << self.levels;
        let places = (0..rows.div_ceil(span))
            .flat_map(|row| (0..columns.div_ceil(span)).map(move |column| (row, column)));
        let mut any = false;
        // All of them: they are what is looked at.
        for (row, column) in places {
            let block = self.block((0, step, self.levels, row, column));
            any |= block.is_some_and(|block| block.means().any(|mean| !mean.is_nan()));
        }
        any
    }

    /// A block; nothing beyond the grid, or where it cannot be read.
    fn block(&self, key: Key) -> Option<Arc<Squares>> {
        let slot = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.order.retain(|other| *other != key);
            kept.order.push_back(key);
            if kept.order.len() > KEPT
                && let Some(oldest) = kept.order.pop_front()
            {
                kept.blocks.remove(&oldest);
            }
            kept.blocks.entry(key).or_default().clone()
        };
        // Who asks for what another is making waits for it.
        let made = slot.get_or_init(|| self.make(key).map(Arc::new)).clone();
        if made.is_none() {
            // It may be there the next time.
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.blocks.remove(&key);
            kept.order.retain(|other| *other != key);
        }
        made
    }

    fn make(&self, (layer, step, level, row, column): Key) -> Option<Squares> {
        let (name, maps) = self.layers.get(layer)?;
        let (rows, columns) = self.gridded.geobox().shape();
        if step >= self.steps || level > self.levels {
            return None;
        }
        let span = BLOCK << level;
        let (top, left) = (row.checked_mul(span)?, column.checked_mul(span)?);
        if top >= rows || left >= columns {
            return None;
        }
        let (bottom, right) = ((top + span).min(rows), (left + span).min(columns));
        let side = 1 << level;
        let mut squares =
            Squares::empty((bottom - top).div_ceil(side), (right - left).div_ceil(side));
        if level > READ_LEVEL {
            for (r, c) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let key = (layer, step, level - 1, 2 * row + r, 2 * column + c);
                let inside =
                    (2 * row + r) * (span / 2) < rows && (2 * column + c) * (span / 2) < columns;
                if inside {
                    squares.add_halves(r * BLOCK, c * BLOCK, &*self.block(key)?);
                }
            }
            return Some(squares);
        }
        let index = if *maps == 1 { 0 } else { step };
        // Whole storage chunks at a time, as long as they are of a usual size.
        let wide = right - left;
        let strip = ((STRIP / wide) / BLOCK * BLOCK).max(BLOCK);
        for start in (top..bottom).step_by(strip) {
            let end = (start + strip).min(bottom);
            let values = self
                .gridded
                .read_part(name, index, start..end, left..right)
                .ok()?;
            match values {
                Values::F32(v) => {
                    squares.add_rows(start - top, wide, side, v.into_iter().map(f64::from))
                }
                Values::F64(v) => squares.add_rows(start - top, wide, side, v),
            }
        }
        Some(squares)
    }

    /// A block, or `across` of them that lie next to each other in a row, one after another.
    fn tile(&self, request: &Request) -> Option<Answer> {
        let number = |name| request.number::<usize>(name);
        let level = request.number::<u32>("level")?;
        let (layer, step, row) = (number("layer")?, number("step")?, number("row")?);
        let (first, across) = (number("column")?, number("across").unwrap_or(1));
        if across > MOST_ACROSS {
            return None;
        }
        let mut bytes = Vec::new();
        for column in first..first.checked_add(across)? {
            let block = self.block((layer, step, level, row, column))?;
            bytes.extend(block.means().flat_map(f32::to_le_bytes));
        }
        Some(Answer::new("application/octet-stream", bytes))
    }

    /// The values of all layers in a cell.
    fn cell(&self, request: &Request) -> Option<Answer> {
        let number = |name| request.number::<usize>(name);
        let (step, row, column) = (number("step")?, number("row")?, number("column")?);
        let (rows, columns) = self.gridded.geobox().shape();
        if step >= self.steps || row >= rows || column >= columns {
            return None;
        }
        let asked = number("layer")?;
        let value = |(name, maps): &(String, usize)| -> Option<f64> {
            let index = if *maps == 1 { 0 } else { step };
            let part = self
                .gridded
                .read_part(name, index, row..row + 1, column..column + 1);
            let value = match part.ok()? {
                Values::F32(v) => f64::from(*v.first()?),
                Values::F64(v) => *v.first()?,
            };
            value.is_finite().then_some(value)
        };
        // The layer that is shown, and those that are read out beside it.
        let wanted = |i: usize, name: &str| i == asked || beside(name).is_some();
        let layers = self.layers.iter().enumerate();
        let values: Vec<(usize, Option<f64>)> = layers
            .filter(|(i, (name, _))| wanted(*i, name))
            .take(MOST_READ)
            .map(|(i, layer)| (i, value(layer)))
            .collect();
        let place = self.place(row, column);
        Some(Answer::json(&json!({"values": values, "place": place})))
    }

    /// Longitude and latitude of a cell, where the page cannot know them.
    fn place(&self, row: usize, column: usize) -> Option<(f64, f64)> {
        let geobox = self.gridded.geobox();
        geobox
            .crs
            .inverse(geobox.x.centre(column), geobox.y.centre(row))
    }
}

impl Pages for Viewer {
    fn answer(&self, request: &Request) -> Option<Answer> {
        match request.path() {
            "/" => Some(self.page.answer()),
            "/tile" => self.tile(request),
            "/cell" => self.cell(request),
            "/opening" => Some(Answer::json(&json!({"step": self.opening()}))),
            "/coast" => Some(Answer::json(&self.maps.coast())),
            _ => None,
        }
    }
}

/// Layers that say how much others are worth.
fn beside(name: &str) -> Option<Statistic> {
    match name {
        name if name.ends_with("_count") => Some(Statistic::Count),
        name if name.ends_with("_granules") => Some(Statistic::Granules),
        _ => None,
    }
}

/// Names and times of the steps of a variable: its times, or the places along its other dimensions.
fn steps_of(
    gridded: &Gridded,
    variable: &GriddedVariable,
    steps: usize,
) -> (Vec<String>, Vec<f64>) {
    let times = gridded.times();
    let timed = times.len() == variable.maps();
    let dims: Vec<(&str, usize)> = variable.other_dims();
    let name = |step: usize| match times.get(step) {
        Some(time) if timed && time.is_finite() => period_name((*time, *time)),
        _ => {
            let mut rest = step;
            let mut places: Vec<String> = dims
                .iter()
                .rev()
                .map(|(name, len)| {
                    let place = rest % (*len).max(1);
                    rest /= (*len).max(1);
                    format!("{name} {}", place + 1)
                })
                .collect();
            places.reverse();
            places.join(", ")
        }
    };
    let known = |step: usize| {
        times
            .get(step)
            .copied()
            .filter(|_| timed)
            .unwrap_or(f64::NAN)
    };
    (
        (0..steps).map(name).collect(),
        (0..steps).map(known).collect(),
    )
}

/// What a file says of itself that people ask for.
fn about(gridded: &Gridded) -> Vec<Value> {
    let (rows, columns) = gridded.geobox().shape();
    let grid = format!(
        "{columns} × {rows} cells of {} in {}",
        gridded.geobox().x.step(),
        gridded.geobox().crs
    );
    let mut about = vec![json!(["grid", grid])];
    let attributes = &gridded.dataset().root().attributes;
    for (name, label, kind) in [
        ("title", "title", ""),
        ("history", "made by", "code"),
        ("source", "source", ""),
        ("instrument", "instrument", ""),
        ("platform", "platform", ""),
        ("processing_version", "processing", ""),
    ] {
        let found = attributes.iter().find(|(key, _)| key == name);
        if let Some((_, swathe_io::dataset::AttributeValue::Text(text))) = found {
            let text: String = text.chars().take(2000).collect();
            about.push(json!([label, text, kind]));
        }
    }
    about
}

fn base_name(name: &str) -> String {
    let path = Path::new(name);
    let base = path.file_name().unwrap_or(path.as_os_str());
    base.to_string_lossy().into_owned()
}
