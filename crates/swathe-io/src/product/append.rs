//! A cube on time that grows: layers added to a Zarr store.
//!
//! New chunks are written first, beyond what the store says it has; then chunks of coordinates and lists that
//! had room left, in place, with what they held before; metadata last. The cube is what the group's metadata
//! says, and that is replaced in one step. So a reader sees the cube with the new layers or without them, an
//! append that was interrupted has left nothing, and doing it again writes the same bytes.

mod merge;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use self::merge::{
    FLAG, FLAG_PIXELS, SUMMED, add_flags, differs, find, merge_attributes, merged_shares, text,
};
use super::layout::{Data, FileLayout, VariableLayout, layout, time_of_stored};
use super::zarr::{GROWING, describe, write_variable};
use super::{Product, Times};
use crate::dataset::Array;
use crate::error::{Error, Result};
use crate::zarr::{ArrayDescription, StoreDescription, ZarrStore, ZarrWriter, as_stored};

/// Most names in a message.
const NAMED: usize = 5;

/// A cube on time in a Zarr store, open for adding layers. It is locked for as long as it is open.
#[derive(Debug)]
pub struct StoredCube {
    path: PathBuf,
    store: ZarrStore,
    #[expect(dead_code, reason = "held for its lock")]
    lock: File,
}

/// Whether layers are new to a cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// None of their granules is in it.
    New,
    /// All of their granules are in it.
    AllThere,
}

