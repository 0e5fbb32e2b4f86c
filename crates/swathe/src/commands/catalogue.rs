//! Options that look for granules in the catalogue, and what is done with what they find.

use crate::failure::{Failure, Result};
use crate::messages;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use swathe_io::earthdata::period::Period;
use swathe_io::earthdata::query::{Query, polygons_of_geojson};
use swathe_io::earthdata::record::FoundGranule;
use swathe_io::earthdata::search::Found;
use swathe_io::remote::{Access, Session, Settings, configure, session};

/// Which granules of a collection, and how they are reached.
#[derive(Args)]
#[command(next_help_heading = "Search")]
pub struct Catalogue {
    /// Collection in NASA's catalogue, as PACE_OCI_L2_BGC
    #[arg(short, long, value_name = "NAME")]
    collection: Option<String>,
    /// When: 2024-08-01/2024-08-07, 2024-08; ends included
    #[arg(short, long, value_name = "TIME", requires = "collection")]
    time: Option<Period>,
    /// Version of the collection
    #[arg(long, value_name = "VERSION", requires = "collection")]
    version: Option<String>,
    /// Data centre, as OB_CLOUD
    #[arg(long, value_name = "NAME", requires = "collection")]
    provider: Option<String>,
    /// Granules over a point
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true, value_parser = two, requires = "collection")]
    point: Option<(f64, f64)>,
    /// Granules that touch the polygons of a GeoJSON file
    #[arg(long, value_name = "FILE", requires = "collection")]
    polygon: Option<PathBuf>,
    /// Per cent of clouds, least and most, or most
    #[arg(long, value_name = "[LO,]HI", value_parser = cloud_cover, requires = "collection")]
    cloud_cover: Option<(f64, f64)>,
    /// Time of day
    #[arg(long, value_enum, value_name = "WHICH", requires = "collection")]
    day_night: Option<DayNight>,
    /// Pattern of file names, with * and ?
    #[arg(long, value_name = "PATTERN", requires = "collection")]
    name: Option<String>,
    /// At most so many granules, the earliest
    #[arg(long, value_name = "N", requires = "collection")]
    limit: Option<usize>,
    #[command(flatten)]
    pub reach: Reach,
}

