//! From words to the granules they mean.

use super::JobError;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use swathe_io::remote;
use swathe_io::zarr::ZarrStore;

/// Files in a folder that are taken for granules, by suffix.
const SUFFIXES: [&str; 6] = ["nc", "nc4", "h5", "hdf5", "he5", "cdf"];

/// The granules that words mean: a file, a folder (the netCDF and HDF5 files in it), a pattern
/// (`*.nc`), an https or s3 address, `@list.txt` (a name on every line), `-` (names on standard input).
///
/// # Errors
/// A list or a folder that cannot be read; a pattern that matches nothing.
pub fn expand(words: &[String]) -> Result<Vec<PathBuf>, JobError> {
    let mut paths = Vec::new();
    for word in words {
        expand_word(word, &mut paths, true)?;
    }
    Ok(paths)
}

/// The granules that a path means as it is, whatever characters it has: itself, or those in a folder.
///
/// # Errors
/// A folder that cannot be read, or holds none.
pub fn within(path: &Path) -> Result<Vec<PathBuf>, JobError> {
    let mut paths = Vec::new();
    // A Zarr store is a folder, but one file to its user.
    match path.is_dir() && !ZarrStore::is_store(path) {
        true => from_folder(path, &mut paths)?,
        false => paths.push(path.to_owned()),
    }
    Ok(paths)
}

fn expand_word(word: &str, paths: &mut Vec<PathBuf>, lists: bool) -> Result<(), JobError> {
    if remote::address(Path::new(word)).is_some() {
        paths.push(PathBuf::from(word));
        return Ok(());
    }
    if word.contains("://") {
        let shown = word.split(['?', '#']).next().unwrap_or_default();
        return Err(JobError::granule(
            shown,
            "only https and s3 addresses can be read",
        ));
    }
    if lists && word == "-" {
        return from_list(std::io::stdin().lock(), "standard input", paths);
    }
    if lists && let Some(list) = word.strip_prefix('@') {
        let file = std::fs::File::open(list).map_err(|e| JobError::granule(list, e))?;
        return from_list(std::io::BufReader::new(file), list, paths);
    }
    let path = Path::new(word);
    // A file may have brackets in its name: what exists is no pattern.
    if !path.exists() && word.contains(['*', '?', '[']) {
        let found = paths.len();
        let pattern = glob::glob(word).map_err(|e| JobError::plan(format!("{word}: {e}")))?;
        for path in pattern {
            paths.push(path.map_err(|e| JobError::granule(word, e))?);
        }
        if paths.len() == found {
            return Err(JobError::Nothing {
                reason: format!("no file matches {word}"),
            });
        }
        return Ok(());
    }
    paths.extend(within(path)?);
    Ok(())
}

/// Longest list of names, bytes.
const LONGEST_LIST: u64 = 64 << 20;

fn from_list(
    list: impl std::io::BufRead,
    name: &str,
    paths: &mut Vec<PathBuf>,
) -> Result<(), JobError> {
    let mut list = list.take(LONGEST_LIST + 1);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = list.read_until(b'\n', &mut line);
        if read.map_err(|e| JobError::granule(name, e))? == 0 {
            return Ok(());
        }
        if list.limit() == 0 {
            let longest = LONGEST_LIST >> 20;
            return Err(JobError::granule(
                name,
                format!("no list of names: it is longer than {longest} MiB"),
            ));
        }
        let line = std::str::from_utf8(&line).map_err(|_| {
            JobError::granule(
                name,
                "no list of names, one a line: it is not text in UTF-8",
            )
        })?;
        let word = line.trim();
        if !(word.is_empty() || word.starts_with('#')) {
            expand_word(word, paths, false)?;
        }
    }
}

fn from_folder(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), JobError> {
    let failed = |e: std::io::Error| JobError::granule(&folder.display().to_string(), e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let suffix = path.extension().map(|s| s.to_string_lossy().to_lowercase());
        if suffix.is_some_and(|s| SUFFIXES.contains(&s.as_str())) && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        let known = SUFFIXES.map(|s| format!(".{s}")).join(" ");
        return Err(JobError::Nothing {
            reason: format!(
                "{}: the folder holds no granule ({known})",
                folder.display()
            ),
        });
    }
    found.sort();
    paths.extend(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.nc", "a.nc", "c.txt", "x[1].nc"] {
            std::fs::write(at(name), "").unwrap();
        }
        let list = format!("# week\n\n{}\n", at("b.nc").display());
        std::fs::write(at("list.txt"), list).unwrap();
        let of = |word: String| expand(&[word]).ok();
        let text = |name: &str| at(name).display().to_string();
        let all = Some(vec![at("a.nc"), at("b.nc"), at("x[1].nc")]);
        assert_eq!(of(folder.path().display().to_string()), all);
        assert_eq!(of(text("[ab].nc")), Some(vec![at("a.nc"), at("b.nc")]));
        assert_eq!(of(text("x[1].nc")), Some(vec![at("x[1].nc")]));
        assert_eq!(of(format!("@{}", text("list.txt"))), Some(vec![at("b.nc")]));
        assert_eq!(of(text("*.tif")), None);
        std::fs::write(at("binary.txt"), [0xff, 0xfe, b'\n']).unwrap();
        let refused = expand(&[format!("@{}", text("binary.txt"))]).unwrap_err();
        assert!(refused.to_string().contains("UTF-8"), "{refused}");
        let endless = std::io::BufReader::new(std::io::repeat(b'a'));
        let refused = from_list(endless, "endless", &mut Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("64 MiB"), "{refused}");
        let address = "https://example.org/a.nc?b=*";
        assert_eq!(of(address.into()), Some(vec![PathBuf::from(address)]));
        let refused = expand(&["ftp://example.org/a.nc?secret".into()]).unwrap_err();
        assert!(!refused.to_string().contains("secret"));
        // A file that is not there is for the reader to refuse.
        assert_eq!(of(text("none.nc")), Some(vec![at("none.nc")]));
    }
}
