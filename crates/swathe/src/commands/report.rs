//! What is said before and after a run.

use super::progress::bytes;
use crate::failure::{Failure, Outcome, Result};
use crate::messages::{self, say, tell};
use serde_json::json;
use std::path::PathBuf;
use swathe::job::{Estimate, Finished, Plan, Shares};
use swathe_io::product::GranuleStatus;

/// What is known of a plan, for machines.
fn known(plan: &Plan, shares: &Shares) -> serde_json::Value {
    let (rows, columns) = plan.geobox().shape();
    let (tiles, maps) = plan.tiles();
    let skipped = plan.skipped().iter();
    let skipped = skipped.map(|record| json!({"name": record.name, "reason": record.reason}));
    json!({
        "granules": plan.granules(),
        "skipped": skipped.collect::<Vec<_>>(),
        "variables": plan.fields().collect::<Vec<_>>(),
        "method": plan.method().name(),
        "crs": plan.geobox().crs.to_string(),
        "rows": rows,
        "columns": columns,
        "maps": maps.unwrap_or(1),
        "tiles_of_map": tiles,
        "memory_bytes": shares.projected,
        "memory_limit_bytes": shares.limit,
    })
}

/// Says what was chosen for the user, on standard error.
pub fn chosen(plan: &Plan, shares: &Shares) {
    for note in plan.notes() {
        messages::note(note);
    }
    if messages::in_json() {
        return messages::event("plan", known(plan, shares));
    }
    let (rows, columns) = plan.geobox().shape();
    match plan.isin() {
        Some(isin) => say!(
            "grid: isin-{}, method {}",
            isin.rows(),
            plan.method().name()
        ),
        None => say!(
            "grid: {columns} x {rows} cells of {} in {}, method {}",
            plan.geobox().x.step(),
            plan.geobox().crs,
            plan.method().name()
        ),
    }
}

/// Prints a plan on standard output: what would be read and done, and if it is `kept` on disk, how much.
///
/// # Errors
/// When no granule comes near the area: a run would have nothing to do.
pub fn plan(plan: &Plan, estimate: &Estimate, shares: &Shares, kept: bool) -> Result<Outcome> {
    for note in plan.notes() {
        messages::note(note);
    }
    let times = match shares.in_turns() {
        0 => 1.0,
        _ => plan.decoded_times(shares)?,
    };
    match messages::in_json() {
        true => {
            let mut known = known(plan, shares);
            if let Some(known) = known.as_object_mut() {
                known.insert("granules_in_turns".into(), shares.in_turns().into());
                known.insert("decoded_times".into(), times.into());
            }
            tell!("{}", estimated(known, estimate, kept));
        }
        false => lines_of_plan(plan, estimate, (shares, times), kept),
    }
    match estimate
        .granules
        .iter()
        .any(|granule| granule.near.is_some())
    {
        true => Ok(Outcome::Done),
        false => Err(Failure::nothing(
            "no granule touches the area: outside the area",
        )),
    }
}

/// What is known of a plan, with what it would take.
fn estimated(mut known: serde_json::Value, estimate: &Estimate, kept: bool) -> serde_json::Value {
    let granules = estimate.granules.iter().map(|granule| {
        json!({
            "name": granule.name,
            "lines": granule.near.as_ref().map(|lines| [lines.start, lines.end]),
            "tiles": granule.tiles.len(),
            "chunks": granule.cost.chunks,
            "stored_bytes": granule.cost.stored_bytes,
            "decoded_bytes": granule.cost.decoded_bytes,
        })
    });
    if let Some(known) = known.as_object_mut() {
        known.insert("to_read".into(), granules.collect());
        known.insert("tiles_to_combine".into(), estimate.pieces.into());
        known.insert("tiles_to_finish".into(), estimate.finished.into());
        if kept {
            known.insert("disk_bytes".into(), estimate.journal_bytes.into());
        }
    }
    known
}