/// How files far away are reached.
#[derive(Args)]
#[command(next_help_heading = "Files far away")]
pub struct Reach {
    /// Links to read: s3 works inside AWS region us-west-2. Default: s3 where it works, else https
    #[arg(long, value_enum, value_name = "WAY")]
    access: Option<AccessName>,
    /// Keep nothing of what is read for the next run
    #[arg(long)]
    no_cache: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AccessName {
    /// S3 where it works, else https
    Auto,
    /// S3
    S3,
    /// https
    Https,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DayNight {
    Day,
    Night,
    Unspecified,
}

/// Reads longitude and latitude.
fn two(text: &str) -> std::result::Result<(f64, f64), String> {
    let numbers = text.split_once([',', ' ']);
    numbers
        .and_then(|(a, b)| a.trim().parse().ok().zip(b.trim().parse().ok()))
        .ok_or_else(|| "expected two numbers, as in -76.5,38.9".to_owned())
}

/// Reads per cents of clouds.
fn cloud_cover(text: &str) -> std::result::Result<(f64, f64), String> {
    let range = match text.split_once(',') {
        Some(_) => two(text).ok(),
        None => text.trim().parse().ok().map(|most| (0.0, most)),
    };
    range
        .filter(|(low, high)| 0.0 <= *low && low <= high && *high <= 100.0)
        .ok_or_else(|| "expected per cents, as in 50 or 10,50".to_owned())
}

impl Reach {
    /// From now on files are reached as these options say.
    pub fn apply(&self) -> Result<()> {
        if self.no_cache {
            let mut settings = Settings::from_environment()?;
            settings.cache = None;
            configure(settings);
        }
        Ok(())
    }

    /// The session that these options ask for.
    pub fn session(&self) -> Result<Arc<Session>> {
        self.apply()?;
        Ok(session()?)
    }

    fn access(&self) -> Access {
        match self.access {
            None | Some(AccessName::Auto) => Access::Auto,
            Some(AccessName::S3) => Access::S3,
            Some(AccessName::Https) => Access::Https,
        }
    }
}

impl Catalogue {
    /// A search option that was given.
    fn unasked(&self) -> Option<&'static str> {
        let given = [
            (self.time.is_some(), "-t"),
            (self.version.is_some(), "--version"),
            (self.provider.is_some(), "--provider"),
            (self.point.is_some(), "--point"),
            (self.polygon.is_some(), "--polygon"),
            (self.cloud_cover.is_some(), "--cloud-cover"),
            (self.day_night.is_some(), "--day-night"),
            (self.name.is_some(), "--name"),
            (self.limit.is_some(), "--limit"),
        ];
        given
            .into_iter()
            .find_map(|(given, name)| given.then_some(name))
    }

    /// What is looked for in a box; `None` if nothing is.
    pub fn query(&self, bbox: Option<(f64, f64, f64, f64)>) -> Result<Option<Query>> {
        let Some(collection) = &self.collection else {
            // Where granules are named the parser does not ask for -c.
            return match self.unasked() {
                Some(option) => Err(Failure::usage(format!(
                    "{option} looks in the catalogue, and needs a collection"
                ))
                .with_hint("give -c in place of granules, as in -c PACE_OCI_L2_BGC")),
                None => Ok(None),
            };
        };
        let polygons = match &self.polygon {
            Some(path) => {
                let named =
                    |e: &dyn std::fmt::Display| Failure::usage(format!("{}: {e}", path.display()));
                let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
                polygons_of_geojson(&text).map_err(|e| named(&e))?
            }
            None => Vec::new(),
        };
        let query = Query {
            collection: collection.clone(),
            version: self.version.clone(),
            provider: self.provider.clone(),
            period: self.time,
            bbox,
            point: self.point,
            polygons,
            cloud_cover: self.cloud_cover,
            day_night: self.day_night.map(|which| {
                match which {
                    DayNight::Day => "day",
                    DayNight::Night => "night",
                    DayNight::Unspecified => "unspecified",
                }
                .to_owned()
            }),
            name: self.name.clone(),
            limit: self.limit,
        };
        query.check().map_err(Failure::usage)?;
        Ok(Some(query))
    }

    /// Asks the catalogue; nothing found is a failure.
    pub fn find(&self, session: &Session, query: &Query) -> Result<Found> {
        let found = session.search(query)?;
        if found.granules.is_empty() {
            return Err(
                Failure::nothing(format!("no granule of {} was found", query.collection))
                    .with_hint("a wider box or time, or no filter, may find some"),
            );
        }
        if let Some(((gone, kept), others)) = found.superseded.split_first() {
            let others = match others.len() {
                0 => String::new(),
                n => format!(" (and {n} more like it)"),
            };
            messages::note(&format!("{gone} gives way to {kept}{others}"));
        }
        Ok(found)
    }

    /// The links that are read, of what was found.
    pub fn links(&self, session: &Arc<Session>, granules: &[FoundGranule]) -> Result<Vec<String>> {
        let by_s3 = match self.reach.access() {
            Access::S3 => true,
            Access::Https => false,
            Access::Auto => direct(session, granules),
        };
        let link = |granule: &FoundGranule| {
            let link = match by_s3 {
                true => granule.s3.clone(),
                false => granule.https.clone().or_else(|| granule.s3.clone()),
            };
            let way = if by_s3 { "s3" } else { "https" };
            link.ok_or_else(|| Failure::error(format!("{}: it has no {way} link", granule.name)))
        };
        granules.iter().map(link).collect()
    }
}

/// Whether the granules can be read from S3 directly: tried once, where that is likely.
fn direct(session: &Arc<Session>, granules: &[FoundGranule]) -> bool {
    let region = |name: &str| std::env::var(name).is_ok_and(|region| region == "us-west-2");
    let inside = region("AWS_REGION") || region("AWS_DEFAULT_REGION");
    let links: Option<Vec<&str>> = granules
        .iter()
        .map(|granule| granule.s3.as_deref())
        .collect();
    let Some(first) = links
        .filter(|_| inside)
        .and_then(|links| links.first().copied())
    else {
        return false;
    };
    match session.reaches(first) {
        Ok(()) => {
            messages::note("granules are read from S3 directly");
            true
        }
        Err(error) => {
            messages::note(&format!("https is used, for S3 cannot be read: {error}"));
            false
        }
    }
}
