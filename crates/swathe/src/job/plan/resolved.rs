//! What a granule has of what is asked for: its fields, its flags, what is computed from them.

use crate::job::computed::{self, Used};
use crate::job::statistics::Holds;
use crate::job::{Candidate, GridRequest, Job, JobError};
use swathe_core::derived::Computed;
use swathe_core::expression::Expression;
use swathe_core::mask::{FlagMask, FlagSelection, ValidRange};
use swathe_core::reduce::Statistic;
use swathe_core::source::{Field, SwathSource as _};
use swathe_io::dataset::{AttributeValue, Attributes, DataType};
use swathe_io::granule::{ChosenBand, Granule, Selected};

/// What a granule has of what is asked for.
pub(super) struct Resolved {
    pub fields: Vec<ResolvedField>,
    pub mask: FlagMask,
    pub computed: Vec<(String, Computed)>,
    pub condition: Option<Computed>,
    /// What the names of all these expressions are, in the same order for each granule.
    pub used: Vec<Used>,
    pub created: Option<f64>,
    pub shape: (usize, usize),
}

/// One field of a granule.
pub(super) struct ResolvedField {
    pub selected: Selected,
    pub range: Option<(f64, f64)>,
    pub holds: Holds,
    pub uncertainty: Option<Field>,
    pub double: bool,
    pub attributes: Attributes,
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

/// The name under which the criterion of the best observation is computed: no variable has it.
pub(super) const CRITERION: &str = "criterion of the best";

/// The criterion of the best observation, as a field.
pub(super) fn criterion() -> Field {
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
pub(super) fn requests(
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
pub(super) fn resolve(
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
    let (mut computed, mut used) = (Vec::new(), Vec::new());
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
            let (inputs, of) = computed::inputs(&expression, &granule, exact)?;
            if let Some(classes) = of.iter().find(|used| used.classes) {
                let reason = "flags and classes are no numbers to compute with";
                return Err(JobError::plan_hint(
                    expression.unknown(&classes.name, reason).to_string(),
                    "mask by them with --flags, or with a condition in --where",
                ));
            }
            fields.push(ResolvedField::computed(&name, &expression, job));
            computed.push((name, inputs));
            used.extend(of);
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
        let (inputs, of) = computed::inputs(&best.criterion, &granule, exact)?;
        computed.push((CRITERION.to_owned(), inputs));
        used.extend(of);
    }
    let condition = job.condition.as_ref();
    let condition = condition.map(|e| computed::inputs(e, &granule, exact));
    let condition = condition.transpose()?.map(|(condition, of)| {
        used.extend(of);
        condition
    });
    Ok(Resolved {
        fields,
        mask,
        computed,
        condition,
        used,
        created: granule.created().map(|ms| ms as f64 / 1000.0),
        shape: granule.shape(),
    })
}

/// Refuses granules whose bands or units are not those of the first.
pub(super) fn same_fields(
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
pub(super) fn common_range(ranges: impl Iterator<Item = Option<(f64, f64)>>) -> Option<(f64, f64)> {
    ranges
        .reduce(|a, b| {
            let ((low, high), (least, most)) = (a?, b?);
            Some((low.min(least), high.max(most)))
        })
        .flatten()
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
