//! What comes of a run that other processes carry out.

use super::super::recorder::{News, Stretch};
use super::{Hub, Phase, lock};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use swathe_core::source::LineExtent;
use swathe_core::watch::Task;
use swathe_io::product::{GranuleRecord, GranuleStatus, Statistic};

/// Nothing that is told is longer ago.
const LONGEST: f64 = 1e7;

impl Hub {
    /// Takes what is new of a task on a worker.
    pub fn take(&self, worker: &str, news: &News) {
        let (now, instant) = (self.elapsed(), Instant::now());
        let known = |(task, granule, begun, ended): &Stretch| {
            let task = *Task::ALL.get(usize::from(*task))?;
            let ago = |seconds: f64| (0.0..=LONGEST).contains(&seconds).then_some(now - seconds);
            Some((task, *granule, ago(*begun)?, ago(*ended)?))
        };
        let current = news.current.as_ref().and_then(known);
        let current = current.map(|(task, granule, begun, _)| {
            let since = Duration::from_secs_f64((now - begun).clamp(0.0, now));
            (task, granule, instant.checked_sub(since).unwrap_or(instant))
        });
        let pieces = news.pieces.iter().filter_map(known);
        self.lanes.take(worker, pieces, current, &self.noted);
        self.read.fetch_add(news.read, Ordering::Relaxed);
        for (granule, stage) in &news.stages {
            self.further(*granule, (*stage).min(2));
        }
        for (granule, lines) in &news.lies {
            let extents = lines.iter().map(|[start, centre, end]| LineExtent {
                start: *start,
                centre: *centre,
                end: *end,
            });
            self.draw(*granule as usize, &extents.collect::<Vec<_>>());
        }
        for (granule, state, reason) in &news.done {
            self.done_elsewhere(*granule as usize, state, reason);
        }
        if let (Some(sampled), Some(map)) = (&news.map, lock(&self.map).as_mut())
            && let Some(gathered) = &mut map.gathered
            && gathered.add(sampled)
        {
            let (layers, scheme) = (map.maps.layers.len(), map.scheme);
            let mean = gathered.statistic() == Statistic::Mean;
            let value = |layer, row, column| match gathered.value(layer, row, column) {
                value if layer == 0 && mean => scheme.inverse(value) as f32,
                value => value as f32,
            };
            map.preview.redraw(layers, value, || self.note());
        }
    }

    fn done_elsewhere(&self, granule: usize, state: &str, reason: &str) {
        let words = [
            GranuleStatus::Used,
            GranuleStatus::Empty,
            GranuleStatus::Skipped,
        ];
        let Some(word) = words.iter().find(|word| word.as_str() == state) else {
            return;
        };
        let row = self.first_row() + granule;
        let mut state = lock(&self.state);
        let noted = self.note();
        let Some(row) = state.granules.get_mut(row) else {
            return;
        };
        if !matches!(row.state, "waiting" | "reading" | "gridding") {
            return;
        }
        (row.noted, row.state) = (noted, word.as_str());
        reason.clone_into(&mut row.reason);
        let line = format!("{}: {reason}", row.name);
        state.done += 1;
        if *word == GranuleStatus::Skipped {
            self.log_in(&mut state, "warning", &line);
        }
    }

    /// What became of granules in the end: not all news need have come.
    pub fn records(&self, records: &[GranuleRecord]) {
        let first = self.first_row();
        let waiting: Vec<(usize, String)> = {
            let state = lock(&self.state);
            let rows = state.granules.iter().enumerate().skip(first);
            rows.map(|(i, row)| (i - first, row.name.clone())).collect()
        };
        for (granule, name) in waiting {
            if let Some(record) = records.iter().find(|record| record.name == name) {
                self.done_elsewhere(granule, record.status.as_str(), &record.reason);
            }
        }
    }

    /// Cells to the side of a square of the map.
    pub fn stride(&self) -> usize {
        let map = lock(&self.map);
        map.as_ref().map_or(1, |map| map.preview.stride())
    }

    /// Another page that is about the run.
    pub fn see_also(&self, label: &str, address: &str) {
        let of_web = ["http://", "https://"]
            .iter()
            .any(|s| address.starts_with(s));
        if of_web {
            let mut state = lock(&self.state);
            state.links.1.push((label.to_owned(), address.to_owned()));
            state.links.0 = self.note();
        }
    }

    /// How many granules tasks elsewhere have done.
    pub(super) fn steps_elsewhere(&self, done: usize, total: usize) {
        let mut state = lock(&self.state);
        // News of single granules come earlier, or not at all.
        state.done = state.done.max(done);
        state.total = total;
        if state.phase == Phase::Opening {
            (state.phase, state.since) = (Phase::Granules, Instant::now());
        }
    }
}
