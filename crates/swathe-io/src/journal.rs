//! The journal of a run: what every granule gave, kept as it comes, so that a run that was stopped goes
//! on where it was, and results larger than memory are swept up piece by piece.
//!
//! ```text
//! "SWATHE run 1\n"  length: u32  crc: u32  what the run is
//! records:  length: u64  crc: u32  granule: u32  outcome: u32  pieces: u32
//!           outcome bytes   (unit: u32  length: u32) for each piece   piece bytes
//! ```
//!
//! Numbers are little-endian; the content is postcard's. A record is of use once it is whole: what a
//! stopped process left unfinished at the end is cut off. A unit is what is combined at a time: a tile of a
//! field. Where the pieces are is held in memory, 24 bytes for each. The file is locked while a run
//! writes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use libdeflater::crc32;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

mod pieces;

pub use pieces::Pieces;

const MAGIC: &[u8; 13] = b"SWATHE run 1\n";
/// Bytes in front of a record: length, check sum, and four numbers' first three.
const FRONT: usize = 8 + 4 + 12;
/// Bytes of a record that are in memory at a time when its check sum is made again.
const BUFFER: usize = 1 << 20;
/// What a run is, and what came of a granule, take no more.
const MOST_HEADER: u64 = 256 << 20;

/// Where the piece that a granule gave to a unit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// The unit.
    pub unit: u32,
    /// The granule.
    pub granule: u32,
    offset: u64,
    length: u32,
}

impl Piece {
    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.length.into()
    }
}

/// A piece, or what came of a granule, from its bytes.
fn read_piece<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|_| Error::Format {
        path: "journal".into(),
        reason: "a piece of it is damaged".into(),
    })
}

/// A run's journal, open and locked.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    records: Vec<Record>,
    pieces: Vec<Piece>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
struct Record {
    granule: u32,
    /// Of what follows the front.
    start: u64,
    outcome: u32,
}

