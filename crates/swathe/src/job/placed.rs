//! One granule put on the grid, and what it gives made into pieces.

use super::ahead::ask_for;
use super::contents::unit;
use super::data_day::Part;
use super::in_parts::in_parts;
use super::plan::{Plan, PlannedGranule};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use swathe_core::derived::Derived;
use swathe_core::mask::FlagReport;
use swathe_core::reduce::TilePart;
use swathe_core::resample::GeometryReport;
use swathe_core::run::{Applied, Recipe, Turn};
use swathe_core::source::SwathSource;
use swathe_io::bytes::ReadCounters;
use swathe_io::error::Error;
use swathe_io::journal::Pieces;
use swathe_io::product::GranuleStatus;

use swathe_io::product::GranuleRecord;

/// What came of a granule that could be read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GranuleOutcome {
    pub record: GranuleRecord,
    pub flags: Vec<FlagReport>,
    pub geometry: GeometryReport,
    pub touched: bool,
    /// The most observations of a cell.
    pub most: u64,
    /// Its parts that gave anything.
    pub gave: Vec<Part>,
}

/// What a task makes of a granule.
pub(super) struct Placed {
    pub outcome: Result<GranuleOutcome, String>,
    /// What is to be combined at once.
    pub parts: Vec<Vec<(usize, TilePart)>>,
    pub pieces: Pieces,
    pub read: ReadCounters,
}

/// Whether pieces are made of what a granule gives.
#[derive(Debug, Clone)]
pub(super) enum Keep {
    /// It is combined at once.
    Nothing,
    /// It is combined too.
    Beside,
    /// It is combined later, from the pieces; where they have no room they wait in a folder.
    Alone(PathBuf),
}

/// How granules are put on the grid.
pub(super) struct Placing<'a> {
    pub keep: &'a Keep,
    /// Tiles that the granule gives to one after the other, if its pieces are all that is kept; none: to all at once.
    pub turns: &'a [Turn],
    /// Bytes that are asked for at once, of a granule far away that did not stay open.
    pub ahead: u64,
}

/// Bytes of pieces of a granule that is put on the grid in turns that are in memory, about.
pub(super) const PIECES_HELD: usize = 16 << 20;

