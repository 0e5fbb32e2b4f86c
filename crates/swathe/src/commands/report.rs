//! What is said before and after a run.

use super::progress::bytes;
use crate::failure::{Failure, Outcome, Result};
use std::path::PathBuf;
use swathe::job::{Finished, Plan, Shares};
use swathe_io::product::GranuleStatus;

/// Says what was chosen for the user, on standard error.
pub fn chosen(plan: &Plan) {
    for note in plan.notes() {
        eprintln!("{note}");
    }
    let (rows, columns) = plan.geobox().shape();
    eprintln!(
        "grid: {columns} x {rows} cells of {} in {}, method {}",
        plan.geobox().x.step(),
        plan.geobox().crs,
        plan.method().name()
    );
}

/// Prints a plan on standard output: what would be read.
pub fn plan(plan: &Plan, pool: &rayon::ThreadPool, shares: &Shares) -> Result<()> {
    let estimate = pool.install(|| plan.estimate()).map_err(Failure::from)?;
    let (rows, columns) = plan.geobox().shape();
    let fields: Vec<&str> = plan.fields().collect();
    println!("variables  {}", fields.join(", "));
    println!(
        "grid       {columns} x {rows} cells of {} in {}",
        plan.geobox().x.step(),
        plan.geobox().crs
    );
    println!("method     {}", plan.method().name());
    let (tiles, steps) = plan.tiles();
    println!(
        "tiles      {tiles} of each map, {}",
        match (steps, shares.combined()) {
            (Some(steps), _) => format!("{steps} maps"),
            (None, true) => "combined in memory".into(),
            (None, false) => "what granules gave kept on disk, and combined tile by tile".into(),
        }
    );
    println!(
        "memory     at most {} of {}, {} granules at a time, each decoded once",
        bytes(shares.projected),
        bytes(shares.limit),
        shares.in_flight()
    );
    println!("granules   {}", plan.granules());
    let (mut near, mut stored, mut decoded, mut chunks) = (0, 0, 0, 0);
    for granule in &estimate.granules {
        let cost = granule.cost;
        match &granule.near {
            None => println!("  {}  outside the area", granule.name),
            Some(lines) => {
                near += 1;
                println!(
                    "  {}  lines {}..{} of {}, {} chunks, {} to read, {} decoded",
                    granule.name,
                    lines.start,
                    lines.end,
                    granule.lines,
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
        println!("  {}  not used: {}", record.name, record.reason);
    }
    println!(
        "to read    at most {chunks} chunks of {near} granules: {}, {} decoded",
        bytes(stored),
        bytes(decoded)
    );
    Ok(())
}

/// Says which granules take no part, on standard error, or if `verbose`, what became of all.
pub fn left_out(finished: &Finished, verbose: bool) {
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
            eprintln!("{word} {}{sep}{}", record.name, record.reason);
        }
    }
}

/// Says what a run did, on standard error, and how it ends.
pub fn finished(finished: &Finished, outputs: &[PathBuf], verbose: bool) -> Outcome {
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
            eprintln!(
                "flags: {:.1} % of the valid pixels of {field} removed ({})",
                report.removed_percent(),
                taken.join(", ")
            );
        }
        if let Some(warning) = report.warning() {
            eprintln!("warning: {warning}");
        }
    }
    if finished.used == 0 {
        eprintln!("warning: no granule has a valid pixel in the area: the map is empty");
    } else if finished.is_blank() {
        eprintln!("warning: no cell has what is required of it: the map is empty");
    }
    if verbose {
        let read = finished.read;
        let geometry = finished.geometry;
        eprintln!(
            "read: {} in {} requests, {} decoded",
            bytes(read.bytes_read),
            read.reads,
            bytes(read.bytes_decoded)
        );
        eprintln!(
            "pixels: {} near the area, of these {} without position, {} folded, {} without place in the projection",
            geometry.selected, geometry.missing, geometry.folded, geometry.untransformed
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
    eprintln!(
        "{} of {} granules used{}",
        finished.used,
        records.len(),
        if others.is_empty() {
            String::new()
        } else {
            format!(" ({})", others.join(", "))
        }
    );
    for output in outputs {
        eprintln!("wrote {}", output.display());
    }
    if finished.failed > 0 {
        Outcome::SomeSkipped
    } else {
        Outcome::Done
    }
}