impl Journal {
    /// Begins a journal; what was there is lost.
    ///
    /// # Errors
    /// When it cannot be written, or another run holds it.
    pub fn create<H: Serialize>(path: &Path, run: &H) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = locked(file.open(path), path)?;
        let failed = |source| io(path, source);
        file.set_len(0).map_err(failed)?;
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            end: 0,
            records: Vec::new(),
            pieces: Vec::new(),
        };
        let header = postcard::to_stdvec(run).map_err(|e| Error::Product {
            reason: format!("the run cannot be kept: {e}"),
        })?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(crc32(&header).to_le_bytes());
        bytes.extend(header);
        journal.put(&bytes)?;
        Ok(journal)
    }

    /// Opens the journal of a run that was stopped; `None` where there is none, or none of use.
    ///
    /// # Errors
    /// When it cannot be read, or another run holds it.
    pub fn open<H: DeserializeOwned>(path: &Path) -> Result<Option<(H, Journal)>> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        if matches!(&opened, Err(e) if e.kind() == ErrorKind::NotFound) {
            return Ok(None);
        }
        let file = locked(opened, path)?;
        let failed = |source| io(path, source);
        let length = file.metadata().map_err(failed)?.len();
        let mut reader = BufReader::with_capacity(BUFFER, file.try_clone().map_err(failed)?);
        let mut front = [0; MAGIC.len() + 8];
        let whole = reader.read_exact(&mut front);
        let size = u64::from(number(&front[MAGIC.len()..]));
        if whole.is_err() || !front.starts_with(MAGIC) || size > MOST_HEADER.min(length) {
            return Ok(None);
        }
        let mut header = vec![0; size as usize];
        if reader.read_exact(&mut header).is_err()
            || crc32(&header) != number(&front[MAGIC.len() + 4..])
        {
            return Ok(None);
        }
        let Ok(run) = postcard::from_bytes(&header) else {
            return Ok(None);
        };
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            end: front.len() as u64 + size,
            records: Vec::new(),
            pieces: Vec::new(),
        };
        while let Some(record) = next_record(&mut reader, journal.end, length) {
            journal.note(record.granule, record.start, record.outcome, &record.table);
            journal.end = record.end;
        }
        journal.file.set_len(journal.end).map_err(failed)?;
        Ok(Some((run, journal)))
    }

    /// Keeps what came of a granule, and its pieces.
    ///
    /// # Errors
    /// When it cannot be written. What was kept before stays of use.
    pub fn append<O: Serialize>(
        &mut self,
        granule: u32,
        outcome: &O,
        pieces: &Pieces,
    ) -> Result<()> {
        let outcome = postcard::to_stdvec(outcome).map_err(|e| Error::Product {
            reason: format!("what came of a granule cannot be kept: {e}"),
        })?;
        let (count, length) = (pieces.table.len() as u32, outcome.len() as u32);
        let mut front = Vec::with_capacity(FRONT + outcome.len() + 8 * pieces.table.len());
        front.resize(12, 0);
        for number in [granule, length, count] {
            front.extend(number.to_le_bytes());
        }
        front.extend(&outcome);
        for (unit, length) in &pieces.table {
            front.extend(unit.to_le_bytes());
            front.extend(length.to_le_bytes());
        }
        let size = (front.len() - 12) as u64 + pieces.bytes();
        let mut check = libdeflater::Crc::new();
        check.update(&front[12..]);
        pieces.read(&mut |bytes| {
            check.update(bytes);
            Ok(())
        })?;
        front[..8].copy_from_slice(&size.to_le_bytes());
        front[8..12].copy_from_slice(&check.sum().to_le_bytes());
        let (start, before) = (self.end + FRONT as u64, self.end);
        let written = self.put(&front);
        let written = written.and_then(|()| pieces.read(&mut |bytes| self.put(bytes)));
        if written.is_err() {
            // What is there of it would be cut off when the journal is opened again.
            self.end = before;
            written?;
        }
        self.note(granule, start, length, &pieces.table);
        Ok(())
    }

    fn note(&mut self, granule: u32, start: u64, outcome: u32, table: &[(u32, u32)]) {
        self.records.push(Record {
            granule,
            start,
            outcome,
        });
        let mut offset = start + u64::from(outcome) + 8 * table.len() as u64;
        for &(unit, length) in table {
            self.pieces.push(Piece {
                unit,
                granule,
                offset,
                length,
            });
            offset += u64::from(length);
        }
    }

    /// All pieces, by unit and granule.
    pub fn sorted(&mut self) -> &[Piece] {
        self.pieces.sort_unstable();
        &self.pieces
    }

    /// Gives the granules of the pieces other numbers, until the journal is opened again.
    pub fn renumber(&mut self, numbers: &[u32]) {
        for piece in &mut self.pieces {
            if let Some(number) = numbers.get(piece.granule as usize) {
                piece.granule = *number;
            }
        }
    }

    /// Number of granules that have been kept.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.end
    }

    /// The granule of a record, and what came of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn outcome<O: DeserializeOwned>(&self, record: usize) -> Result<(u32, O)> {
        let Some(record) = self.records.get(record) else {
            return Err(self.damaged());
        };
        let mut bytes = vec![0; record.outcome as usize];
        self.read(record.start, &mut bytes)?;
        Ok((record.granule, read_piece(&bytes)?))
    }

    /// All pieces, in the order in which they came, or by unit and granule once [sorted](Journal::sorted).
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// A piece.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn piece<T: DeserializeOwned>(&self, piece: &Piece) -> Result<T> {
        if piece.offset + u64::from(piece.length) > self.end {
            return Err(self.damaged());
        }
        let mut bytes = vec![0; piece.length as usize];
        self.read(piece.offset, &mut bytes)?;
        read_piece(&bytes)
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Removes the journal: its run is complete.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(|source| io(&self.path, source))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all_at(bytes, self.end)
            .map_err(|source| io(&self.path, source))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, start: u64, bytes: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(bytes, start)
            .map_err(|source| io(&self.path, source))
    }

    fn damaged(&self) -> Error {
        Error::Format {
            path: self.path.display().to_string(),
            reason: "it is damaged".into(),
        }
    }
}

/// A record that is whole.
struct Whole {
    granule: u32,
    /// Of what follows the front.
    start: u64,
    end: u64,
    outcome: u32,
    table: Vec<(u32, u32)>,
}