/// `times`: what is needed of granules is decoded so often.
fn lines_of_plan(plan: &Plan, estimate: &Estimate, (shares, times): (&Shares, f64), kept: bool) {
    let (rows, columns) = plan.geobox().shape();
    let fields: Vec<&str> = plan.fields().collect();
    tell!("variables  {}", fields.join(", "));
    tell!(
        "grid       {columns} x {rows} cells of {} in {}",
        plan.geobox().x.step(),
        plan.geobox().crs
    );
    tell!("method     {}", plan.method().name());
    let (tiles, steps) = plan.tiles();
    tell!(
        "tiles      {tiles} of each map, {}",
        match (steps, shares.combined()) {
            (Some(steps), _) => format!("{steps} maps"),
            (None, true) => "combined in memory".into(),
            (None, false) => "what granules gave kept on disk, and combined tile by tile".into(),
        }
    );
    tell!(
        "memory     at most {} of {}, {} granules at a time, {}",
        bytes(shares.projected),
        bytes(shares.limit),
        shares.in_flight(),
        match shares.in_turns() {
            0 => "each decoded once".to_owned(),
            n => format!("{n} of them in turns of some tiles: lines are decoded {times:.2} times"),
        }
    );
    tell!("granules   {}", plan.granules());
    let (mut near, mut stored, mut decoded, mut chunks) = (0, 0, 0, 0);
    for granule in &estimate.granules {
        let cost = granule.cost;
        match &granule.near {
            None => tell!("  {}  outside the area", granule.name),
            Some(lines) => {
                near += 1;
                tell!(
                    "  {}  lines {}..{} of {}, {} tile{}, {} chunks, {} to read, {} decoded",
                    granule.name,
                    lines.start,
                    lines.end,
                    granule.lines,
                    granule.tiles.len(),
                    if granule.tiles.len() == 1 { "" } else { "s" },
                    cost.chunks,
                    bytes(cost.stored_bytes),
                    bytes(cost.decoded_bytes)
                );
            }
        }
        chunks += cost.chunks;
        stored += cost.stored_bytes;
        decoded += cost.decoded_bytes;
    }
    for record in plan.skipped() {
        tell!("  {}  not used: {}", record.name, record.reason);
    }
    tell!(
        "to read    at most {chunks} chunks of {near} granules: {}, {} decoded",
        bytes(stored),
        bytes(decoded)
    );
    tell!(
        "tasks      {near} granules to apply, {} tiles of them to combine, {} to finish",
        estimate.pieces,
        estimate.finished
    );
    if kept {
        tell!(
            "on disk    at most {} while the run goes on",
            bytes(estimate.journal_bytes)
        );
    }
}

/// Says what a run did, on standard error, and how it ends.
pub fn finished(finished: &Finished, outputs: &[PathBuf], verbose: bool) -> Outcome {
    if messages::in_json() {
        events(finished, outputs);
    } else {
        lines(finished, outputs, verbose);
    }
    if finished.failed > 0 {
        Outcome::SomeSkipped
    } else {
        Outcome::Done
    }
}

/// Says what a merge did, on standard error.
pub fn merged(parts: usize, used: usize, outputs: &[PathBuf]) {
    if messages::in_json() {
        let known = json!({"parts": parts, "used": used, "outputs": names(outputs)});
        return messages::event("finished", known);
    }
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    say!(
        "{} merged, {} used",
        count(parts, "part"),
        count(used, "granule")
    );
    wrote(outputs);
}

/// Says what was written.
pub fn wrote(outputs: &[PathBuf]) {
    for output in outputs {
        say!("wrote {}", output.display());
    }
}

fn names(outputs: &[PathBuf]) -> Vec<String> {
    let names = outputs.iter().map(|output| output.display().to_string());
    names.collect()
}

/// What may be wrong with a map.
fn warn(finished: &Finished) {
    if finished.used == 0 {
        let options = &finished.description().provenance.options;
        let meets = match options.contains(" --where ") {
            true => " that meets the condition of --where",
            false => "",
        };
        messages::warning(&format!(
            "no granule has a valid pixel in the area{meets}: the map is empty"
        ));
    } else if finished.is_blank() {
        messages::warning("no cell has what is required of it: the map is empty");
    }
}

