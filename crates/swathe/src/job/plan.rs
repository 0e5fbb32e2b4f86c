//! Everything decided before any array is read.

use super::computed;
use super::data_day::{DayKind, Part};
use super::order::{check_uniform, order};
use super::statistics::{self, Best, Holds};
use super::windows::{Window, parts, windows};
use super::{Candidate, Finished, Gathered, GridRequest, Job, JobError, OnError, Purpose};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::derived::Computed;
use swathe_core::expression::Expression;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::mask::{FlagMask, FlagSelection, ValidRange};
use swathe_core::reduce::{Blank, Reduction, Scheme, Statistic, Summation, Tiling, Weight};
use swathe_core::resample::{Grid, Method};
use swathe_core::run::FieldRecipe;
use swathe_core::source::{Field, SwathSource as _};
use swathe_core::target::Target;
use swathe_io::dataset::{AttributeValue, Attributes, DataType};
use swathe_io::granule::{ChosenBand, Granule, Selected};
use swathe_io::product::{GranuleRecord, GranuleStatus};

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

/// What a granule has of what is asked for.
struct Resolved {
    fields: Vec<ResolvedField>,
    mask: FlagMask,
    computed: Vec<(String, Computed)>,
    condition: Option<Computed>,
    created: Option<f64>,
    shape: (usize, usize),
}

struct ResolvedField {
    selected: Selected,
    range: Option<(f64, f64)>,
    holds: Holds,
    uncertainty: Option<Field>,
    double: bool,
    attributes: Attributes,
}