/// The record that starts at `start`, if it is whole.
fn next_record(reader: &mut impl Read, start: u64, length: u64) -> Option<Whole> {
    let mut front = [0; FRONT];
    reader.read_exact(&mut front).ok()?;
    let mut size = [0; 8];
    size.copy_from_slice(&front[..8]);
    let size = u64::from_le_bytes(size);
    let end = start.checked_add(12)?.checked_add(size)?;
    let [granule, outcome, pieces] = [12, 16, 20].map(|at| number(&front[at..]));
    let head = u64::from(outcome) + 8 * u64::from(pieces);
    let rest = size.checked_sub(12)?.checked_sub(head)?;
    if end > length {
        return None;
    }
    let mut check = libdeflater::Crc::new();
    check.update(&front[12..]);
    // Both fit in the file, as was seen.
    let mut head = vec![0; head as usize];
    reader.read_exact(&mut head).ok()?;
    check.update(&head);
    let table: Vec<(u32, u32)> = head[outcome as usize..]
        .chunks_exact(8)
        .map(|entry| (number(entry), number(&entry[4..])))
        .collect();
    let mut left = rest;
    let mut buffer = vec![0; BUFFER.min(left as usize)];
    while left > 0 {
        let part = &mut buffer[..(BUFFER as u64).min(left) as usize];
        reader.read_exact(part).ok()?;
        check.update(part);
        left -= part.len() as u64;
    }
    let fits = table
        .iter()
        .map(|(_, length)| u64::from(*length))
        .sum::<u64>()
        == rest;
    (fits && check.sum() == number(&front[8..])).then_some(Whole {
        granule,
        start: start + FRONT as u64,
        end,
        outcome,
        table,
    })
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Whether a run is writing this journal.
pub fn is_being_written(path: &Path) -> bool {
    let opened = File::open(path);
    opened.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn locked(opened: std::io::Result<File>, path: &Path) -> Result<File> {
    let file = opened.map_err(|source| io(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Request {
            path: path.display().to_string(),
            reason: "another run is writing to this output: wait for it, or choose another name"
                .into(),
        }),
        Err(TryLockError::Error(source)) => Err(io(path, source)),
    }
}

fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(of: &[(u32, &str)]) -> Pieces {
        let mut pieces = Pieces::default();
        for (unit, text) in of {
            pieces.push(*unit, text).unwrap();
        }
        pieces
    }

    fn written(path: &Path) -> Journal {
        let mut journal = Journal::create(path, &("a run", 7u8)).unwrap();
        let first = pieces(&[(1, "one"), (4, "four"), (9, "nine")]);
        journal.append(2, &"used", &first).unwrap();
        journal.append(0, &"empty", &Pieces::default()).unwrap();
        journal.append(1, &"used", &pieces(&[(4, "IV")])).unwrap();
        journal
    }

    fn check(journal: &Journal, count: usize) {
        let outcomes: Vec<(u32, String)> =
            (0..count).map(|i| journal.outcome(i).unwrap()).collect();
        let expected = [(2, "used"), (0, "empty"), (1, "used")].map(|(g, t)| (g, t.to_owned()));
        assert_eq!(outcomes, expected[..count]);
        let texts: Vec<(u32, u32, String)> = journal
            .pieces()
            .iter()
            .map(|p| (p.unit, p.granule, journal.piece(p).unwrap()))
            .collect();
        let all = [(1, 2, "one"), (4, 2, "four"), (9, 2, "nine"), (4, 1, "IV")];
        let expected = all.map(|(u, g, t)| (u, g, t.to_owned()));
        assert_eq!(texts, expected[..[0, 3, 3, 4][count]]);
    }

    #[test]
    fn what_was_kept_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Journal::open::<(String, u8)>(&path).unwrap().is_none());
        check(&written(&path), 3);
        let (run, mut journal) = Journal::open::<(String, u8)>(&path).unwrap().unwrap();
        assert_eq!(run, ("a run".to_owned(), 7));
        check(&journal, 3);
        journal.append(5, &"more", &pieces(&[(0, "zero")])).unwrap();
        assert_eq!(journal.outcome::<String>(3).unwrap().0, 5);
        let sorted: Vec<(u32, u32)> = journal
            .sorted()
            .iter()
            .map(|p| (p.unit, p.granule))
            .collect();
        assert_eq!(sorted, [(0, 5), (1, 2), (4, 1), (4, 2), (9, 2)]);
    }

    #[test]
    fn one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let first = written(&path);
        for error in [
            Journal::create(&path, &0).unwrap_err(),
            Journal::open::<u8>(&path).unwrap_err(),
        ] {
            assert!(error.to_string().contains("another run"), "{error}");
        }
        check(&first, 3);
        drop(first);
        assert!(Journal::open::<(String, u8)>(&path).unwrap().is_some());
    }

    #[test]
    fn cut_anywhere_it_holds_the_whole_records_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(written(&path));
        let bytes = std::fs::read(&path).unwrap();
        let mut seen = [0; 4];
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            match Journal::open::<(String, u8)>(&path).unwrap() {
                Some((_, mut journal)) => {
                    let count = journal.len();
                    assert!(count < 3);
                    check(&journal, count);
                    seen[count] += 1;
                    // It goes on from there.
                    journal.append(8, &"after", &Pieces::default()).unwrap();
                    drop(journal);
                    let (_, journal) = Journal::open::<(String, u8)>(&path).unwrap().unwrap();
                    assert_eq!(journal.len(), count + 1);
                }
                None => seen[3] += 1,
            }
        }
        assert!(seen.iter().all(|n| *n > 10), "{seen:?}");
    }

    #[test]
    fn a_changed_byte_ends_what_is_of_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(written(&path));
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            std::fs::write(&path, &changed).unwrap();
            if let Some((_, journal)) = Journal::open::<(String, u8)>(&path).unwrap() {
                assert!(journal.len() < 3, "byte {at}");
                check(&journal, journal.len());
            }
        }
    }
}
