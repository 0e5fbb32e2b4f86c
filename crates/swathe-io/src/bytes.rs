//! Where bytes come from: local files, memory; files at https and S3 addresses are in [`crate::remote`].

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use swathe_core::stop;
use swathe_core::watch::{self, Task};

use crate::error::{Error, Result};

/// A readable sequence of bytes of known length, readable from many threads at once.
pub trait ByteSource: Send + Sync {
    /// Name for messages: a path or URL without secrets.
    fn name(&self) -> &str;
    /// Total length in bytes.
    fn len(&self) -> u64;
    /// Whether it holds no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when fewer bytes are there; otherwise the system's reason.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Says that these ranges will be read soon. A source far away asks for them at once, several at a
    /// time, and holds them until [`ByteSource::release`]; to others it means nothing.
    fn prepare(&self, _ranges: &[Range<u64>]) {}
    /// Says that what was prepared has been read.
    fn release(&self) {}
    /// Whether preparing makes a difference.
    fn is_remote(&self) -> bool {
        false
    }
}

/// A local file, read by position. Not memory-mapped: on a shared file system a map of a file
/// that shrinks or disappears kills the process (SIGBUS) where a read returns an error.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    name: String,
    len: u64,
}

impl FileSource {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// The path does not exist, is not readable, is not a regular file (a directory, a pipe), or
    /// is empty.
    pub fn open(path: &Path) -> Result<FileSource> {
        let name = path.display().to_string();
        let refused = |source: io::Error| Error::Io {
            path: name.clone(),
            source,
        };
        // Looked at before opening: opening a pipe would wait for its writer.
        let kind = std::fs::metadata(path).map_err(refused)?;
        if kind.is_dir() {
            return Err(refused(io::Error::new(
                io::ErrorKind::IsADirectory,
                "this is a directory, a file is needed",
            )));
        }
        if !kind.is_file() {
            return Err(refused(io::Error::other("this is not a regular file")));
        }
        let file = File::open(path).map_err(refused)?;
        let len = file.metadata().map_err(refused)?.len();
        if len == 0 {
            return Err(Error::Format {
                path: name,
                reason: "the file is empty (0 bytes)".into(),
            });
        }
        Ok(FileSource { file, name, len })
    }
}

impl ByteSource for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_file_exact_at(&self.file, offset, buffer)
    }
}

/// Bytes held in memory.
#[derive(Debug, Clone)]
pub struct MemorySource {
    name: String,
    bytes: Arc<[u8]>,
}

