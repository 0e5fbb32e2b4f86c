//! The TIFF file: header, directories, their values, tiles. Little-endian; BigTIFF beyond 4 GiB.

use std::io::{self, Write};

/// Value of a tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Shorts(Vec<u16>),
    Longs(Vec<u32>),
    Doubles(Vec<f64>),
    Text(String),
    /// Offsets and sizes: 32 bits, or 64 in BigTIFF.
    Sizes(Vec<u64>),
}

/// One image: its tags, without those that say where its tiles are, and the tiles.
#[derive(Debug)]
pub(super) struct Directory {
    pub tags: Vec<(u16, Value)>,
    pub tiles: Vec<Vec<u8>>,
}

const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

/// Writes a file: all directories first, the full image's at the head; then tiles, those of the
/// smallest image first, as cloud-optimized files have them.
pub(super) fn write(directories: &[Directory], writer: &mut dyn Write) -> io::Result<()> {
    let data: u64 = directories
        .iter()
        .flat_map(|d| &d.tiles)
        .map(|t| t.len() as u64)
        .sum();
    let small = Form { big: false };
    let form = Form {
        big: small.head(directories) + data > u32::MAX.into(),
    };
    let mut offset = form.head(directories);
    let mut offsets: Vec<Vec<u64>> = Vec::with_capacity(directories.len());
    for directory in directories.iter().rev() {
        let mut of_tiles = Vec::with_capacity(directory.tiles.len());
        for tile in &directory.tiles {
            of_tiles.push(offset);
            offset += tile.len() as u64;
        }
        offsets.push(of_tiles);
    }
    offsets.reverse();

    let mut head = form.header();
    for (i, (directory, offsets)) in directories.iter().zip(offsets).enumerate() {
        let last = i + 1 == directories.len();
        form.directory(directory, offsets, last, &mut head);
    }
    writer.write_all(&head)?;
    for tile in directories.iter().rev().flat_map(|d| &d.tiles) {
        writer.write_all(tile)?;
    }
    Ok(())
}

/// Classic TIFF or BigTIFF.
#[derive(Clone, Copy)]
struct Form {
    big: bool,
}

impl Form {
    fn header(self) -> Vec<u8> {
        if self.big {
            [&b"II\x2B\0\x08\0\0\0"[..], &16u64.to_le_bytes()].concat()
        } else {
            [&b"II\x2A\0"[..], &8u32.to_le_bytes()].concat()
        }
    }

    /// Bytes before the first tile: the same whatever the offsets are.
    fn head(self, directories: &[Directory]) -> u64 {
        let mut head = self.header();
        for directory in directories {
            self.directory(directory, vec![0; directory.tiles.len()], true, &mut head);
        }
        head.len() as u64
    }

    /// Appends a directory with its values behind it.
    fn directory(self, directory: &Directory, offsets: Vec<u64>, last: bool, head: &mut Vec<u8>) {
        let sizes = directory.tiles.iter().map(|t| t.len() as u64).collect();
        let mut tags: Vec<(u16, Vec<u8>, u16, u64)> = directory
            .tags
            .iter()
            .chain(&[
                (TILE_OFFSETS, Value::Sizes(offsets)),
                (TILE_BYTE_COUNTS, Value::Sizes(sizes)),
            ])
            .map(|(tag, value)| {
                let (kind, count, bytes) = self.bytes(value);
                (*tag, bytes, kind, count)
            })
            .collect();
        tags.sort_by_key(|tag| tag.0);

        let inline = if self.big { 8 } else { 4 };
        let entry = if self.big { 20 } else { 12 };
        let ends = if self.big { 8 + 8 } else { 2 + 4 };
        let mut place = head.len() + ends + entry * tags.len();
        let mut values = Vec::new();
        if self.big {
            head.extend((tags.len() as u64).to_le_bytes());
        } else {
            head.extend((tags.len() as u16).to_le_bytes());
        }
        for (tag, mut bytes, kind, count) in tags {
            head.extend(tag.to_le_bytes());
            head.extend(kind.to_le_bytes());
            self.size(count, head);
            if bytes.len() <= inline {
                bytes.resize(inline, 0);
                head.extend(bytes);
            } else {
                self.size(place as u64, head);
                // Values start at even offsets.
                bytes.resize(bytes.len().next_multiple_of(2), 0);
                place += bytes.len();
                values.extend(bytes);
            }
        }
        self.size(if last { 0 } else { place as u64 }, head);
        head.extend(values);
    }

    /// Type, count and bytes of a value.
    fn bytes(self, value: &Value) -> (u16, u64, Vec<u8>) {
        match value {
            Value::Text(text) => {
                let bytes: Vec<u8> = text.bytes().chain([0]).collect();
                (2, bytes.len() as u64, bytes)
            }
            Value::Shorts(v) => {
                let bytes = v.iter().flat_map(|n| n.to_le_bytes()).collect();
                (3, v.len() as u64, bytes)
            }
            Value::Longs(v) => {
                let bytes = v.iter().flat_map(|n| n.to_le_bytes()).collect();
                (4, v.len() as u64, bytes)
            }
            Value::Doubles(v) => {
                let bytes = v.iter().flat_map(|n| n.to_le_bytes()).collect();
                (12, v.len() as u64, bytes)
            }
            Value::Sizes(v) => {
                let mut bytes = Vec::new();
                v.iter().for_each(|&n| self.size(n, &mut bytes));
                (if self.big { 16 } else { 4 }, v.len() as u64, bytes)
            }
        }
    }

    fn size(self, size: u64, out: &mut Vec<u8>) {
        if self.big {
            out.extend(size.to_le_bytes());
        } else {
            // A file that does not fit is a BigTIFF.
            out.extend((size as u32).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layout of both forms by hand, after TIFF 6.0 section 2 and the BigTIFF specification.
    #[test]
    fn entries_stand_where_they_must() {
        let directory = Directory {
            tags: vec![
                (300, Value::Text("ab".into())),
                (256, Value::Doubles(vec![1.0, 2.0])),
            ],
            tiles: vec![vec![7; 3]],
        };
        let mut classic = Form { big: false }.header();
        Form { big: false }.directory(&directory, vec![99], true, &mut classic);
        assert_eq!(classic[8..10], [4, 0]);
        assert_eq!(classic[10..22], [0, 1, 12, 0, 2, 0, 0, 0, 62, 0, 0, 0]);
        assert_eq!(classic[22..34], [44, 1, 2, 0, 3, 0, 0, 0, b'a', b'b', 0, 0]);
        assert_eq!(classic[34..46], [68, 1, 4, 0, 1, 0, 0, 0, 99, 0, 0, 0]);
        assert_eq!(classic[58..62], [0; 4]);
        assert_eq!(classic[62..70], 1f64.to_le_bytes());
        let mut big = Form { big: true }.header();
        Form { big: true }.directory(&directory, vec![99], true, &mut big);
        assert_eq!(big[16..24], 4u64.to_le_bytes());
        assert_eq!(big[24..36], [0, 1, 12, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(big[36..44], 112u64.to_le_bytes());
        assert_eq!(big[64..68], [68, 1, 16, 0]);
        assert_eq!(big.len(), 128);
    }
}
