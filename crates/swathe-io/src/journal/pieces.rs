//! The pieces of one granule, on their way to a journal.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};

/// Bytes of spilt pieces that are in memory at a time.
const BUFFER: usize = 1 << 20;

/// The pieces of one granule, as they are kept.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Unit and length of each.
    pub(super) table: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    /// Those before them, in a file without a name, and their length.
    spilt: Option<(File, u64)>,
}

impl Pieces {
    /// None, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Pieces {
            bytes: Vec::with_capacity(bytes),
            ..Pieces::default()
        }
    }

    /// Appends the piece of a unit.
    ///
    /// # Errors
    /// When a piece has 4 GiB or more.
    pub fn push<T: Serialize>(&mut self, unit: u32, piece: &T) -> Result<()> {
        let before = self.bytes.len();
        let unwritable = |reason: String| Error::Product {
            reason: format!("a piece cannot be kept: {reason}"),
        };
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(piece, bytes).map_err(|e| unwritable(e.to_string()))?;
        let length = u32::try_from(self.bytes.len() - before);
        let length = length.map_err(|_| unwritable("4 GiB or more".into()))?;
        self.table.push((unit, length));
        Ok(())
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64 + self.spilt.as_ref().map_or(0, |(_, length)| *length)
    }

    /// Bytes that are in memory.
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Moves what is in memory to a file in a folder, which is gone when the pieces are.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn spill(&mut self, folder: &Path) -> Result<()> {
        let failed = |source| super::io(folder, source);
        let (mut file, length) = match self.spilt.take() {
            Some(spilt) => spilt,
            None if folder.as_os_str().is_empty() => {
                (tempfile::tempfile_in(".").map_err(failed)?, 0)
            }
            None => (tempfile::tempfile_in(folder).map_err(failed)?, 0),
        };
        file.write_all(&self.bytes).map_err(failed)?;
        self.spilt = Some((file, length + self.bytes.len() as u64));
        self.bytes = Vec::new();
        Ok(())
    }

    /// Hands all bytes on, in order, some at a time.
    pub(super) fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some((file, length)) = &self.spilt {
            let failed = |source| super::io(Path::new("pieces of a granule"), source);
            let mut file = file;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let mut buffer = vec![0; BUFFER];
            let mut left = *length;
            while left > 0 {
                let part = &mut buffer[..left.min(BUFFER as u64) as usize];
                file.read_exact(part).map_err(failed)?;
                take(part)?;
                left -= part.len() as u64;
            }
        }
        take(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spilt_pieces_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (mut plain, mut spilling) = (Pieces::default(), Pieces::default());
        for unit in 0..40_u32 {
            let piece = vec![unit; 20_000 + unit as usize];
            plain.push(unit, &piece).unwrap();
            spilling.push(unit, &piece).unwrap();
            if unit % 7 == 3 {
                spilling.spill(folder.path()).unwrap();
                assert_eq!(spilling.held(), 0);
            }
        }
        assert_eq!(plain.bytes(), spilling.bytes());
        assert_eq!(plain.table, spilling.table);
        let all = |pieces: &Pieces| {
            let mut all = Vec::new();
            let mut take = |bytes: &[u8]| {
                all.extend_from_slice(bytes);
                Ok(())
            };
            pieces.read(&mut take).unwrap();
            all
        };
        assert_eq!(all(&plain), all(&spilling));
        // Twice, as for a check sum first.
        assert_eq!(all(&plain), all(&spilling));
        // Nothing is left behind.
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