/// What a run did, as JSON.
fn events(finished: &Finished, outputs: &[PathBuf]) {
    for (field, report) in &finished.flags {
        let removed = report.flags().into_iter();
        let removed = removed.map(|(name, carrying, percent)| {
            json!({"name": name, "pixels": carrying, "percent": percent})
        });
        let known = json!({
            "variable": field,
            "valid_pixels": report.valid(),
            "removed_pixels": report.removed(),
            "flags": removed.collect::<Vec<_>>(),
        });
        messages::event("flags", known);
        if let Some(warning) = report.warning() {
            messages::warning(&warning);
        }
    }
    warn(finished);
    let (read, geometry) = (finished.read, finished.geometry);
    let known = json!({
        "granules": finished.description().granules.len(),
        "used": finished.used,
        "skipped": finished.failed,
        "reads": read.reads,
        "bytes_read": read.bytes_read,
        "bytes_decoded": read.bytes_decoded,
        "pixels_near": geometry.selected,
        "pixels_without_position": geometry.missing,
        "pixels_folded": geometry.folded,
        "pixels_without_place": geometry.untransformed,
        "outputs": names(outputs),
    });
    messages::event("finished", known);
}

/// Says which granules take no part, on standard error, or if `verbose`, what became of all.
pub fn left_out(finished: &Finished, verbose: bool) {
    if messages::in_json() {
        return;
    }
    for record in &finished.description().granules {
        let skipped = record.status == GranuleStatus::Skipped;
        if verbose || skipped {
            // One that gave way to another is no failure.
            let gave_way =
                record.reason.ends_with("is preferred") || record.reason == "given twice";
            let word = if gave_way {
                "left out"
            } else {
                record.status.as_str()
            };
            let sep = if record.reason.is_empty() { "" } else { ": " };
            say!("{word} {}{sep}{}", record.name, record.reason);
        }
    }
}

/// What a run did, for people.
fn lines(finished: &Finished, outputs: &[PathBuf], verbose: bool) {
    let records = &finished.description().granules;
    left_out(finished, verbose);
    for (field, report) in &finished.flags {
        if report.valid() > 0 && report.removed() > 0 {
            let taken: Vec<String> = report
                .flags()
                .into_iter()
                .filter(|(_, carrying, _)| *carrying > 0)
                .map(|(name, _, percent)| format!("{name} {percent:.1} %"))
                .collect();
            say!(
                "flags: {:.1} % of the valid pixels of {field} removed ({})",
                report.removed_percent(),
                taken.join(", ")
            );
        }
        if let Some(warning) = report.warning() {
            messages::warning(&warning);
        }
    }
    warn(finished);
    if verbose {
        let read = finished.read;
        let geometry = finished.geometry;
        say!(
            "read: {} in {} requests, {} decoded",
            bytes(read.bytes_read),
            read.reads,
            bytes(read.bytes_decoded)
        );
        say!(
            "pixels: {} near the area, of these {} without position, {} folded, {} without place in the projection",
            geometry.selected,
            geometry.missing,
            geometry.folded,
            geometry.untransformed
        );
    }
    let mut others: Vec<(&str, usize)> = Vec::new();
    for record in records.iter().filter(|r| r.status == GranuleStatus::Empty) {
        match others
            .iter_mut()
            .find(|(reason, _)| *reason == record.reason)
        {
            Some((_, count)) => *count += 1,
            None => others.push((&record.reason, 1)),
        }
    }
    let mut others: Vec<String> = others
        .into_iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if finished.failed > 0 {
        others.push(format!("{} skipped", finished.failed));
    }
    say!(
        "{} of {} granules used{}",
        finished.used,
        records.len(),
        if others.is_empty() {
            String::new()
        } else {
            format!(" ({})", others.join(", "))
        }
    );
    wrote(outputs);
}
