//! How far a run is, on standard error.

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use swathe::job::Event;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// A bar on a terminal, else plain lines
    Auto,
    /// A bar
    Bar,
    /// A line every few seconds
    Plain,
    /// A JSON object on a line for every granule
    Json,
    /// Nothing
    None,
}

/// Seconds between plain lines.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shows the events of a run.
pub struct Progress {
    style: Style,
    bar: ProgressBar,
    started: Instant,
    said: Instant,
}

impl Progress {
    /// Shows progress over so many granules.
    pub fn new(style: Style, granules: usize) -> Self {
        let style = match style {
            Style::Auto if std::io::stderr().is_terminal() => Style::Bar,
            Style::Auto => Style::Plain,
            other => other,
        };
        let bar = match style {
            Style::Bar => ProgressBar::new(granules as u64),
            _ => ProgressBar::hidden(),
        };
        if let Ok(look) = ProgressStyle::with_template(
            "{bar:40} {pos}/{len} granules, {msg}, {elapsed} gone, {eta} left",
        ) {
            bar.set_style(look);
        }
        let now = Instant::now();
        Progress {
            style,
            bar,
            started: now,
            said: now,
        }
    }

    /// Shows an event; the run goes on.
    pub fn show(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let Event::Granule {
            record,
            done,
            total,
            read,
        } = event;
        match self.style {
            Style::Bar => {
                self.bar
                    .set_message(format!("{} read", bytes(read.bytes_read)));
                self.bar.set_position(*done as u64);
            }
            Style::Plain if self.said.elapsed() >= INTERVAL => {
                self.said = Instant::now();
                eprintln!(
                    "{done} of {total} granules, {} read, {:.0} s",
                    bytes(read.bytes_read),
                    self.started.elapsed().as_secs_f64()
                );
            }
            Style::Json => {
                let line = serde_json::json!({
                    "granule": record.name,
                    "status": record.status.as_str(),
                    "reason": record.reason,
                    "done": done,
                    "total": total,
                    "bytes_read": read.bytes_read,
                    "bytes_decoded": read.bytes_decoded,
                    "seconds": self.started.elapsed().as_secs_f64(),
                });
                eprintln!("{line}");
            }
            Style::Plain | Style::None | Style::Auto => {}
        }
        ControlFlow::Continue(())
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A number of bytes for people.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{count} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}
