//! Everything decided before any array is read.
//!
//! ```text
//! making: options and candidates -> Plan        resolved: what each granule has of what is asked for
//! grid: where the cells are                     bins: what files of bins hold
//! ```

mod bins;
mod grid;
mod making;
mod resolved;

use super::computed;
use super::data_day::{DayKind, Part};
use super::windows::Window;
use super::{Candidate, Job, JobError, Purpose};
use resolved::CRITERION;
use serde::{Deserialize, Serialize};
use swathe_core::derived::Computed;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::mask::{FlagMask, FlagSelection};
use swathe_core::reduce::{Reduction, Scheme, Tiling, Weight};
use swathe_core::resample::{Grid, Method};
use swathe_core::run::FieldRecipe;
use swathe_core::source::Field;
use swathe_core::target::Target;
use swathe_io::dataset::Attributes;
use swathe_io::product::GranuleRecord;

/// What a job will do: granules in order, grid, fields, flags, sums.
pub struct Plan {
    pub(super) granules: Vec<PlannedGranule>,
    /// Granules that take no part, with the reason.
    pub(super) skipped: Vec<GranuleRecord>,
    pub(super) failed: usize,
    pub(super) grid: Grid,
    /// The grid, or the rectangle in which bins are numbered.
    frame: GeoBox,
    pub(super) tiling: Tiling,
    pub(super) method: Method,
    pub(super) flags: FlagSelection,
    pub(super) fields: Vec<PlannedField>,
    pub(super) job: Job,
    pub(super) purpose: Purpose,
    /// Windows of time, of which each has a map, and what a day of them is.
    pub(super) windows: Option<(Vec<Window>, DayKind)>,
    notes: Vec<String>,
}

/// A granule with what will be read of it.
pub(super) struct PlannedGranule {
    pub candidate: Candidate,
    pub recipes: Vec<FieldRecipe>,
    pub mask: FlagMask,
    /// Variables that are computed from others, by name; the criterion of the best observation too.
    pub computed: Vec<(String, Computed)>,
    /// Pixels of which it does not hold are missing.
    pub condition: Option<Computed>,
    /// When the file was made, seconds since 1970 UTC.
    pub created: Option<f64>,
    /// Lines and pixels.
    pub shape: (usize, usize),
    /// What of it is kept apart: of most granules, the whole.
    pub parts: Vec<Part>,
}

/// A field of the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlannedField {
    pub name: String,
    pub attributes: Attributes,
    pub double: bool,
    pub reduction: Reduction,
}

impl PlannedGranule {
    /// Whether its sides of 180 degrees are kept apart.
    pub fn is_split(&self) -> bool {
        self.parts.iter().any(|part| *part != Part::Whole)
    }

    /// What is read of it: its fields, and what others are computed from.
    pub fn read_fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        for recipe in &self.recipes {
            let found = self
                .computed
                .iter()
                .find(|(name, _)| *name == recipe.field.variable);
            match found {
                Some((_, computed)) => fields.extend(computed::fields(computed).cloned()),
                None => fields.push(recipe.field.clone()),
            }
            fields.extend(recipe.uncertainty.clone());
        }
        let criterion = self.computed.iter().find(|(name, _)| name == CRITERION);
        fields.extend(
            criterion
                .iter()
                .flat_map(|(_, c)| computed::fields(c))
                .cloned(),
        );
        fields.extend(self.condition.iter().flat_map(computed::fields).cloned());
        fields
    }
}

impl Plan {
    /// Whether what granules give is kept until all are done, as windows of time need it: on disk, if a run has a
    /// journal.
    pub fn keeps_pieces(&self) -> bool {
        self.windows.is_some()
    }

    /// In how many parts granules may be kept: one, or each of [`Part`].
    pub(super) fn parts(&self) -> usize {
        match self.granules.iter().any(PlannedGranule::is_split) {
            true => Part::COUNT,
            false => 1,
        }
    }

    /// Number of windows of time, where there are any.
    pub fn windows(&self) -> Option<usize> {
        self.windows.as_ref().map(|(windows, _)| windows.len())
    }

    /// A part of another process's plan: granules, with everything that was decided of them.
    ///
    /// # Errors
    /// A grid of 2^32 cells or more.
    pub(super) fn assigned(
        target: Target,
        method: Method,
        fields: Vec<PlannedField>,
        job: Job,
        purpose: Purpose,
        granules: Vec<PlannedGranule>,
    ) -> Result<Plan, JobError> {
        let (rows, columns) = target.shape();
        Ok(Plan {
            granules,
            skipped: Vec::new(),
            failed: 0,
            tiling: Tiling::new(rows, columns)?,
            frame: target.frame(),
            grid: Grid::new(target),
            method,
            flags: FlagSelection::default(),
            fields,
            job,
            purpose,
            windows: None,
            notes: Vec::new(),
        })
    }

    /// What was chosen for the user, and granules that gave way to others, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The grid; where it is of bins, the rectangle in which they are numbered.
    pub fn geobox(&self) -> &GeoBox {
        &self.frame
    }

    /// The grid, if it is of bins.
    pub fn isin(&self) -> Option<&Isin> {
        self.grid.target().isin()
    }

    /// What of the values is averaged.
    pub fn scheme(&self) -> Scheme {
        let first = self.fields.first();
        first.map_or(Scheme::default(), |field| field.reduction.scheme)
    }

    /// How granules are weighted against each other.
    pub fn weight(&self) -> Weight {
        let first = self.fields.first();
        first.map_or(Weight::Observation, |field| field.reduction.weight)
    }

    /// Tiles of a map, and maps of a cube: as many as granules.
    pub fn tiles(&self) -> (usize, Option<usize>) {
        let cube = self.purpose == Purpose::Cube;
        (self.tiling.tiles(), cube.then_some(self.granules.len()))
    }

    /// What it makes.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The options, in the form in which products name them.
    pub fn options(&self) -> String {
        self.canonical()
    }

    /// Names of the fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|f| f.name.as_str())
    }

    /// How values reach cells.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Number of granules that take part.
    pub fn granules(&self) -> usize {
        self.granules.len()
    }

    /// Names and starts of the granules that take part, in order; seconds since 1970 UTC, NaN where unknown.
    pub fn starts(&self) -> impl Iterator<Item = (&str, f64)> {
        let seconds = |start: Option<i64>| start.map_or(f64::NAN, |ms| ms as f64 / 1000.0);
        let all = self.granules.iter().map(|granule| &granule.candidate);
        all.map(move |candidate| (candidate.name.as_str(), seconds(candidate.time.start)))
    }

    /// Granules that take part, in order.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.granules.iter().map(|granule| &granule.candidate)
    }

    /// Granules that take no part, with the reason.
    pub fn skipped(&self) -> &[GranuleRecord] {
        &self.skipped
    }
}
