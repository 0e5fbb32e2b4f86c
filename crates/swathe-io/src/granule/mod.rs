//! Granules: one interface over the layouts that swath files have.
//!
//! ```text
//! Dataset --Layout::find--> latitude, longitude, lines x pixels --fit--> swath variables
//!                                                          `--> quality flags, line extents, time, identity
//! ```
//!
//! A [`Granule`] knows all that without reading arrays; every read is for a range of lines.

pub(crate) mod attributes;
mod bands;
mod control_points;
pub(crate) mod decode;
mod extent;
mod flags;
mod identity;
mod info;
pub(crate) mod layout;
mod observed;
mod select;
mod source;
pub(crate) mod time;
mod values;
mod variables;

use std::ops::Range;
use std::path::Path;

use swathe_core::mask::FlagTable;
use swathe_core::source::{Field, Values};

pub use bands::Bands;
pub use extent::Extent;
pub use flags::FlagKind;
pub use identity::Identity;
pub use info::{
    BandInfo, DatasetInfo, Description, FlagInfo, GranuleInfo, ListedVariable, VariableInfo,
    describe,
};
pub use select::{ChosenBand, MainProduct, Selected};
pub use time::{Milliseconds, TimeRange, time_text};
pub use variables::SwathVariable;

use crate::dataset::{Dataset, ReadCounters, StorageChunk, Variable};
use crate::error::{Error, Result};
use decode::Decoder;
use layout::{Catalogue, Layout};

/// One Level-2 granule: an open file whose swath is known.
#[derive(Debug)]
pub struct Granule {
    dataset: Dataset,
    layout: Layout,
    /// Zero-based columns of the control points, where geolocation has only those.
    columns: Vec<f64>,
    variables: Vec<SwathVariable>,
    refused: Vec<(String, String)>,
    /// Path and bits of the quality-flag variable.
    flags: Option<(String, FlagTable)>,
    identity: Identity,
    time: TimeRange,
    warnings: Vec<String>,
}

/// What a set of reads would fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadCost {
    /// Storage chunks, each counted once.
    pub chunks: usize,
    /// Bytes to fetch.
    pub stored_bytes: u64,
    /// Bytes after decoding.
    pub decoded_bytes: u64,
}

/// More pixels than any instrument has in a granule: beyond it a shape is a damaged or hostile file.
const MOST_PIXELS_A_LINE: usize = 1 << 20;
const MOST_PIXELS: usize = 1 << 31;

impl Granule {
    /// Opens a granule in a local file.
    ///
    /// # Errors
    /// What [`Dataset::open`] says; [`Error::NotASwath`], in one sentence, if the file holds no swath.
    pub fn open(path: &Path) -> Result<Granule> {
        Granule::from_dataset(Dataset::open(path)?)
    }

    /// The granule in an open dataset.
    ///
    /// # Errors
    /// [`Error::NotASwath`] if it holds no swath; [`Error::Format`] if its geolocation contradicts itself.
    pub fn from_dataset(dataset: Dataset) -> Result<Granule> {
        Granule::try_from_dataset(dataset).map_err(|(_, error)| error)
    }

    /// [`Granule::from_dataset`] that gives the dataset back where it is no swath.
    #[expect(clippy::result_large_err, reason = "once a file")]
    fn try_from_dataset(dataset: Dataset) -> std::result::Result<Granule, (Dataset, Error)> {
        let place = dataset.name().to_owned();
        let catalogue = Catalogue::new(dataset.root());
        let layout =
            match Layout::find(&catalogue, &place).and_then(|layout| plausible(layout, &place)) {
                Ok(layout) => layout,
                Err(error) => {
                    drop(catalogue);
                    return Err((dataset, error));
                }
            };
        let (variables, refused) = variables::on_swath(&catalogue, &layout);
        let columns = match layout.control_points {
            Some(points) => control_points::columns(
                control_columns(&dataset, &catalogue).as_deref(),
                points,
                layout.pixels,
            ),
            None => Vec::new(),
        };
        let (time, warnings) = observation_time(&dataset, &catalogue);
        let identity = Identity::new(dataset.root(), &place);
        drop(catalogue);
        if let Err(error) = dataset.check_reads() {
            return Err((dataset, error));
        }
        Ok(Granule {
            flags: quality_flags(&variables),
            dataset,
            layout,
            columns,
            variables,
            refused,
            identity,
            time,
            warnings,
        })
    }

    /// The file.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The variables on the swath, in file order.
    pub fn variables(&self) -> &[SwathVariable] {
        &self.variables
    }

    /// Paths of variables that should lie on the swath but do not fit it, with the reason.
    pub fn refused(&self) -> &[(String, String)] {
        &self.refused
    }

