//! What a page is told when it asks.

use super::super::description::lines;
use super::{Hub, Phase, lock};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use swathe_core::watch::Task;

impl Hub {
    /// What is new since a number; everything for a page that knows of another run.
    pub fn state(&self, since: u64, run: u32) -> Value {
        self.asked
            .store(self.milliseconds().max(1), Ordering::Relaxed);
        let since = if run == self.run { since } else { 0 };
        let until = self.noted.load(Ordering::SeqCst);
        let new = |noted: u64| noted > since && noted <= until;
        let state = lock(&self.state);
        let granules: Vec<Value> = state
            .granules
            .iter()
            .enumerate()
            .filter(|(_, row)| row.noted > since)
            .map(|(place, row)| {
                let mut known = json!({"row": place, "state": row.state, "reason": row.reason});
                if row.described > since {
                    known["name"] = json!(row.name);
                    known["lines"] = lines(&row.outline);
                    known["centre"] = json!(row.centre);
                }
                known
            })
            .collect();
        let count = |word: &str| {
            state
                .granules
                .iter()
                .filter(|row| row.state == word)
                .count()
        };
        let phase = match state.phase {
            Phase::Opening => "opening",
            Phase::Granules => "granules",
            Phase::Tiles => "tiles",
            Phase::Reducing => "reducing",
            Phase::Done => "done",
            Phase::Failed => "failed",
        };
        let (done, total) = match state.phase {
            Phase::Tiles | Phase::Reducing => state.tiles,
            _ => (state.done, state.total),
        };
        let left = (done > 0 && state.ended.is_none()).then(|| {
            state.since.elapsed().as_secs_f64() * total.saturating_sub(done) as f64 / done as f64
        });
        let mut answer = json!({
            "run": self.run,
            "since": until,
            "phase": phase,
            "error": state.error,
            "elapsed": state.ended.unwrap_or_else(|| self.elapsed()),
            "left": left,
            "granules": granules,
            "counts": {
                "granules": {
                    "done": state.done, "total": state.total, "used": count("used"),
                    "empty": count("empty"), "skipped": count("skipped"),
                },
                "tiles": {"done": state.tiles.0, "total": state.tiles.1},
            },
            "read": {"bytes": self.read.load(Ordering::Relaxed), "decoded": state.decoded},
            "memory": {"baseline": state.baseline, "limit": state.limit},
            "samples": state.samples.iter().filter(|s| new(s.0)).map(|s| json!([rounded(s.1), s.2, s.3])).collect::<Vec<_>>(),
            "log": state.log.iter().filter(|l| new(l.0)).map(|l| json!([rounded(l.1), l.2, l.3])).collect::<Vec<_>>(),
        });
        if state.title.0 > since {
            answer["title"] = json!(state.title.1);
            answer["subtitle"] = json!(state.title.2);
        }
        if state.about.0 > since {
            answer["about"] = json!(state.about.1);
        }
        if state.links.0 > since {
            answer["links"] = json!(state.links.1);
        }
        if state.graph > since {
            answer["graph"] = json!(true);
        }
        drop(state);
        let pieces = self.lanes.pieces(since, until);
        let task = |task: Task| Task::ALL.iter().position(|t| *t == task);
        answer["workers"] = json!(self.lanes.names());
        let pieces = pieces.iter().map(|p| {
            json!([
                p.lane,
                task(p.task),
                p.granule,
                rounded(p.begin),
                rounded(p.end)
            ])
        });
        answer["segments"] = pieces.collect();
        let current = self.lanes.current().into_iter();
        answer["now"] = current
            .map(|(lane, doing, granule, since)| {
                json!([lane, task(doing), granule, rounded(since)])
            })
            .collect();
        if let Some(map) = lock(&self.map).as_ref() {
            if map.noted > since {
                answer["map"] = map.maps.json();
                answer["map"]["fills_in"] = json!(map.fills_in);
            }
            answer["blocks"] = json!(map.preview.has_news(since));
        }
        answer
    }

    /// The coast of the map.
    pub fn coast(&self) -> Option<Value> {
        let maps = lock(&self.map).as_ref().map(|map| map.maps.clone());
        maps.map(|maps| maps.coast())
    }

    /// Parts of the map that are new since a number.
    pub fn blocks(&self, since: u64) -> Vec<u8> {
        let map = lock(&self.map);
        map.as_ref()
            .map_or_else(Vec::new, |map| map.preview.news(since))
    }
}

/// To a ten-thousandth.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}
