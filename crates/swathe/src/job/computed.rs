//! Variables that are computed from others, and conditions, on what a granule has.

use super::JobError;
use swathe_core::derived::{Computed, FROM_POSITIONS, Input};
use swathe_core::expression::{Expression, ExpressionError};
use swathe_core::source::Field;
use swathe_io::granule::Granule;

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

/// What the names of an expression are in a granule: its own variables first.
pub(super) fn inputs(
    expression: &Expression,
    granule: &Granule,
    exact: bool,
) -> Result<Computed, JobError> {
    let mut inputs = Vec::with_capacity(expression.names().len());
    for name in expression.names() {
        let selected = granule.select(name);
        let from_positions = FROM_POSITIONS.into_iter().find(|(known, _)| known == name);
        let input = match (selected, from_positions) {
            (Ok(mut selected), _) if selected.len() == 1 => {
                let mut field = selected.remove(0).field;
                field.exact = exact;
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
                let reason = format!("{error}; worked out are {}", others.join(", "));
                return Err(expression.unknown(name, reason).into());
            }
        };
        inputs.push(input);
    }
    Ok(Computed {
        expression: expression.clone(),
        inputs,
    })
}

/// The fields that are read for it.
pub(super) fn fields(computed: &Computed) -> impl Iterator<Item = &Field> {
    computed.inputs.iter().filter_map(|input| match input {
        Input::Field(field) => Some(field),
        _ => None,
    })
}