impl MemorySource {
    /// Takes `bytes` under a name for messages.
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> MemorySource {
        MemorySource {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let part = start
            .checked_add(buffer.len())
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

/// What reading has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadCounters {
    /// Requests made to the source.
    pub reads: u64,
    /// Bytes the source delivered, metadata included.
    pub bytes_read: u64,
    /// Bytes of elements decoded (inflated, unshuffled or copied) from them.
    pub bytes_decoded: u64,
}

/// A source that counts what is read through it.
pub(crate) struct CountedSource {
    inner: Arc<dyn ByteSource>,
    reads: AtomicU64,
    bytes_read: AtomicU64,
    bytes_decoded: AtomicU64,
    /// The first read that failed.
    failure: OnceLock<(io::ErrorKind, String)>,
}

impl CountedSource {
    pub(crate) fn new(inner: Arc<dyn ByteSource>) -> CountedSource {
        CountedSource {
            inner,
            reads: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_decoded: AtomicU64::new(0),
            failure: OnceLock::new(),
        }
    }

    /// Refuses to go on if a read has failed. Parsers take what they cannot read of a file's description for
    /// absent, which is right for what is damaged, but not for what could not be read.
    pub(crate) fn check(&self) -> Result<()> {
        match self.failure.get() {
            None => Ok(()),
            Some((kind, reason)) => Err(Error::Io {
                path: self.name().to_owned(),
                source: io::Error::new(*kind, reason.clone()),
            }),
        }
    }

    /// Counts a read of a file beside the source.
    pub(crate) fn count_read(&self, bytes: usize) {
        watch::read(bytes);
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_decoded(&self, bytes: usize) {
        self.bytes_decoded
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> ReadCounters {
        ReadCounters {
            reads: self.reads.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_decoded: self.bytes_decoded.load(Ordering::Relaxed),
        }
    }
}

impl ByteSource for CountedSource {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        stop::go_on().map_err(io::Error::other)?;
        let fetching = watch::doing(Task::Fetch);
        let read = self.inner.read_exact_at(offset, buffer);
        drop(fetching);
        match &read {
            Ok(()) => self.count_read(buffer.len()),
            Err(error) => drop(self.failure.set((error.kind(), error.to_string()))),
        }
        read
    }

    fn prepare(&self, ranges: &[Range<u64>]) {
        self.inner.prepare(ranges);
    }

    fn release(&self) {
        self.inner.release();
    }

    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }
}

#[cfg(unix)]
fn read_file_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_file_exact_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_by_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes.bin");
        std::fs::write(&path, b"0123456789").unwrap();
        let source = FileSource::open(&path).unwrap();
        assert_eq!(source.len(), 10);
        let mut buffer = [0; 3];
        source.read_exact_at(4, &mut buffer).unwrap();
        assert_eq!(&buffer, b"456");
        let past_the_end = source.read_exact_at(8, &mut buffer).unwrap_err();
        assert_eq!(past_the_end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_not_a_file_is_named_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| FileSource::open(path).unwrap_err().to_string();

        let message = text(folder.path());
        assert!(message.contains("directory"), "{message}");
        assert!(message.contains(&folder.path().display().to_string()));

        let missing = folder.path().join("missing.nc");
        let message = text(&missing);
        assert!(message.contains("missing.nc") && message.contains("No such file"));

        let empty = folder.path().join("empty.nc");
        std::fs::write(&empty, b"").unwrap();
        assert!(text(&empty).contains("empty.nc: the file is empty"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_permission_and_a_device_are_errors() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.nc");
        std::fs::write(&path, b"x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything: then there is nothing to refuse.
        if File::open(&path).is_err() {
            let message = FileSource::open(&path).unwrap_err().to_string();
            assert!(message.contains("secret.nc") && message.contains("ermission"));
        }
        let message = FileSource::open(Path::new("/dev/null"))
            .unwrap_err()
            .to_string();
        assert!(message.contains("not a regular file"), "{message}");
    }

    #[test]
    fn memory_is_a_source_with_checked_ends() {
        let source = MemorySource::new("m", &b"abc"[..]);
        let mut two = [0; 2];
        source.read_exact_at(1, &mut two).unwrap();
        assert_eq!(&two, b"bc");
        assert!(source.read_exact_at(2, &mut two).is_err());
        assert!(source.read_exact_at(u64::MAX, &mut two).is_err());
    }

    #[test]
    fn a_read_that_failed_is_remembered() {
        let counted = CountedSource::new(Arc::new(MemorySource::new("m", &b"abc"[..])));
        assert!(counted.check().is_ok());
        assert!(counted.read_exact_at(2, &mut [0; 2]).is_err());
        assert!(counted.read_exact_at(1, &mut [0; 2]).is_ok());
        assert!(counted.check().unwrap_err().to_string().starts_with("m: "));
    }

    #[test]
    fn reads_are_counted() {
        let counted = CountedSource::new(Arc::new(MemorySource::new("m", &b"abcdef"[..])));
        let mut four = [0; 4];
        counted.read_exact_at(0, &mut four).unwrap();
        counted.read_exact_at(2, &mut four).unwrap();
        counted.count_decoded(100);
        assert_eq!(
            counted.counters(),
            ReadCounters {
                reads: 2,
                bytes_read: 8,
                bytes_decoded: 100
            }
        );
    }
}
