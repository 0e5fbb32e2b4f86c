//! A remote file as a source of bytes: pieces that are here, on their way, or still to be asked for.

use super::cache::Kept;
use super::fault::{Cure, Fault};
use super::file::{RemoteFile, Version};
use super::{Session, parse};
use crate::bytes::ByteSource;
use crate::error::Result;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that are read at once when a file is opened: in files of netCDF-C the structure of a granule, the
/// indexes of its chunks and what it has of every line lie in its first 120 kB.
const HEAD: u64 = 128 << 10;
/// Ranges with fewer bytes in between are read as one: a request costs as much as this takes at 2 MB/s.
const GAP: u64 = 32 << 10;
/// Longer ranges are read in pieces, side by side.
const PIECE: u64 = 4 << 20;
/// Longer pieces that nobody asked for ahead are not kept.
const KEPT: usize = 1 << 20;

/// A file at a server, open.
pub struct RemoteSource {
    shared: Arc<Shared>,
}

struct Shared {
    session: Arc<Session>,
    file: RemoteFile,
    version: Version,
    kept: Option<Kept>,
    pieces: Mutex<BTreeMap<u64, Piece>>,
    arrived: Condvar,
}

/// A piece, by its first byte.
struct Piece {
    end: u64,
    content: Content,
}

enum Content {
    Coming,
    Here(Arc<Vec<u8>>),
    Failed(Fault),
}

/// Opens the file at an address.
pub(super) fn open(session: &Arc<Session>, address: &str) -> Result<Arc<dyn ByteSource>> {
    let url = parse(address)?;
    let name = super::policy::shown(&url);
    let file = RemoteFile::new(session, url).map_err(|fault| fault.of(&name))?;
    let kept = session.cache.as_ref().map(|cache| cache.of(&name));
    let trusted = kept.as_ref().and_then(Kept::trusted);
    if let (Some(kept), Some(version)) = (&kept, trusted) {
        if let Some(whole) = kept.get(&(0..version.length)) {
            return Ok(Arc::new(crate::bytes::MemorySource::new(name, whole)));
        }
        if let Some(head) = kept.get(&(0..HEAD.min(version.length))) {
            return Ok(Arc::new(RemoteSource::new(
                session,
                file,
                version,
                Some(head),
            )));
        }
    }
    match file.read(0..HEAD, None) {
        Ok(received) => {
            let source = RemoteSource::new(session, file, received.version, None);
            let shared = &source.shared;
            if let (Some(kept), Some(cache)) = (&shared.kept, &session.cache) {
                // It may be another file than the one that ranges are kept of.
                kept.clear();
                let range = 0..received.bytes.len() as u64;
                cache.put(kept, &shared.version, &range, &received.bytes);
            }
            shared.put(0, Content::Here(Arc::new(received.bytes)));
            Ok(Arc::new(source))
        }
        Err(fault) if fault.cure == Cure::Whole => whole(session, &file, kept),
        Err(fault) => Err(fault.of(&name)),
    }
}

/// Longest file that is held whole in memory.
const WHOLE: usize = 512 << 20;

/// A file whose server knows no ranges: read whole.
fn whole(
    session: &Arc<Session>,
    file: &RemoteFile,
    kept: Option<Kept>,
) -> Result<Arc<dyn ByteSource>> {
    let name = file.name().to_owned();
    let read = session.persist(|| {
        let mut bytes = Vec::new();
        let version = file.read_whole(|piece| {
            match bytes.len() + piece.len() <= WHOLE {
                true => bytes.extend_from_slice(piece),
                false => {
                    return Err(io::Error::other(
                        "its server knows no ranges, and it is too long to be read whole: download it",
                    ));
                }
            }
            Ok(())
        })?;
        Ok((version, bytes))
    });
    let (version, bytes) = read.map_err(|fault| fault.of(&name))?;
    if let (Some(kept), Some(cache)) = (kept, &session.cache) {
        kept.clear();
        cache.put(&kept, &version, &(0..version.length), &bytes);
    }
    Ok(Arc::new(crate::bytes::MemorySource::new(name, bytes)))
}

impl RemoteSource {
    fn new(
        session: &Arc<Session>,
        file: RemoteFile,
        version: Version,
        head: Option<Vec<u8>>,
    ) -> RemoteSource {
        let kept = session.cache.as_ref().map(|cache| cache.of(file.name()));
        let shared = Shared {
            session: session.clone(),
            file,
            version,
            kept,
            pieces: Mutex::default(),
            arrived: Condvar::new(),
        };
        if let Some(head) = head {
            shared.put(0, Content::Here(Arc::new(head)));
        }
        RemoteSource {
            shared: Arc::new(shared),
        }
    }
}

