//! Swaths on the bins of the integerized sinusoidal grid.

use super::{Contribution, GeometryReport, Given, Gives, Giving, Selected, WEIGHT_ONE};
use crate::isin::{Bins, Isin};
use std::ops::Range;

/// `bin`: every valid pixel whose centre is in the bin. What works out some lines.
pub(super) fn by_centres<'a>(
    swath: &'a Selected<'_>,
    target: &'a Isin,
    bins: &'a Bins,
) -> impl Fn(Range<usize>, &mut Giving<'_>, &mut Vec<Contribution>) -> GeometryReport + Sync + 'a {
    move |lines, giving, contributions| {
        let mut report = GeometryReport::default();
        let mut given = Given::new(giving, lines.clone(), swath.geolocation.pixels);
        for line in lines {
            for column in swath.columns(line) {
                let (lon, lat) = swath.coordinates(line, column);
                report.selected += 1;
                if !crate::swath::located(lon, lat) {
                    report.missing += 1;
                    continue;
                }
                if given.of(line, column..column + 1) == Some(&[Gives::Nothing]) {
                    continue;
                }
                if target.area().is_some_and(|area| !area.contains(lon, lat)) {
                    continue;
                }
                let (row, column_of_bin) = bins.holding(lon, lat);
                contributions.push(Contribution {
                    cell: bins.cell(row, column_of_bin),
                    pixel: swath.pixel(line, column),
                    weight: WEIGHT_ONE,
                });
                given.ask();
            }
        }
        report
    }
}