impl ResolvedField {
    /// A variable that is computed from others: in single precision, without units.
    fn computed(name: &str, expression: &Expression, job: &Job) -> Self {
        let range = job.valid_range.map(|r| (r.low, r.high));
        let long_name = AttributeValue::Text(expression.to_string());
        ResolvedField {
            selected: Selected {
                field: Field {
                    name: name.to_owned(),
                    variable: name.to_owned(),
                    band: None,
                    valid_range: range,
                    exact: false,
                },
                band: None,
            },
            range,
            holds: Holds::Numbers,
            uncertainty: None,
            double: false,
            attributes: vec![("long_name".to_owned(), long_name)],
        }
    }
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
    /// Plans a job for a purpose.
    ///
    /// # Errors
    /// Options that do not fit together or do not fit the granules; nothing to do.
    pub fn new(gathered: Gathered, mut job: Job, purpose: Purpose) -> Result<Plan, JobError> {
        if job.statistics.is_empty() && job.best.is_none() {
            job.statistics.push(Statistic::Mean);
        }
        if let Some(best) = &job.best
            && !job.statistics.contains(&best.statistic())
        {
            job.statistics.push(best.statistic());
        }
        if job.best.is_none()
            && let Some(statistic) = job
                .statistics
                .iter()
                .find(|s| matches!(s, Statistic::AtSmallest | Statistic::AtLargest))
        {
            return Err(JobError::plan_hint(
                format!("{statistic} of what is not said"),
                "use --best smallest:view_angle or the like",
            ));
        }
        let (mut candidates, preferred) = order(gathered.candidates);
        let failed = gathered.skipped.len();
        let mut skipped = gathered.skipped;
        let mut notes = Vec::new();
        for one in preferred {
            skipped.push(one.dropped);
        }
        if !job.allow_mixed {
            check_uniform(candidates.iter().map(|c| (c.name.as_str(), &c.identity)))?;
        }
        let Some(first) = candidates.first() else {
            let named: Vec<String> = skipped
                .iter()
                .take(3)
                .map(|record| format!("{}: {}", record.name, record.reason))
                .collect();
            let reason = match (named.is_empty(), skipped.len() - named.len()) {
                (true, _) => "no granule to work on".into(),
                (false, 0) => format!("no granule to work on ({})", named.join("; ")),
                (false, more) => format!(
                    "no granule to work on ({}; and {more} more)",
                    named.join("; ")
                ),
            };
            return Err(JobError::Nothing { reason });
        };
        let opened = first
            .granule()
            .map_err(|e| JobError::granule(&first.name, e))?;
        let requests = requests(&job, &opened, &mut notes)?;
        let only_flags = !requests.is_empty()
            && requests.iter().all(|request| {
                let variable = opened.variable(request);
                variable.is_ok_and(|variable| variable.flags().is_some())
            });
        let flags = match &job.flags {
            Some(flags) => flags.clone(),
            // A mask would take what the map is to show.
            None if only_flags => FlagSelection::default(),
            None => {
                let suite = first.identity.suite.as_deref();
                let flags = FlagSelection::default_for(suite);
                notes.push(match (suite, flags.is_empty()) {
                    (Some(suite), false) => format!("flags: set l3, the default of {suite}"),
                    (Some(suite), true) => format!("flags: none, the default of {suite}"),
                    (None, _) => "flags: none, the default where the suite is not known".into(),
                });
                flags
            }
        };
        drop(opened);

        let resolved: Vec<Result<Resolved, JobError>> = candidates
            .par_iter()
            .map(|candidate| resolve(candidate, &requests, &flags, &job))
            .collect();
        let mut ready = Vec::with_capacity(resolved.len());
        let mut failed = failed;
        for (candidate, resolved) in candidates.drain(..).zip(resolved) {
            match (resolved, job.on_error) {
                (Ok(resolved), _) => ready.push((candidate, resolved)),
                (Err(error), OnError::Stop) => return Err(error),
                (Err(error), OnError::Skip) => {
                    failed += 1;
                    skipped.push(candidate.record(GranuleStatus::Skipped, error.to_string()));
                }
            }
        }
        let Some((model_name, model)) = ready.first().map(|(c, r)| (c.name.clone(), &r.fields))
        else {
            return Err(JobError::Nothing {
                reason: "none of the granules can be used".into(),
            });
        };
        for (candidate, resolved) in &ready {
            same_fields(&model_name, model, &candidate.name, &resolved.fields)?;
        }
        for bands in model.chunk_by(|a, b| a.selected.field.variable == b.selected.field.variable) {
            if let [first, _, ..] = bands {
                notes.push(format!(
                    "the bands of {} share one mask: a pixel counts only where it is valid in all",
                    first.selected.field.variable
                ));
            }
        }
        let bins = matches!(job.grid, GridRequest::Bins(_));
        let any_flags = model.iter().any(|f| f.holds.is_flags());
        let method = job.method.unwrap_or(match any_flags {
            true => Method::Nearest,
            false if bins => Method::Bin,
            false => Method::Footprint,
        });
        if purpose == Purpose::Average {
            for field in model {
                statistics::check(&field.selected.field.name, &field.holds, &job.statistics)?;
            }
            if any_flags && job.method.is_none() {
                notes.push(
                    "method: nearest, the default of classes: each granule gives one pixel to a cell; -m bin and \
                     -m footprint take all"
                        .into(),
                );
            }
        }
        if !bins && job.scheme != Scheme::Arithmetic {
            return Err(JobError::plan_hint(
                format!("the averaging scheme {} is for bins", job.scheme),
                "give a grid of bins, as in --grid isin-4320",
            ));
        }
        if bins {
            check_bins(&mut job, purpose, method)?;
            let variable = |f: &ResolvedField| f.selected.field.variable.clone();
            if !job.joint && model.iter().any(|f| variable(f) != variable(&model[0])) {
                job.joint = true;
                notes.push("mask: joint, as bins have one weight for all variables".into());
            }
        }
        if method == Method::Bin && matches!(&job.grid, GridRequest::Exact(g) if is_global(g)) {
            notes.push(
                "warning: bin onto a grid in longitude and latitude leaves holes and is not how NASA's Level-3 \
                 products are made: --preset nasa-l3 is"
                    .into(),
            );
        }
        let weight = job.weight.unwrap_or(match bins {
            true => Weight::L2bin,
            false => Weight::Observation,
        });
        let mixes = match purpose {
            // A cube holds means of cells.
            Purpose::Cube => method != Method::Nearest,
            Purpose::Average => method == Method::Bilinear,
        };
        if any_flags && mixes {
            return Err(JobError::plan_hint(
                format!(
                    "flags and classes cannot be mixed by method {}",
                    method.name()
                ),
                "use -m nearest",
            ));
        }
        if purpose == Purpose::Average {
            statistics::check_weight(&job.statistics, weight, method)?;
        }
        let reductions: Vec<Reduction> = (0..model.len())
            .map(|i| Reduction {
                statistics: match purpose {
                    Purpose::Average => model[i].holds.statistics(&job.statistics),
                    Purpose::Cube => vec![Statistic::Mean],
                },
                weight,
                shares: method == Method::Footprint,
                summation: Summation::for_range(
                    common_range(ready.iter().map(|(_, r)| r.fields[i].range))
                        .and_then(|range| job.scheme.range(range)),
                ),
                blank: job.blank,
                scheme: job.scheme,
            })
            .collect();
        let fields = model
            .iter()
            .zip(&reductions)
            .map(|(f, reduction)| PlannedField {
                name: f.selected.field.name.clone(),
                attributes: f.attributes.clone(),
                double: f.double,
                reduction: reduction.clone(),
            })
            .collect();
        notes.extend(model.iter().filter_map(|f| f.selected.note()));
        let mut granules: Vec<PlannedGranule> = ready
            .into_iter()
            .map(|(candidate, resolved)| PlannedGranule {
                recipes: resolved
                    .fields
                    .into_iter()
                    .zip(&reductions)
                    .map(|(f, reduction)| FieldRecipe {
                        field: f.selected.field,
                        reduction: reduction.clone(),
                        criterion: job.best.as_ref().map(|_| criterion()),
                        uncertainty: f.uncertainty,
                    })
                    .collect(),
                mask: resolved.mask,
                computed: resolved.computed,
                condition: resolved.condition,
                created: resolved.created,
                shape: resolved.shape,
                parts: vec![Part::Whole],
                candidate,
            })
            .collect();
        let target = grid_of(&job.grid, &granules)?;
        let (rows, columns) = target.shape();
        let windows = match (job.windows, purpose) {
            (Some(windowing), Purpose::Average) => {
                if matches!(job.grid, GridRequest::Own { .. }) {
                    return Err(JobError::plan_hint(
                        "windows need a grid in common",
                        "give a box and a resolution, as in -b -77,36,-73,41 -r 0.015",
                    ));
                }
                let candidates: Vec<&Candidate> = granules.iter().map(|g| &g.candidate).collect();
                let instrument = candidates.first();
                let instrument = instrument.and_then(|c| c.identity.instrument.as_deref());
                let day = windowing
                    .day
                    .unwrap_or_else(|| DayKind::for_instrument(instrument));
                let windows = windows(&candidates, windowing.every, day)?;
                let parts = parts(&windows, granules.len());
                for (granule, parts) in granules.iter_mut().zip(parts) {
                    granule.parts = parts;
                }
                let split = granules.iter().filter(|g| g.is_split()).count();
                let split = match split {
                    0 => String::new(),
                    1 => "; 1 granule lies across 180 degrees and is in two days".to_owned(),
                    n => format!("; {n} granules lie across 180 degrees and are in two days each"),
                };
                notes.push(format!(
                    "{} window{}, {}, days are {}{split}",
                    windows.len(),
                    if windows.len() == 1 { "" } else { "s" },
                    windowing.every,
                    day.name()
                ));
                Some((windows, day))
            }
            _ => None,
        };
        let plan = Plan {
            granules,
            skipped,
            failed,
            tiling: Tiling::new(rows, columns)?,
            frame: target.frame(),
            grid: Grid::new(target),
            method,
            flags,
            fields,
            job,
            purpose,
            windows,
            notes,
        };
        Finished::check_names(&plan)?;
        Ok(plan)
    }

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

/// The name under which the criterion of the best observation is computed: no variable has it.
const CRITERION: &str = "criterion of the best";

fn criterion() -> Field {
    Field {
        name: CRITERION.to_owned(),
        variable: CRITERION.to_owned(),
        band: None,
        valid_range: None,
        exact: false,
    }
}

/// The standard uncertainties of a field, `NAME_unc`.
fn uncertainty_of(field: &Field, granule: &Granule, of: &str) -> Result<Field, JobError> {
    let name = format!("{}_unc", field.variable);
    let variable = granule.variable(&name).map_err(|_| {
        let own = field.variable.trim_start_matches('/');
        JobError::plan_hint(
            format!("{of} has no {own}_unc: the uncertainty of {own} is not known"),
            "leave unc out, or choose a variable whose uncertainty is in the granules",
        )
    })?;
    Ok(Field {
        name: format!("{}_unc", field.name),
        variable: variable.path().to_owned(),
        valid_range: None,
        ..field.clone()
    })
}

/// A variable's attributes with the range that the job gives in place of its own: readers blank what is outside
/// the one that is told.
fn with_range(attributes: &Attributes, range: Option<ValidRange>) -> Attributes {
    let Some(range) = range else {
        return attributes.clone();
    };
    // The range is in unpacked units.
    let replaced = [
        "valid_min",
        "valid_max",
        "valid_range",
        "scale_factor",
        "add_offset",
    ];
    let kept = attributes.iter();
    let kept = kept.filter(|(name, _)| !replaced.contains(&name.as_str()));
    let ends = [("valid_min", range.low), ("valid_max", range.high)];
    let ends = ends.iter().filter(|(_, end)| end.is_finite());
    let ends = ends.map(|(name, end)| ((*name).to_owned(), AttributeValue::F64(vec![*end])));
    kept.cloned().chain(ends).collect()
}

/// The variables to select, from the job or the first granule.
fn requests(
    job: &Job,
    granule: &Granule,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, JobError> {
    if !job.variables.is_empty() {
        return Ok(job.variables.clone());
    }
    let main = granule.main_product().map_err(|e| JobError::Plan {
        reason: e.to_string(),
        hint: Some("choose a variable with -v; `swathe info` lists them".into()),
    })?;
    let name = main.name.rsplit('/').next().unwrap_or(&main.name);
    notes.push(format!("variable: {name}, {}", main.reason));
    Ok(vec![main.name])
}

fn wants_uncertainty(job: &Job) -> bool {
    let of_errors = [Statistic::Uncertainty, Statistic::IndependentUncertainty];
    job.statistics.iter().any(|s| of_errors.contains(s))
}

/// Selects the fields and the flags of one granule.
fn resolve(
    candidate: &Candidate,
    requests: &[String],
    flags: &FlagSelection,
    job: &Job,
) -> Result<Resolved, JobError> {
    let at_fault = |error: swathe_io::error::Error| JobError::granule(&candidate.name, error);
    // What a granule does not have is for the user to choose otherwise.
    let not_there = |error: swathe_io::error::Error| match error {
        swathe_io::error::Error::Missing { .. } | swathe_io::error::Error::Request { .. } => {
            JobError::plan(error.to_string())
        }
        other => JobError::granule(&candidate.name, other),
    };
    let granule = candidate.granule().map_err(at_fault)?;
    let mut fields: Vec<ResolvedField> = Vec::new();
    let mut computed = Vec::new();
    let exact = matches!(job.grid, GridRequest::Bins(_));
    for request in requests {
        if let Some(defined) = computed::definition(request) {
            let (name, expression) = defined?;
            if granule.variable(&name).is_ok()
                || fields.iter().any(|f| f.selected.field.name == name)
            {
                return Err(JobError::plan_hint(
                    format!("{} has a variable {name} already", candidate.name),
                    "give the one that is computed another name",
                ));
            }
            if wants_uncertainty(job) {
                return Err(JobError::plan_hint(
                    format!("{name} is computed: its uncertainty is not known"),
                    "leave unc out, or compute it from the uncertainties",
                ));
            }
            let inputs = computed::inputs(&expression, &granule, exact)?;
            fields.push(ResolvedField::computed(&name, &expression, job));
            computed.push((name, inputs));
            continue;
        }
        for mut selected in granule.select(request).map_err(not_there)? {
            let variable = granule
                .variable(&selected.field.variable)
                .map_err(at_fault)?;
            selected.field.valid_range = job.valid_range.map(|r| (r.low, r.high));
            selected.field.exact = exact;
            if fields.iter().any(|f| f.selected.field == selected.field) {
                continue;
            }
            let integers = matches!(
                variable.variable.dtype,
                DataType::I8
                    | DataType::U8
                    | DataType::I16
                    | DataType::U16
                    | DataType::I32
                    | DataType::U32
                    | DataType::I64
                    | DataType::U64
            ) && !variable.is_packed();
            let uncertainty = wants_uncertainty(job)
                .then(|| uncertainty_of(&selected.field, &granule, &candidate.name))
                .transpose()?;
            fields.push(ResolvedField {
                uncertainty,
                range: selected
                    .field
                    .valid_range
                    .or_else(|| variable.valid_range()),
                holds: Holds::of(variable.flags(), integers),
                double: matches!(
                    variable.variable.dtype,
                    DataType::F64 | DataType::I32 | DataType::U32 | DataType::I64 | DataType::U64
                ) && !variable.is_packed(),
                attributes: with_range(&variable.variable.attributes, job.valid_range),
                selected,
            });
        }
    }
    // Bands of one variable follow each other, so that they share one mask.
    let order: Vec<String> = fields
        .iter()
        .map(|f| f.selected.field.variable.clone())
        .collect();
    fields.sort_by_key(|f| order.iter().position(|v| *v == f.selected.field.variable));
    let flags_error = |source| JobError::Flags {
        granule: candidate.name.clone(),
        source,
    };
    let mask = match granule.flag_table() {
        _ if flags.is_empty() => FlagMask::default(),
        Some(table) => flags.resolve(table).map_err(flags_error)?,
        None => {
            return Err(JobError::Plan {
                reason: format!("{} has no quality flags", candidate.name),
                hint: Some("use --flags none".into()),
            });
        }
    };
    if let Some(best) = &job.best {
        let inputs = computed::inputs(&best.criterion, &granule, exact)?;
        computed.push((CRITERION.to_owned(), inputs));
    }
    let condition = job.condition.as_ref();
    let condition = condition.map(|e| computed::inputs(e, &granule, exact));
    Ok(Resolved {
        fields,
        mask,
        computed,
        condition: condition.transpose()?,
        created: granule.created().map(|ms| ms as f64 / 1000.0),
        shape: granule.shape(),
    })
}

/// Refuses granules whose bands or units are not those of the first.
fn same_fields(
    first: &str,
    model: &[ResolvedField],
    name: &str,
    fields: &[ResolvedField],
) -> Result<(), JobError> {
    for (theirs, ours) in model.iter().zip(fields) {
        let (a, b) = (&theirs.selected.field.name, &ours.selected.field.name);
        let bands = (&theirs.selected.band, &ours.selected.band);
        let chosen = |band: &Option<ChosenBand>| band.as_ref().map(|b| b.chosen);
        if a != b || chosen(bands.0) != chosen(bands.1) {
            let said = |name: &str, band: &Option<ChosenBand>| {
                chosen(band).map_or(name.to_owned(), |value| format!("{name} at {value}"))
            };
            return Err(JobError::plan(format!(
                "the granules have different bands: {first} gives {}, {name} gives {}",
                said(a, bands.0),
                said(b, bands.1)
            )));
        }
        let units = |f: &ResolvedField| match f.attributes.iter().find(|(name, _)| name == "units")
        {
            Some((_, AttributeValue::Text(units))) => units.clone(),
            _ => String::new(),
        };
        let (their_units, our_units) = (units(theirs), units(ours));
        if their_units != our_units {
            return Err(JobError::plan(format!(
                "the units of {b} differ: {first} has {their_units:?}, {name} has {our_units:?}"
            )));
        }
    }
    Ok(())
}

/// The range that holds the values of all granules; `None` if any does not say.
fn common_range(ranges: impl Iterator<Item = Option<(f64, f64)>>) -> Option<(f64, f64)> {
    ranges
        .reduce(|a, b| {
            let ((low, high), (least, most)) = (a?, b?);
            Some((low.min(least), high.max(most)))
        })
        .flatten()
}

/// Whether a grid is of longitude and latitude, around the whole Earth.
fn is_global(geobox: &GeoBox) -> bool {
    let (west, south, east, north) = geobox.bounds();
    geobox.crs.is_lonlat() && east - west >= 360.0 - 1e-9 && north - south >= 180.0 - 1e-9
}

/// Refuses what a file of bins does not hold, and asks for what it does.
fn check_bins(job: &mut Job, purpose: Purpose, method: Method) -> Result<(), JobError> {
    if purpose == Purpose::Cube {
        return Err(JobError::plan_hint(
            "bins hold sums over granules, not a layer of each",
            "use `swathe average`",
        ));
    }
    if !matches!(method, Method::Bin | Method::Footprint) {
        return Err(JobError::plan_hint(
            format!("method {} does not give to bins", method.name()),
            "use -m bin or -m footprint",
        ));
    }
    let best: Vec<Statistic> = job.best.iter().map(Best::statistic).collect();
    if job.statistics != [Statistic::Mean]
        && (job.statistics != best || job.scheme != Scheme::Arithmetic)
    {
        return Err(JobError::plan_hint(
            "bins hold sums, squares and weights, from which statistics are made when they are mapped",
            "leave --stat out",
        ));
    }
    if job.blank != Blank::default() {
        return Err(JobError::plan_hint(
            "bins are not blanked",
            "use --min-count and the like when they are mapped",
        ));
    }
    if job.statistics == [Statistic::Mean] {
        job.statistics = BINNED.to_vec();
    } else {
        // One observation stands for a bin.
        job.weight.get_or_insert(Weight::Observation);
    }
    Ok(())
}

/// What is kept of bins, beside counts.
pub(super) const BINNED: [Statistic; 3] =
    [Statistic::Weights, Statistic::Sum, Statistic::SumSquared];

fn grid_of(request: &GridRequest, granules: &[PlannedGranule]) -> Result<Target, JobError> {
    Ok(match request {
        GridRequest::Bins(isin) => isin.clone().into(),
        GridRequest::Own { crs, resolution } => {
            own_grid(parse_crs(crs.as_deref())?, *resolution, granules)?.into()
        }
        other => other.rectangle()?.into(),
    })
}

fn parse_crs(definition: Option<&str>) -> Result<Crs, JobError> {
    Ok(match definition {
        Some(definition) => Crs::parse(definition)?,
        None => Crs::lonlat(),
    })
}

impl GridRequest {
    /// A rectangular grid that needs no granule.
    ///
    /// # Errors
    /// Another one, or one that cannot be made.
    pub fn rectangle(&self) -> Result<GeoBox, JobError> {
        Ok(match self {
            GridRequest::Exact(geobox) => geobox.clone(),
            GridRequest::Box {
                bbox,
                resolution,
                crs,
            } => GeoBox::from_bbox(parse_crs(crs.as_deref())?, *bbox, *resolution)?,
            GridRequest::Bounds {
                bounds,
                resolution,
                crs,
            } => GeoBox::from_bounds(parse_crs(crs.as_deref())?, *bounds, *resolution)?,
            GridRequest::Own { .. } | GridRequest::Bins(_) => {
                return Err(JobError::plan_hint(
                    "bins are mapped to a rectangular grid",
                    "give --grid l3m-4km, or a box and a resolution, as in -b -77,36,-73,41 -r 0.05",
                ));
            }
        })
    }
}

/// The grid around the only granule.
fn own_grid(
    crs: Crs,
    resolution: Option<Resolution>,
    granules: &[PlannedGranule],
) -> Result<GeoBox, JobError> {
    let [only] = granules else {
        return Err(JobError::plan_hint(
            format!("{} granules need a grid in common", granules.len()),
            "give a box and a resolution, as in -b -77,36,-73,41 -r 0.015",
        ));
    };
    let name = &only.candidate.name;
    let granule = only
        .candidate
        .granule()
        .map_err(|e| JobError::granule(name, e))?;
    let (lines, _) = granule.shape();
    let geolocation = granule
        .geolocation(0..lines)
        .map_err(|e| JobError::granule(name, e))?;
    GeoBox::around(&geolocation, crs, resolution).map_err(|e| JobError::granule(name, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_range_holds_all() {
        let range = |ranges: &[Option<(f64, f64)>]| common_range(ranges.iter().copied());
        assert_eq!(
            range(&[Some((0.0, 5.0)), Some((-1.0, 3.0))]),
            Some((-1.0, 5.0))
        );
        assert_eq!(range(&[Some((0.0, 5.0)), None, Some((0.0, 1.0))]), None);
        assert_eq!(range(&[]), None);
    }
}
