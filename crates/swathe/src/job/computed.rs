//! Variables that are computed from others, and conditions, on what a granule has.

use super::JobError;
use swathe_core::derived::{Computed, FROM_POSITIONS, Input};
use swathe_core::expression::{Expression, ExpressionError};
use swathe_core::source::Field;
use swathe_core::suggest::nearest;
use swathe_io::dataset::AttributeValue;
use swathe_io::granule::{Granule, Selected};

impl From<ExpressionError> for JobError {
    fn from(error: ExpressionError) -> Self {
        JobError::plan(error.to_string())
    }
}

/// The name and the expression of a request such as `ratio=Rrs@443/Rrs@555`; `None` for other requests.
pub(super) fn definition(request: &str) -> Option<Result<(String, Expression), JobError>> {
    let (name, text) = request.split_once('=')?;
    let name = name.trim();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(word) {
        return Some(Err(JobError::plan(format!(
            "{name:?} cannot be the name of a variable: use letters, digits and _"
        ))));
    }
    let expression = Expression::number(text.trim());
    Some(expression.map(|e| (name.to_owned(), e)).map_err(Into::into))
}

/// What a name of an expression is in one granule. Granules are put together only where it is the same in all.
pub(super) struct Used {
    /// The name, as the expression has it.
    pub name: String,
    /// The granule's variable; `None` where it is worked out from positions.
    pub selected: Option<Selected>,
    /// The variable's units.
    pub units: String,
    /// Whether it holds flags or classes.
    pub classes: bool,
}

impl Used {
    /// A sentence for the log, where the band is not the one asked for.
    pub fn note(&self) -> Option<String> {
        let mut selected = self.selected.clone()?;
        selected.field.name.clone_from(&self.name);
        selected.note()
    }
}

/// What the names of an expression are in a granule: its own variables first.
pub(super) fn inputs(
    expression: &Expression,
    granule: &Granule,
    exact: bool,
) -> Result<(Computed, Vec<Used>), JobError> {
    let mut inputs = Vec::with_capacity(expression.names().len());
    let mut used = Vec::with_capacity(expression.names().len());
    for name in expression.names() {
        let selected = granule.select(name);
        let from_positions = FROM_POSITIONS.into_iter().find(|(known, _)| known == name);
        let mut known = Used {
            name: name.clone(),
            selected: None,
            units: String::new(),
            classes: false,
        };
        let input = match (selected, from_positions) {
            (Ok(mut selected), _) if selected.len() == 1 => {
                let mut selected = selected.remove(0);
                selected.field.exact = exact;
                if let Ok(variable) = granule.variable(&selected.field.variable) {
                    let attributes = variable.variable.attributes.iter();
                    known.units = attributes
                        .filter(|(name, _)| name == "units")
                        .find_map(|(_, value)| match value {
                            AttributeValue::Text(units) => Some(units.clone()),
                            _ => None,
                        })
                        .unwrap_or_default();
                    known.classes = variable.flags().is_some();
                }
                let field = selected.field.clone();
                known.selected = Some(selected);
                Input::Field(field)
            }
            (Ok(_), _) => {
                return Err(expression
                    .unknown(name, format!("{name} is not one band"))
                    .into());
            }
            (Err(_), Some((_, input))) => input,
            (Err(error), None) => {
                let own = |name: &str| granule.variables().iter().any(|v| v.name == name);
                let others = FROM_POSITIONS.map(|(name, _)| name);
                let others: Vec<&str> = others.into_iter().filter(|name| !own(name)).collect();
                let meant = nearest(name, others.iter().copied());
                let meant =
                    meant.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
                let reason = format!("{error}; worked out are {}{meant}", others.join(", "));
                return Err(expression.unknown(name, reason).into());
            }
        };
        inputs.push(input);
        used.push(known);
    }
    let computed = Computed {
        expression: expression.clone(),
        inputs,
    };
    Ok((computed, used))
}

/// Refuses granules in which the names of expressions are not what they are in the first: other bands, other units,
/// or worked out in one and a variable of the other.
pub(super) fn same_inputs(
    first: &str,
    model: &[Used],
    name: &str,
    used: &[Used],
) -> Result<(), JobError> {
    for (theirs, ours) in model.iter().zip(used) {
        let of = &ours.name;
        let said = |granule: &str, used: &Used| match &used.selected {
            None => format!("{granule} has none, and it is worked out"),
            Some(Selected {
                band: Some(band), ..
            }) => format!("{granule} gives {}", band.chosen),
            Some(_) => format!("{granule} has a variable of this name"),
        };
        let band = |used: &Used| {
            let selected = used.selected.as_ref();
            selected.map(|s| s.band.as_ref().map(|band| band.chosen))
        };
        if band(theirs) != band(ours) {
            return Err(JobError::plan(format!(
                "{of} is not the same in all granules: {}, {}",
                said(first, theirs),
                said(name, ours)
            )));
        }
        if theirs.units != ours.units {
            return Err(JobError::plan(format!(
                "the units of {of} differ: {first} has {:?}, {name} has {:?}",
                theirs.units, ours.units
            )));
        }
    }
    Ok(())
}

/// The fields that are read for it.
pub(super) fn fields(computed: &Computed) -> impl Iterator<Item = &Field> {
    computed.inputs.iter().filter_map(|input| match input {
        Input::Field(field) => Some(field),
        _ => None,
    })
}