impl Placing<'_> {
    /// Puts one granule on the grid, and makes pieces of what it gives, if they are to be kept.
    pub fn place(&self, plan: &Plan, granule: &PlannedGranule) -> Placed {
        let candidate = &granule.candidate;
        let failed = |reason: String, read| Placed {
            outcome: Err(reason),
            parts: Vec::new(),
            pieces: Pieces::default(),
            read,
        };
        let again = candidate.is_remote() && candidate.kept().is_none();
        let opened = match candidate.granule() {
            Ok(opened) => opened,
            Err(error) => return failed(error.to_string(), ReadCounters::default()),
        };
        if again {
            ask_for(plan, granule, &opened, self.ahead);
        }
        let derived = Derived {
            source: &*opened,
            computed: &granule.computed,
            condition: granule.condition.as_ref(),
        };
        let plain = granule.computed.is_empty() && granule.condition.is_none();
        let source: &dyn SwathSource = if plain { &*opened } else { &derived };
        let given = self.give(plan, granule, source);
        let read = opened.counters();
        let given = match given {
            Ok(given) => given,
            Err(reason) => return failed(reason, read),
        };
        drop(opened);
        candidate.close();
        if !candidate.is_unchanged() {
            return failed(
                "it was changed or removed while it was being read".into(),
                read,
            );
        }
        let status = |given: &Given| match (
            given.applied.found,
            given.applied.touched,
            given.applied.located,
        ) {
            (true, ..) => (GranuleStatus::Used, ""),
            (_, true, _) => (GranuleStatus::Empty, "without a valid pixel in the area"),
            (.., true) => (GranuleStatus::Empty, "outside the area"),
            _ => (
                GranuleStatus::Empty,
                "without a pixel that has a usable position",
            ),
        };
        let outside = match granule.parts.is_empty() {
            true => (GranuleStatus::Empty, "in no window of time"),
            false => (GranuleStatus::Empty, "outside the area"),
        };
        let (status, reason) = given.as_ref().map_or(outside, status);
        let record = candidate.record(status, reason);
        let Some(given) = given else {
            return Placed {
                outcome: Ok(GranuleOutcome {
                    record,
                    flags: Vec::new(),
                    geometry: GeometryReport::default(),
                    touched: false,
                    most: 0,
                    gave: Vec::new(),
                }),
                parts: Vec::new(),
                pieces: Pieces::default(),
                read,
            };
        };
        let Applied {
            parts,
            flags,
            geometry,
            touched,
            ..
        } = given.applied;
        Placed {
            outcome: Ok(GranuleOutcome {
                record,
                flags,
                geometry,
                touched,
                most: given.most,
                gave: given.gave,
            }),
            parts,
            pieces: given.pieces,
            read,
        }
    }

    /// What it gives, in turns or at once.
    fn give(
        &self,
        plan: &Plan,
        granule: &PlannedGranule,
        source: &dyn SwathSource,
    ) -> Result<Option<Given>, String> {
        let recipe = Recipe {
            grid: &plan.grid,
            tiling: plan.tiling,
            method: plan.method,
            fields: &granule.recipes,
            mask: &granule.mask,
            joint: plan.job.joint,
            turn: None,
        };
        let at_once = [None];
        let in_turns: Vec<Option<&Turn>> = self.turns.iter().map(Some).collect();
        let (turns, folder) = match self.keep {
            Keep::Alone(folder) if !in_turns.is_empty() => (in_turns.as_slice(), Some(folder)),
            _ => (&at_once[..], None),
        };
        let mut given: Option<Given> = None;
        for turn in turns {
            let recipe = Recipe {
                turn: *turn,
                ..recipe
            };
            let applied = in_parts(&recipe, &granule.parts, source).map_err(|e| e.to_string())?;
            let Some((applied, gave)) = applied else {
                return Ok(None);
            };
            let one = given.get_or_insert_with(|| Given::new(gave));
            let told = turn.is_none_or(|turn| turn.tells);
            one.take(plan, applied, self.keep, told)
                .map_err(|e| e.to_string())?;
            if let Some(folder) = folder
                && one.pieces.held() >= PIECES_HELD
            {
                one.pieces.spill(folder).map_err(|e| e.to_string())?;
            }
        }
        Ok(given)
    }
}

/// What a granule gave.
struct Given {
    applied: Applied,
    gave: Vec<Part>,
    most: u64,
    pieces: Pieces,
}

impl Given {
    fn new(gave: Vec<Part>) -> Self {
        Given {
            applied: Applied::default(),
            gave,
            most: 0,
            pieces: Pieces::default(),
        }
    }

    /// Takes what was given in a turn; `told`: what became of all pixels was told in it.
    fn take(
        &mut self,
        plan: &Plan,
        mut applied: Applied,
        keep: &Keep,
        told: bool,
    ) -> Result<(), Error> {
        let parts = applied.parts.iter().flatten();
        let most = parts.map(|(_, part)| part.most()).max().unwrap_or(0);
        self.most = self.most.max(most);
        match keep {
            Keep::Nothing => {}
            Keep::Beside => pieces_of(plan, &mut applied.parts, false, &mut self.pieces)?,
            Keep::Alone(_) => pieces_of(plan, &mut applied.parts, true, &mut self.pieces)?,
        }
        if told {
            self.applied = applied;
        }
        Ok(())
    }
}

/// What a granule gives, as it is kept. If the pieces are all that is needed, each part is given up once it is one.
fn pieces_of(
    plan: &Plan,
    parts: &mut [Vec<(usize, TilePart)>],
    alone: bool,
    pieces: &mut Pieces,
) -> Result<(), Error> {
    let fields = plan.fields.len() * plan.parts();
    if !alone {
        let most = parts.iter().zip(plan.fields.iter().cycle());
        let most = most.flat_map(|(parts, field)| {
            parts
                .iter()
                .map(|(_, part)| 16 + part.bytes(&field.reduction))
        });
        *pieces = Pieces::with_capacity(most.sum());
    }
    for (field, parts) in parts.iter_mut().enumerate() {
        if alone {
            for (tile, part) in std::mem::take(parts) {
                pieces.push(unit(tile, field, fields), &part.to_stored())?;
            }
        }
        for (tile, part) in parts {
            pieces.push(unit(*tile, field, fields), &part.to_stored())?;
        }
    }
    Ok(())
}
