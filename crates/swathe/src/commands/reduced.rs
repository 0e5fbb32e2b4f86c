//! The outputs of a reduction: maps, or a table.

use super::plain_file::PlainFile;
use super::write::Outputs;
use crate::failure::{Failure, Result};
use crate::reduction::{Dimensions, Every, Reduced, Reduction, Row, Table};
use std::path::{Path, PathBuf};
use swathe_io::picture::LinePlot;
use swathe_io::product::Format;

/// Outputs that have been checked and can be written.
pub struct ReducedOutputs(Checked);

enum Checked {
    Maps(Box<Outputs>),
    Table(Vec<PlainFile>),
}

impl ReducedOutputs {
    /// Checks the outputs of a reduction of these inputs, before any work is done.
    ///
    /// # Errors
    /// A format that the result has no form in, a file that exists or is an input.
    pub fn new(
        paths: &[PathBuf],
        inputs: &[PathBuf],
        reduction: &Reduction,
        overwrite: bool,
    ) -> Result<Self> {
        let refuse =
            |path: &Path, what: &str| Err(Failure::usage(format!("{}: {what}", path.display())));
        if reduction.over == Dimensions::Time {
            let many = reduction.every.is_some_and(|every| every != Every::All);
            for path in paths {
                match Format::of(path).map_err(Failure::usage)? {
                    Format::Partial => {
                        return refuse(path, "only averages can be kept as partial results");
                    }
                    Format::Png if many => {
                        return refuse(
                            path,
                            "a picture shows one map: write .nc, and draw one with `swathe plot`",
                        );
                    }
                    _ => {}
                }
            }
            let maps = Outputs::new(paths, inputs, overwrite)?;
            return Ok(ReducedOutputs(Checked::Maps(Box::new(maps))));
        }
        let mut files = Vec::new();
        for path in paths {
            if !matches!(suffix(path), "csv" | "json" | "png") {
                return refuse(
                    path,
                    "numbers over an area are written as .csv, .json or .png",
                );
            }
            files.push(PlainFile::new(path, inputs, overwrite)?);
        }
        Ok(ReducedOutputs(Checked::Table(files)))
    }

    /// Writes them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(self, reduced: &Reduced) -> Result<()> {
        match (reduced, self.0) {
            (Reduced::Maps(product), Checked::Maps(maps)) => maps.write_product(product),
            (Reduced::Table(table), Checked::Table(files)) => files
                .into_iter()
                .try_for_each(|file| write_table(table, file)),
            // The outputs were checked for what is reduced.
            _ => Err(Failure::error("the outputs do not suit the result")),
        }
    }
}

fn suffix(path: &Path) -> &str {
    path.extension()
        .and_then(|s| s.to_str())
        .unwrap_or_default()
}

fn write_table(table: &Table, file: PlainFile) -> Result<()> {
    let content = match suffix(file.path()) {
        "csv" => table.csv().into_bytes(),
        "json" => format!("{:#}\n", table.json()).into_bytes(),
        _ => {
            let name = table.columns.first().map_or("", String::as_str);
            let point = |row: &Row| (row.time, row.values.first().copied().unwrap_or(f64::NAN));
            LinePlot {
                title: format!("{}: {name}", table.variable),
                label: table.variable.clone(),
                units: table.units.clone(),
                points: table.rows.iter().map(point).collect(),
            }
            .png()?
        }
    };
    file.write(&content)
}
