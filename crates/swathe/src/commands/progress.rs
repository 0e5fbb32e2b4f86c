//! How far a run is, on standard error.

use crate::messages::{self, say};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use swathe::job::Event;
use swathe::live::resident_bytes;
use swathe_io::bytes::ReadCounters;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// A bar on a terminal, else plain lines
    Auto,
    /// A bar
    Bar,
    /// A line every few seconds
    Plain,
    /// Nothing but JSON: on every line an object with its "event"
    Json,
    /// Nothing
    None,
}

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time between JSON objects of tiles: there may be many thousands.
const TILES_INTERVAL: Duration = Duration::from_millis(200);

/// Shows the events of a run.
pub struct Progress {
    style: Style,
    bar: ProgressBar,
    started: Instant,
    /// When a line was last written.
    said: Instant,
    /// When something last happened.
    last: Instant,
    stage: Option<Stage>,
}

/// What is counted: granules, then tiles.
struct Stage {
    counted: &'static str,
    since: Instant,
    /// What an earlier run has done.
    before: usize,
    done: usize,
    total: usize,
    /// What reading has cost, where there was any.
    read: Option<ReadCounters>,
}

impl Progress {
    /// Shows progress from now on.
    pub fn new(style: Style) -> Self {
        let style = match style {
            Style::Auto if std::io::stderr().is_terminal() => Style::Bar,
            Style::Auto => Style::Plain,
            other => other,
        };
        let bar = match style {
            Style::Bar => ProgressBar::new(0),
            _ => ProgressBar::hidden(),
        };
        if let Ok(look) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(look);
        }
        let now = Instant::now();
        Progress {
            style,
            bar,
            started: now,
            said: now,
            last: now,
            stage: None,
        }
    }

    /// Shows an event; the run goes on.
    pub fn show(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let now = Instant::now();
        let (counted, done, total, read) = match event {
            Event::Granule {
                done, total, read, ..
            } => ("granules", *done, *total, Some(*read)),
            Event::Tiles { done, total } => ("tiles", *done, *total, None),
            Event::Combined { .. } | Event::Maps { .. } | Event::Tile { .. } => {
                return ControlFlow::Continue(());
            }
        };
        let stage = match self.stage.take() {
            Some(stage) if stage.counted == counted && stage.done < done => Stage {
                done,
                read,
                ..stage
            },
            _ => Stage {
                counted,
                since: self.last,
                before: if read.is_some() {
                    done.saturating_sub(1)
                } else {
                    0
                },
                done,
                total,
                read,
            },
        };
        let stage = self.stage.insert(stage);
        let memory = resident_bytes();
        self.last = now;
        match self.style {
            Style::Bar if done == total => self.bar.finish_and_clear(),
            Style::Bar => {
                if self.bar.is_finished() {
                    self.bar.reset();
                }
                self.bar.set_length(total as u64);
                self.bar.set_position(done as u64);
                self.bar.set_message(stage.line(now, memory));
            }
            Style::Plain if now - self.said >= INTERVAL => {
                self.said = now;
                say!("{}", stage.line(now, memory));
            }
            Style::Json => {
                let seconds = rounded((now - self.started).as_secs_f64());
                let mut known = stage.json(now, seconds, memory);
                if let Event::Granule { record, .. } = event {
                    known["name"] = json!(record.name);
                    known["status"] = json!(record.status.as_str());
                    known["reason"] = json!(record.reason);
                    messages::event("granule", known);
                } else if done == total || now - self.said >= TILES_INTERVAL {
                    self.said = now;
                    messages::event("tiles", known);
                }
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

impl Stage {
    /// Seconds that the rest takes, if it goes on as it has.
    fn left(&self, now: Instant) -> Option<f64> {
        let done = self
            .done
            .checked_sub(self.before)
            .filter(|done| *done > 0)?;
        let rest = self.total.saturating_sub(self.done);
        Some((now - self.since).as_secs_f64() * rest as f64 / done as f64)
    }

    /// Bytes that are read in a second.
    fn rate(&self, now: Instant) -> Option<f64> {
        let seconds = (now - self.since).as_secs_f64();
        let read = self.read?.bytes_read as f64;
        (seconds > 0.0).then(|| read / seconds)
    }

    fn line(&self, now: Instant, memory: Option<u64>) -> String {
        let mut line = format!("{} of {} {}", self.done, self.total, self.counted);
        if let (Some(read), Some(rate)) = (self.read, self.rate(now)) {
            line += &format!(", {} read, {:.1} MB/s", bytes(read.bytes_read), rate / 1e6);
        }
        if let Some(memory) = memory {
            line += &format!(", {} in memory", bytes(memory));
        }
        if let Some(left) = self.left(now) {
            line += &format!(", {} left", time(left));
        }
        line
    }

    fn json(&self, now: Instant, seconds: f64, memory: Option<u64>) -> Value {
        json!({
            "done": self.done,
            "total": self.total,
            "seconds": seconds,
            "seconds_left": self.left(now).map(rounded),
            "bytes_read": self.read.map(|read| read.bytes_read),
            "bytes_decoded": self.read.map(|read| read.bytes_decoded),
            "bytes_per_second": self.rate(now).map(f64::round),
            "memory_bytes": memory,
        })
    }
}

/// To a thousandth.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// A length of time for people.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 90.0 * 60.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_did_does_not_make_this_one_faster() {
        let since = Instant::now();
        let now = since + Duration::from_secs(10);
        let mut stage = Stage {
            counted: "granules",
            since,
            before: 90,
            done: 95,
            total: 100,
            read: Some(ReadCounters {
                bytes_read: 50 << 20,
                ..ReadCounters::default()
            }),
        };
        assert_eq!(stage.left(now), Some(10.0));
        assert_eq!(
            stage.line(now, Some(3 << 30)),
            "95 of 100 granules, 50.0 MiB read, 5.2 MB/s, 3.0 GiB in memory, 10 s left"
        );
        stage.read = None;
        assert_eq!(stage.line(now, None), "95 of 100 granules, 10 s left");
        assert_eq!(stage.left(since), Some(0.0));
        stage.done = 90;
        assert_eq!(stage.left(now), None);
    }

    #[test]
    fn times_for_people() {
        let said = [0.4, 89.0, 91.0, 5000.0, 5400.0, 90_000.0].map(time);
        assert_eq!(said, ["0 s", "89 s", "2 min", "83 min", "1.5 h", "25.0 h"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_in_use_is_more_than_nothing() {
        let before = resident_bytes().unwrap();
        let held = vec![1_u8; 256 << 20];
        assert!(resident_bytes().unwrap() > before + (200 << 20));
        drop(held);
    }
}