    /// Product, instrument, suite, version.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When it was observed.
    pub fn time(&self) -> TimeRange {
        self.time
    }

    /// When the file was made, as it says itself.
    pub fn created(&self) -> Option<Milliseconds> {
        time::created(&self.dataset.root().attributes)
    }

    /// What was odd about the file, in sentences: times that cannot be read, and so on.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The named bits of the quality-flag variable that [`SwathSource::flags`] reads, if there is one.
    ///
    /// [`SwathSource::flags`]: swathe_core::source::SwathSource::flags
    pub fn flag_table(&self) -> Option<&FlagTable> {
        self.flags.as_ref().map(|(_, table)| table)
    }

    /// Path of that variable.
    pub fn flag_path(&self) -> Option<&str> {
        self.flags.as_ref().map(|(path, _)| path.as_str())
    }

    /// Paths of latitude and longitude.
    pub fn geolocation_paths(&self) -> (&str, &str) {
        (&self.layout.latitude.path, &self.layout.longitude.path)
    }

    /// The coordinate of a variable's band dimension: wavelengths and the like. `None` if the variable has
    /// no or several band dimensions, or the file says nothing of it.
    ///
    /// # Errors
    /// When the coordinate cannot be read.
    pub fn bands(&self, variable: &SwathVariable) -> Result<Option<Bands>> {
        bands::bands_of(
            &self.dataset,
            &Catalogue::new(self.dataset.root()),
            variable,
        )
    }

    /// What reading fields, their geolocation and, if asked for, the flags of a range of lines would fetch.
    ///
    /// # Errors
    /// When a field does not exist or the chunk index is damaged.
    pub fn read_cost(
        &self,
        fields: &[Field],
        with_flags: bool,
        lines: Range<usize>,
    ) -> Result<ReadCost> {
        let chunks = self.chunks_of(fields, with_flags, lines)?;
        Ok(ReadCost {
            chunks: chunks.len(),
            stored_bytes: chunks.iter().map(|chunk| chunk.stored_bytes).sum(),
            decoded_bytes: chunks.iter().map(|chunk| chunk.decoded_bytes).sum(),
        })
    }

    /// The bytes that reading them would fetch, chunk by chunk in the order of the file.
    ///
    /// # Errors
    /// As [`Granule::read_cost`].
    pub fn stored_ranges(
        &self,
        fields: &[Field],
        with_flags: bool,
        lines: Range<usize>,
    ) -> Result<Vec<Range<u64>>> {
        let chunks = self.chunks_of(fields, with_flags, lines)?;
        let range = |c: &StorageChunk| c.offset..c.offset.saturating_add(c.stored_bytes);
        Ok(chunks.iter().map(range).collect())
    }

    /// The chunks, each once, in the order of the file.
    fn chunks_of(
        &self,
        fields: &[Field],
        with_flags: bool,
        lines: Range<usize>,
    ) -> Result<Vec<StorageChunk>> {
        let mut slabs = vec![
            (
                &self.layout.latitude,
                self.geolocation_slab(&self.layout.latitude, lines.clone())?,
            ),
            (
                &self.layout.longitude,
                self.geolocation_slab(&self.layout.longitude, lines.clone())?,
            ),
        ];
        for field in fields {
            let variable = self.variable(&field.variable)?;
            slabs.push((
                &variable.variable,
                variable.slab(lines.clone(), field.band, self.dataset.name())?,
            ));
        }
        if with_flags && let Some(path) = self.flag_path() {
            let variable = self.variable(path)?;
            slabs.push((
                &variable.variable,
                variable.slab(lines, None, self.dataset.name())?,
            ));
        }
        let mut chunks = Vec::new();
        for (variable, slab) in slabs {
            chunks.extend(self.dataset.storage_chunks(variable, &slab)?);
        }
        chunks.sort_unstable_by_key(|chunk| (chunk.offset, chunk.stored_bytes));
        chunks.dedup_by_key(|chunk| (chunk.offset, chunk.stored_bytes));
        Ok(chunks)
    }

    /// What reading has cost so far.
    pub fn counters(&self) -> ReadCounters {
        self.dataset.counters()
    }

    fn is_geolocation(&self, path: &str) -> bool {
        path == self.layout.latitude.path || path == self.layout.longitude.path
    }