impl std::fmt::Debug for RemoteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteSource")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl ByteSource for RemoteSource {
    fn name(&self) -> &str {
        self.shared.file.name()
    }

    fn len(&self) -> u64 {
        self.shared.version.length
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            let rest = &mut buffer[filled..];
            filled += self.shared.read_some(at, rest).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn prepare(&self, ranges: &[Range<u64>]) {
        for range in merged(ranges, self.len()) {
            for gap in self.shared.claim(range) {
                let shared = self.shared.clone();
                let start = gap.start;
                let task = move || shared.fetch(gap);
                // Without a thread it is read when it is needed.
                if std::thread::Builder::new().spawn(task).is_err() {
                    self.shared.forget(start);
                }
            }
        }
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn release(&self) {
        // The head stays: it is what opening the file again would read.
        self.shared
            .lock()
            .retain(|start, piece| *start == 0 || matches!(piece.content, Content::Coming));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Piece>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the beginning of a buffer from the piece at `at`; how much.
    fn read_some(&self, at: u64, buffer: &mut [u8]) -> std::result::Result<usize, Fault> {
        let mut pieces = self.lock();
        loop {
            let before = pieces.range(..=at).next_back();
            match before.filter(|(_, piece)| piece.end > at) {
                Some((start, piece)) => match &piece.content {
                    Content::Here(bytes) => {
                        let from = &bytes[(at - start) as usize..];
                        let count = from.len().min(buffer.len());
                        buffer[..count].copy_from_slice(&from[..count]);
                        return Ok(count);
                    }
                    Content::Coming => {
                        pieces = self
                            .arrived
                            .wait(pieces)
                            .unwrap_or_else(PoisonError::into_inner);
                    }
                    Content::Failed(fault) => {
                        let (start, fault) = (*start, fault.clone());
                        // Whoever comes next may try again.
                        pieces.remove(&start);
                        return Err(fault);
                    }
                },
                None => {
                    let next = pieces
                        .range(at..)
                        .next()
                        .map_or(u64::MAX, |(start, _)| *start);
                    let end = next.min(at + buffer.len() as u64);
                    let piece = Piece {
                        end,
                        content: Content::Coming,
                    };
                    pieces.insert(at, piece);
                    drop(pieces);
                    self.fetch(at..end);
                    let read = self.read_some(at, buffer);
                    if end - at > KEPT as u64 {
                        self.forget(at);
                    }
                    return read;
                }
            }
        }
    }

    /// Marks what is missing of a range as coming, in pieces that are to be fetched.
    fn claim(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut pieces = self.lock();
        let mut gaps = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let covering = pieces.range(..=at).next_back().map(|(_, piece)| piece.end);
            if let Some(end) = covering.filter(|end| *end > at) {
                at = end;
                continue;
            }
            let next = pieces
                .range(at..)
                .next()
                .map_or(u64::MAX, |(start, _)| *start);
            let gap_end = next.min(range.end);
            // Pieces of about the same length.
            let count = (gap_end - at).div_ceil(PIECE);
            let end = at + (gap_end - at).div_ceil(count);
            pieces.insert(
                at,
                Piece {
                    end,
                    content: Content::Coming,
                },
            );
            gaps.push(at..end);
            at = end;
        }
        gaps
    }

    /// Gets the bytes of a piece that is marked as coming.
    fn fetch(&self, range: Range<u64>) {
        let start = range.start;
        let content = match self.bytes(range) {
            Ok(bytes) => Content::Here(Arc::new(bytes)),
            Err(fault) => Content::Failed(fault),
        };
        self.put(start, content);
    }

    fn bytes(&self, range: Range<u64>) -> std::result::Result<Vec<u8>, Fault> {
        if let Some(bytes) = self.kept.as_ref().and_then(|kept| kept.get(&range)) {
            return Ok(bytes);
        }
        let received = self.file.read(range.clone(), Some(&self.version))?;
        if received.bytes.len() as u64 != range.end - range.start {
            return Err(Fault::new(Cure::None, "the file ends before its end"));
        }
        if let (Some(kept), Some(cache)) = (&self.kept, &self.session.cache) {
            cache.put(kept, &self.version, &range, &received.bytes);
        }
        Ok(received.bytes)
    }

    fn put(&self, start: u64, content: Content) {
        let mut pieces = self.lock();
        match (&content, pieces.get_mut(&start)) {
            (_, Some(piece)) => piece.content = content,
            (Content::Here(bytes), None) => {
                let end = start + bytes.len() as u64;
                pieces.insert(start, Piece { end, content });
            }
            (_, None) => {}
        }
        drop(pieces);
        self.arrived.notify_all();
    }

    fn forget(&self, start: u64) {
        self.lock().remove(&start);
        self.arrived.notify_all();
    }
}

/// Ranges in order, those that are near joined.
fn merged(ranges: &[Range<u64>], length: u64) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges
        .iter()
        .filter(|range| range.start < range.end && range.end <= length)
        .cloned()
        .collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end + GAP => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_merged() {
        let near = GAP;
        let ranges = [
            100..200,
            0..50,
            200 + near..300 + near,
            500 + 2 * near..501 + 2 * near,
            7..7,
        ];
        let expected = vec![0..300 + near, 500 + 2 * near..501 + 2 * near];
        assert_eq!(merged(&ranges, 1 << 20), expected);
        // What a damaged index says lies beyond the end is not asked for.
        assert_eq!(merged(&[0..10, 5..u64::MAX], 100), vec![0..10]);
    }
}
