//! Whether a job fits in memory, before it begins.

use super::plan::Plan;
use super::{JobError, Purpose};
use swathe_core::reduce::Statistic;

impl Plan {
    /// At least so many bytes are needed for the layers of the result and their writing.
    pub fn memory_needed(&self) -> u64 {
        let cells = self.tiling.cells() as u64;
        let (maps, layers) = match self.purpose {
            // Count and granules are written beside what was asked for.
            Purpose::Average => (1, self.job.statistics.len() as u64 + 2),
            Purpose::Cube => (self.granules.len() as u64, 1),
        };
        let value = self
            .fields
            .iter()
            .map(|field| if field.double { 8 } else { 4 })
            .sum::<u64>();
        // One layer is in double precision while it is finished.
        let finishing = cells * 8;
        let sums = self.job.statistics.contains(&Statistic::Sum);
        let wide = if sums {
            cells * 4 * self.fields.len() as u64
        } else {
            0
        };
        cells * maps * layers * value + finishing + wide
    }

    /// Refuses a job that cannot fit.
    ///
    /// # Errors
    /// [`JobError::Plan`] with what is needed and what there is.
    pub(super) fn check_memory(&self) -> Result<(), JobError> {
        let needed = self.memory_needed();
        match available() {
            Some(available) if needed > available => Err(JobError::Plan {
                reason: format!(
                    "the result needs at least {:.1} GiB of memory, {:.1} GiB are available",
                    gibibytes(needed),
                    gibibytes(available)
                ),
                hint: Some("take a smaller area or a coarser resolution".into()),
            }),
            _ => Ok(()),
        }
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}

/// Memory that the system can give without swapping, within the limit set for the process; `None`
/// where it does not say.
fn available() -> Option<u64> {
    let system = std::fs::read_to_string("/proc/meminfo").ok();
    let system = system.as_deref().and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    });
    let limits = std::fs::read_to_string("/proc/self/limits").ok();
    let limit = limits.as_deref().and_then(|text| {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("Max address space"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    [system, limit].into_iter().flatten().min()
}
