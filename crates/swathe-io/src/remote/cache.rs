//! Ranges of remote files on disk, for the next run.
//!
//! ```text
//! <folder>/<hash of the address>/about.json      length, tag, when it was read
//!                                <start>-<end>   bytes of a range, and their CRC-32
//! ```
//!
//! Files appear by renaming and are never changed, so that several processes may use one folder; whoever
//! finds that one is gone reads from the server. The least recently used addresses are removed first.

use super::file::Version;
use libdeflater::crc32;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// What an address had is asked for again after this time.
const TRUSTED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Bytes that are written between two looks at the size of the folder.
const BETWEEN_LOOKS: u64 = 128 << 20;

#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    limit: u64,
    written: AtomicU64,
    count: AtomicU64,
}

/// What is kept of one address.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct About {
    version: Version,
}

impl Cache {
    pub fn new(folder: PathBuf, limit: u64) -> Cache {
        Cache {
            folder,
            limit,
            // The first write looks.
            written: AtomicU64::new(BETWEEN_LOOKS),
            count: AtomicU64::new(0),
        }
    }

    /// What is kept of an address (without its query).
    pub fn of(&self, address: &str) -> Kept {
        let hash = Sha256::digest(address.as_bytes());
        let name: String = hash[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Kept {
            folder: self.folder.join(name),
        }
    }

    /// Keeps a range. What cannot be kept is not: the cache is no place for errors.
    pub fn put(&self, kept: &Kept, version: &Version, range: &Range<u64>, bytes: &[u8]) {
        if self.write(kept, version, range, bytes).is_ok() {
            let length = bytes.len() as u64;
            let before = self.written.fetch_add(length, Ordering::Relaxed);
            if before + length >= BETWEEN_LOOKS {
                self.written.store(0, Ordering::Relaxed);
                self.shrink();
            }
        }
    }

    fn write(
        &self,
        kept: &Kept,
        version: &Version,
        range: &Range<u64>,
        bytes: &[u8],
    ) -> std::io::Result<()> {
        private_folder(&kept.folder)?;
        let about = kept.folder.join("about.json");
        if kept.version().as_ref() != Some(version) {
            let text = serde_json::to_vec(&About {
                version: version.clone(),
            })?;
            self.place(&about, &[&text])?;
        }
        let sum = crc32(bytes).to_le_bytes();
        self.place(&kept.path(range), &[bytes, &sum])
    }

    /// Writes a file beside its place and moves it there.
    fn place(&self, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = std::fs::File::create(&temporary)
            .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part)));
        let placed = written.and_then(|()| std::fs::rename(&temporary, path));
        if placed.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        placed
    }

    /// Removes the least recently used addresses until three quarters of the limit are left, if it is passed.
    fn shrink(&self) {
        let Ok(folders) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut all: Vec<(SystemTime, u64, PathBuf)> = folders
            .flatten()
            .map(|folder| {
                let path = folder.path();
                let files = std::fs::read_dir(&path).into_iter().flatten().flatten();
                let size = files
                    .filter_map(|f| f.metadata().ok())
                    .map(|m| m.len())
                    .sum();
                let used = std::fs::metadata(path.join("about.used")).and_then(|m| m.modified());
                let made = || folder.metadata().and_then(|m| m.modified());
                (
                    used.or_else(|_| made()).unwrap_or(SystemTime::UNIX_EPOCH),
                    size,
                    path,
                )
            })
            .collect();
        let mut total: u64 = all.iter().map(|(_, size, _)| size).sum();
        if total <= self.limit {
            return;
        }
        all.sort();
        for (_, size, path) in all {
            if total <= self.limit / 4 * 3 {
                return;
            }
            if std::fs::remove_dir_all(path).is_ok() {
                total -= size;
            }
        }
    }
}

impl Kept {
    /// The version that is kept, if it is not too old to be trusted.
    pub fn trusted(&self) -> Option<Version> {
        let about = self.folder.join("about.json");
        let age = about
            .metadata()
            .ok()?
            .modified()
            .ok()?
            .elapsed()
            .unwrap_or_default();
        let version = (age < TRUSTED).then(|| self.version()).flatten()?;
        // Only its time counts.
        let _ = std::fs::write(self.folder.join("about.used"), b"");
        Some(version)
    }

    fn version(&self) -> Option<Version> {
        let text = std::fs::read(self.folder.join("about.json")).ok()?;
        let about: About = serde_json::from_slice(&text).ok()?;
        Some(about.version)
    }

    /// The bytes of a range, if one that holds it is kept whole.
    pub fn get(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        let held = self
            .ranges()
            .into_iter()
            .find(|held| held.start <= range.start && range.end <= held.end)?;
        let mut bytes = std::fs::read(self.path(&held)).ok()?;
        let sum = bytes.split_off(bytes.len().checked_sub(4)?);
        let whole = bytes.len() as u64 == held.end - held.start;
        if !whole || crc32(&bytes).to_le_bytes() != sum[..] {
            let _ = std::fs::remove_file(self.path(&held));
            return None;
        }
        let from = (range.start - held.start) as usize;
        bytes.truncate((range.end - held.start) as usize);
        Some(bytes.split_off(from))
    }

    /// Forgets all ranges: the file has changed.
    pub fn clear(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn ranges(&self) -> Vec<Range<u64>> {
        let files = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        names
            .filter_map(|name| {
                let (start, end) = name.split_once('-')?;
                Some(start.parse().ok()?..end.parse().ok()?)
            })
            .collect()
    }

    fn path(&self, range: &Range<u64>) -> PathBuf {
        self.folder.join(format!("{}-{}", range.start, range.end))
    }
}

/// A folder for the user alone: what is kept may not be for all.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(length: u64) -> Version {
        Version {
            length,
            tag: Some("\"a\"".into()),
        }
    }

    #[test]
    fn ranges_come_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("c"), 1 << 20);
        let kept = cache.of("https://a.org/x.nc");
        assert_eq!(kept.trusted(), None);
        assert_eq!(kept.get(&(0..1)), None);
        cache.put(&kept, &version(100), &(10..20), b"0123456789");
        assert_eq!(kept.trusted(), Some(version(100)));
        assert_eq!(kept.get(&(10..20)).unwrap(), b"0123456789");
        assert_eq!(kept.get(&(12..15)).unwrap(), b"234");
        assert_eq!(kept.get(&(12..21)), None);
        assert_eq!(cache.of("https://a.org/y.nc").get(&(12..15)), None);
        let path = kept.path(&(10..20));
        std::fs::write(&path, b"9123456789abcd").unwrap();
        assert_eq!(kept.get(&(12..15)), None);
        assert!(!path.exists());
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned(), 2500);
        for i in 0..3 {
            let kept = cache.of(&format!("https://a.org/{i}"));
            cache.put(&kept, &version(1000), &(0..1000), &[i; 1000]);
            let hours = SystemTime::now() - Duration::from_secs(3600 * u64::from(9 - i));
            std::fs::write(kept.folder.join("about.used"), b"").unwrap();
            let used = std::fs::File::options()
                .write(true)
                .open(kept.folder.join("about.used"));
            used.unwrap().set_modified(hours).unwrap();
        }
        cache.shrink();
        let left = [0, 1, 2].map(|i| {
            cache
                .of(&format!("https://a.org/{i}"))
                .get(&(0..1000))
                .is_some()
        });
        assert_eq!(left, [false, false, true]);
    }
}