impl StoredCube {
    /// Opens a cube, and makes sure that it can be written to. Nothing is changed.
    ///
    /// # Errors
    /// What [`ZarrStore::open`] says; a store that is no cube on time; one that another run is adding to;
    /// a folder that cannot be written to.
    pub fn open(path: &Path) -> Result<StoredCube> {
        let failed = |source| Error::Io {
            path: path.display().to_string(),
            source,
        };
        if !fs::metadata(path).map_err(failed)?.is_dir() {
            return Err(request(path, "it is a file, not a Zarr store".into()));
        }
        let store = ZarrStore::open(path)?;
        if !store
            .arrays()
            .any(|a| a.name == "time" && a.dims == ["time"])
        {
            let reason = "it is one map, not a cube on time: nothing can be appended".into();
            return Err(request(path, reason));
        }
        let lock = File::open(path).map_err(failed)?;
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(request(path, "another run is appending to it".into()));
        }
        // The only sure way to know.
        let probe = path.join(".append.part");
        fs::write(&probe, [])
            .and_then(|()| fs::remove_file(&probe))
            .map_err(failed)?;
        Ok(StoredCube {
            path: path.to_owned(),
            store,
            lock,
        })
    }

    /// Checks granules, by name and start in seconds since 1970 UTC, against those in the cube.
    ///
    /// # Errors
    /// [`Error::Request`] with the names of granules of which others, but not all, are in the cube, and of
    /// those that are not later than its last layer.
    pub fn check_granules(&self, granules: &[(&str, f64)]) -> Result<Novelty> {
        let there = match self.array("granule_name") {
            Some(_) => self.texts("granule_name")?,
            None => Vec::new(),
        };
        let known: Vec<&str> = granules
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| there.iter().any(|t| t == name))
            .collect();
        if !known.is_empty() && known.len() == granules.len() {
            return Ok(Novelty::AllThere);
        }
        if !known.is_empty() {
            return Err(request(
                &self.path,
                format!("it has already {}", list(&known)),
            ));
        }
        let times = self.numbers("time")?;
        let times: Vec<f64> = times.into_iter().map(time_of_stored).collect();
        if times.iter().any(|time| time.is_nan()) {
            return Err(request(
                &self.path,
                "the times of its layers are not all known".into(),
            ));
        }
        let last = times.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let early: Vec<&str> = granules
            .iter()
            .filter(|(_, start)| start.is_nan() || *start <= last)
            .map(|(name, _)| *name)
            .collect();
        if !early.is_empty() {
            let end = super::layout::iso_time(last).unwrap_or_default();
            return Err(request(
                &self.path,
                format!(
                    "its last layer is of {end}; layers can only be appended in order of time, and not later \
                     are {}",
                    list(&early)
                ),
            ));
        }
        Ok(Novelty::New)
    }

    /// Adds the layers of a product behind those of the cube.
    ///
    /// # Errors
    /// As [`StoredCube::check_granules`]; [`Error::Request`] that names the difference for another grid,
    /// other variables, or attributes that do not fit; [`Error::Product`] when layers are not in memory; the
    /// system's refusals. The cube is then as it was.
    pub fn append(&self, product: &Product) -> Result<Novelty> {
        product.check_in_memory()?;
        let Times::Series(steps) = &product.times else {
            return Err(request(
                &self.path,
                "one map without a time cannot be appended".into(),
            ));
        };
        let names: Vec<(&str, f64)> = steps
            .iter()
            .map(|step| (step.granule.as_deref().unwrap_or("a layer"), step.time))
            .collect();
        if let Some(pair) = names.windows(2).find(|pair| pair[1].1 < pair[0].1) {
            return Err(request(
                &self.path,
                format!("the new layers are not in order of time: {}", pair[1].0),
            ));
        }
        if self.check_granules(&names)? == Novelty::AllThere {
            return Ok(Novelty::AllThere);
        }
        let new = layout(product)?;
        let described = describe(&new)?;
        let merged = self.merge(&new, &described)?;
        let mut writer = ZarrWriter::onto(&self.path, merged)?;
        for (old, (variable, new)) in self.pairs(&new, &described) {
            let place = writer
                .description()
                .arrays
                .iter()
                .position(|a| a.name == old.name);
            let Some(i) = place else { continue };
            if !grows(old) {
                if let Some(shares) = merged_shares(&writer.description().arrays[i]) {
                    let bytes: Vec<u8> = shares.iter().flat_map(|x| x.to_le_bytes()).collect();
                    writer.write_values(i, &bytes)?;
                }
            } else if variable.chunks.is_some() {
                write_variable(&mut writer, i, variable, new, old.shape[0])?;
            } else {
                self.extend(&mut writer, i, old, variable)?;
            }
        }
        writer.finish()?;
        Ok(Novelty::New)
    }

    /// Writes a coordinate or a list, what it had and what is new.
    fn extend(
        &self,
        writer: &mut ZarrWriter,
        i: usize,
        old: &ArrayDescription,
        variable: &VariableLayout<'_>,
    ) -> Result<()> {
        match &variable.data {
            Data::Text(texts) => {
                let mut all = self.texts(&old.name)?;
                all.extend_from_slice(texts);
                writer.write_texts(i, &all)
            }
            Data::F64(values) => {
                let mut all = self.numbers(&old.name)?;
                all.extend_from_slice(values);
                let bytes: Vec<u8> = all.iter().flat_map(|x| x.to_le_bytes()).collect();
                writer.write_values(i, &bytes)
            }
            _ => Err(request(&self.path, format!("{} cannot grow", old.name))),
        }
    }

    /// Arrays of the cube with those that are to be added to them.
    fn pairs<'a>(
        &'a self,
        layout: &'a FileLayout<'_>,
        described: &'a StoreDescription,
    ) -> impl Iterator<
        Item = (
            &'a ArrayDescription,
            (&'a VariableLayout<'a>, &'a ArrayDescription),
        ),
    > {
        let new = layout.variables.iter().zip(&described.arrays);
        new.filter_map(|(variable, new)| Some((self.array(&new.name)?, (variable, new))))
    }

    fn array(&self, name: &str) -> Option<&ArrayDescription> {
        self.store.arrays().find(|array| array.name == name)
    }

    /// What the cube is to become.
    fn merge(&self, layout: &FileLayout<'_>, new: &StoreDescription) -> Result<StoreDescription> {
        let refuse = |reason: String| request(&self.path, reason);
        let missing = |name: &str| new.arrays.iter().all(|a| a.name != name);
        if let Some(array) = self.store.arrays().find(|a| missing(&a.name)) {
            return Err(refuse(format!(
                "the new layers have no variable {}",
                array.name
            )));
        }
        if let Some(array) = new.arrays.iter().find(|a| self.array(&a.name).is_none()) {
            return Err(refuse(format!("it has no variable {}", array.name)));
        }
        // The grid first: all else differs with it.
        let mut pairs: Vec<_> = self.pairs(layout, new).collect();
        pairs.sort_by_key(|(old, _)| grows(old));
        for (old, (variable, new)) in pairs {
            self.check_array(old, new, variable)?;
        }
        let flags = self.flags_in(layout)?;
        let mut merged = StoreDescription {
            attributes: merge_attributes(self.store.attributes(), &as_stored(&new.attributes))
                .map_err(refuse)?,
            arrays: self.store.arrays().cloned().collect(),
        };
        for array in &mut merged.arrays {
            let Some(new) = new.arrays.iter().find(|a| a.name == array.name) else {
                continue;
            };
            if grows(array) {
                array.shape[0] += new.shape[0];
            }
            add_flags(&mut array.attributes, &new.attributes, &flags);
        }
        Ok(merged)
    }

    /// Says what of an array does not fit.
    fn check_array(
        &self,
        old: &ArrayDescription,
        new: &ArrayDescription,
        variable: &VariableLayout<'_>,
    ) -> Result<()> {
        let refuse = |reason: String| Err(request(&self.path, reason));
        let name = &new.name;
        let fixed = usize::from(grows(new));
        if old.dims != new.dims || old.shape.get(fixed..) != new.shape.get(fixed..) {
            return refuse(format!(
                "{name} has the shape {:?} of {:?} in it, and {:?} of {:?} in the new layers",
                old.shape, old.dims, new.shape, new.dims
            ));
        }
        if (&old.dtype, &old.fill) != (&new.dtype, &new.fill) {
            return refuse(format!("{name} has another type or fill value"));
        }
        if (&old.chunks, &old.shards) != (&new.chunks, &new.shards) {
            return refuse(format!(
                "{name} has chunks of {:?} in it, not of {:?}",
                old.chunks, new.chunks
            ));
        }
        let of_flags = find(&new.attributes, FLAG_PIXELS).is_some();
        let attributes = as_stored(&new.attributes);
        for (key, ours) in &attributes {
            let merged = of_flags && SUMMED.contains(&key.as_str());
            if !merged && find(&old.attributes, key) != Some(ours) {
                return refuse(differs(
                    &format!("{key} of {name}"),
                    find(&old.attributes, key),
                    ours,
                ));
            }
        }
        if let Some((key, value)) = old
            .attributes
            .iter()
            .find(|(k, _)| find(&attributes, k).is_none())
        {
            return refuse(format!(
                "{key} of {name} is {} in it, and missing in the new layers",
                text(value)
            ));
        }
        if fixed == 1 || of_flags || name == FLAG {
            return Ok(());
        }
        let whole: Vec<_> = old.shape.iter().map(|&len| 0..len).collect();
        let same = match (self.store.read(name, &whole)?, &variable.data) {
            (Array::F32(a), Data::F32(b)) => a == **b,
            (Array::F64(a), Data::F64(b)) => a == **b,
            (Array::I32(a), Data::I32(b)) => a == **b,
            (Array::Text(a), Data::Text(b)) => a == *b,
            _ => false,
        };
        match same {
            true => Ok(()),
            false => refuse(format!(
                "{name} has other values in it than in the new layers"
            )),
        }
    }

    /// Where the new layers have the flags of the cube: those that took most come first, in each.
    fn flags_in(&self, layout: &FileLayout<'_>) -> Result<Vec<usize>> {
        let variable = layout.variables.iter().find(|v| v.name == FLAG);
        let Some(Data::Text(new)) = variable.map(|v| &v.data) else {
            return Ok(Vec::new());
        };
        let old = self.texts(FLAG)?;
        let places = old.iter().map(|name| new.iter().position(|n| n == name));
        let places: Option<Vec<usize>> = places.collect();
        places
            .filter(|places| places.len() == new.len())
            .ok_or_else(|| {
                let reason = format!(
                    "its flags are {}, those of the new layers {}",
                    old.join(","),
                    new.join(",")
                );
                request(&self.path, reason)
            })
    }

    fn texts(&self, name: &str) -> Result<Vec<String>> {
        match self.whole(name)? {
            Array::Text(texts) => Ok(texts),
            _ => Err(request(&self.path, format!("{name} is no list of texts"))),
        }
    }

    fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        match self.whole(name)? {
            Array::F64(values) => Ok(values),
            _ => Err(request(
                &self.path,
                format!("{name} is not in double precision"),
            )),
        }
    }

    fn whole(&self, name: &str) -> Result<Array> {
        let shape = self.array(name).map(|a| a.shape.clone());
        let whole: Vec<_> = shape
            .unwrap_or_default()
            .iter()
            .map(|&len| 0..len)
            .collect();
        self.store.read(name, &whole)
    }
}

/// Whether an array grows with the cube.
fn grows(array: &ArrayDescription) -> bool {
    array
        .dims
        .first()
        .is_some_and(|dim| GROWING.contains(&dim.as_str()))
}

fn list(names: &[&str]) -> String {
    let shown = names
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn request(path: &Path, reason: String) -> Error {
    Error::Request {
        path: path.display().to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests;