    /// The part of latitude or longitude that holds some lines: its last two dimensions are the swath's,
    /// those before have length one.
    fn geolocation_slab(
        &self,
        variable: &Variable,
        lines: Range<usize>,
    ) -> Result<Vec<Range<usize>>> {
        self.check_lines(&lines)?;
        let leading = variable.shape.len().saturating_sub(2);
        let mut slab: Vec<Range<usize>> = vec![0..1; leading];
        slab.push(lines);
        slab.push(0..self.layout.control_points.unwrap_or(self.layout.pixels));
        Ok(slab)
    }

    fn check_lines(&self, lines: &Range<usize>) -> Result<()> {
        if lines.start <= lines.end && lines.end <= self.layout.lines {
            return Ok(());
        }
        Err(Error::Request {
            path: self.dataset.name().to_owned(),
            reason: format!(
                "lines {}..{} were asked for, it has {}",
                lines.start, lines.end, self.layout.lines
            ),
        })
    }
}

fn plausible(layout: Layout, place: &str) -> Result<Layout> {
    let pixels = layout.lines.checked_mul(layout.pixels);
    if layout.pixels <= MOST_PIXELS_A_LINE && pixels.is_some_and(|pixels| pixels <= MOST_PIXELS) {
        return Ok(layout);
    }
    Err(Error::Format {
        path: format!("{place}: {}", layout.latitude.path),
        reason: format!(
            "{} lines of {} pixels are more than a swath has",
            layout.lines, layout.pixels
        ),
    })
}

/// A whole variable in double precision, decoded: for short ones.
pub(crate) fn read_doubles(dataset: &Dataset, variable: &Variable) -> Result<Vec<f64>> {
    let slab: Vec<Range<usize>> = variable.shape.iter().map(|&len| 0..len).collect();
    let decoder = Decoder::new(variable, dataset.name())?;
    Ok(into_doubles(
        decoder.decode(dataset.read(variable, &slab)?, None),
    ))
}

fn into_doubles(values: Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.into_iter().map(f64::from).collect(),
        Values::F64(values) => values,
    }
}

/// The one-based columns of control points, as ocean-colour files name them.
fn control_columns(dataset: &Dataset, catalogue: &Catalogue<'_>) -> Option<Vec<f64>> {
    let variable = catalogue.variables.iter().find(|v| {
        let name = layout::base_name(&v.path);
        v.shape.len() == 1
            && v.shape[0] <= MOST_PIXELS_A_LINE
            && matches!(name, "cntl_pt_cols" | "pixel_control_points")
    })?;
    read_doubles(dataset, variable).ok()
}

/// Time coverage from attributes, else from time variables, else the start from the file name.
fn observation_time(dataset: &Dataset, catalogue: &Catalogue<'_>) -> (TimeRange, Vec<String>) {
    let global = &dataset.root().attributes;
    let (mut range, mut warnings) = time::coverage(global);
    if range.start.is_none() && range.end.is_none() {
        let (header, header_warnings) = time::coverage(&identity::header_record(global));
        range = header;
        warnings.extend(header_warnings);
    }
    time::check_order(&mut range, &mut warnings);
    if range.start.is_none() || range.end.is_none() {
        if let Some((first, last, path)) = observed::from_variables(dataset, catalogue) {
            warnings.push(format!(
                "no time coverage in the attributes: taken from {path}"
            ));
            range.start.get_or_insert(first);
            range.end.get_or_insert(last);
            time::check_order(&mut range, &mut warnings);
        } else if range.start.is_none() {
            range.start = time::from_file_name(dataset.name());
            warnings.push(match range.start {
                Some(_) => "no time coverage: the start is taken from the file name".into(),
                None => "no time of observation".into(),
            });
        }
    }
    (range, warnings)
}

/// The quality flags of a granule: `l2_flags` or what other makers call it, else the first variable that
/// says so by name or standard name, else the first one with bits.
fn quality_flags(variables: &[SwathVariable]) -> Option<(String, FlagTable)> {
    const USUAL: [&str; 4] = ["l2_flags", "l2p_flags", "quality_flags", "wvc_quality_flag"];
    let with_bits: Vec<(&SwathVariable, FlagTable)> = variables
        .iter()
        .filter(|v| v.band_dims().is_empty())
        .filter_map(|v| Some((v, flags::bit_table(&v.variable)?)))
        .collect();
    let rank = |variable: &SwathVariable| {
        if let Some(i) = USUAL.iter().position(|name| variable.name == *name) {
            return i;
        }
        let standard = variable.standard_name().unwrap_or_default();
        if standard.ends_with("quality_flag")
            || variable.name.to_ascii_lowercase().contains("quality")
        {
            return USUAL.len();
        }
        USUAL.len() + 1
    };
    with_bits
        .into_iter()
        .min_by_key(|(variable, _)| rank(variable))
        .map(|(variable, table)| (variable.path().to_owned(), table))
}
