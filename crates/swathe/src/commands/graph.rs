//! The file that a graph of tasks is drawn into.

use super::plain_file::PlainFile;
use crate::failure::{Failure, Result};
use crate::messages;
use std::path::{Path, PathBuf};
use swathe_io::picture::Graph;

/// A file that has been checked and can be written.
pub struct GraphFile {
    file: PlainFile,
    form: Form,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Svg,
    Mermaid,
    Graphviz,
}

impl GraphFile {
    /// Checks the file, before any work is done.
    pub fn new(path: &Path, inputs: &[PathBuf], overwrite: bool) -> Result<Self> {
        let form = match path.extension().and_then(|s| s.to_str()) {
            Some("svg") => Form::Svg,
            Some("mmd") => Form::Mermaid,
            Some("dot") => Form::Graphviz,
            _ => {
                return Err(Failure::usage(format!(
                    "{}: a graph is written as .svg, .mmd or .dot",
                    path.display()
                )));
            }
        };
        let file = PlainFile::new(path, inputs, overwrite)?;
        Ok(GraphFile { file, form })
    }

    /// Writes the file, and says so.
    pub fn write(self, graph: &Graph) -> Result<()> {
        let text = match self.form {
            Form::Svg => graph.svg(),
            Form::Mermaid => graph.mermaid(),
            Form::Graphviz => graph.dot(),
        };
        let path = self.file.path().to_owned();
        self.file.write(text.as_bytes())?;
        messages::note(&format!("wrote {}", path.display()));
        Ok(())
    }
}
