//! The file that a graph of tasks is drawn into.

use crate::failure::{Failure, Result};
use crate::{interrupt, messages};
use std::path::{Path, PathBuf};
use swathe_io::error::Error;
use swathe_io::picture::Graph;

/// A file that has been checked and can be written.
pub struct GraphFile {
    path: PathBuf,
    /// Where it is until it is whole.
    part: PathBuf,
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
        let said = |what: &str| format!("{}: {what}", path.display());
        let (form, name) = match (path.extension().and_then(|s| s.to_str()), path.file_name()) {
            (Some("svg"), Some(name)) => (Form::Svg, name),
            (Some("mmd"), Some(name)) => (Form::Mermaid, name),
            (Some("dot"), Some(name)) => (Form::Graphviz, name),
            _ => return Err(Failure::usage(said("a graph is written as .svg, .mmd or .dot"))),
        };
        let real = std::fs::canonicalize(path).ok();
        let mut inputs = inputs.iter().filter_map(|p| std::fs::canonicalize(p).ok());
        if real.is_some() && inputs.any(|input| Some(input) == real) {
            return Err(Failure::error(said("it is also an input")));
        }
        if !overwrite && std::fs::symlink_metadata(path).is_ok() {
            return Err(Failure::error(said("it exists; --overwrite replaces it")));
        }
        let part = path.with_file_name(format!(".{}.part", name.to_string_lossy()));
        interrupt::remove_when_interrupted(std::iter::once(part.as_path()));
        Ok(GraphFile {
            path: path.to_owned(),
            part,
            form,
        })
    }

    /// Writes the file, and says so.
    pub fn write(self, graph: &Graph) -> Result<()> {
        let text = match self.form {
            Form::Svg => graph.svg(),
            Form::Mermaid => graph.mermaid(),
            Form::Graphviz => graph.dot(),
        };
        let written =
            std::fs::write(&self.part, text).and_then(|()| std::fs::rename(&self.part, &self.path));
        if let Err(source) = written {
            // It may not even be there.
            let _ = std::fs::remove_file(&self.part);
            let path = self.path.display().to_string();
            return Err(Error::Io { path, source }.into());
        }
        messages::note(&format!("wrote {}", self.path.display()));
        Ok(())
    }
}
