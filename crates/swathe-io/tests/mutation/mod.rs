//! Damaged files made from good ones, and all that a reader does with a granule: what the short test
//! (`tests/bad_input.rs`) and the long run (`examples/mutate.rs`) share.

use std::sync::Arc;

use hdf5_reader::checksum::jenkins_lookup3;
use swathe_core::source::{Field, SwathSource};
use swathe_io::bytes::MemorySource;
use swathe_io::dataset::{Dataset, Group};
use swathe_io::granule::Granule;

/// What reading may take beyond twice the decoded size: blocks of metadata, one chunk of 16 MiB, or the
/// parser's list of messages of one object header, up to 9 MiB where their number is damaged.
pub const ALLOWANCE: u64 = 20 << 20;
/// What elements that are not stored may add to a decoded size: a damaged shape may declare them.
pub const UNSTORED: u64 = 64 << 20;

/// Signatures of HDF5 structures; those that end in a checksum of their bytes are marked.
const SIGNATURES: [(&[u8; 4], bool); 21] = [
    (b"\x89HDF", true),
    (b"OHDR", true),
    (b"OCHK", true),
    (b"TREE", false),
    (b"HEAP", false),
    (b"SNOD", false),
    (b"GCOL", false),
    (b"FRHP", true),
    (b"FHDB", false),
    (b"FHIB", true),
    (b"BTHD", true),
    (b"BTLF", true),
    (b"BTIN", true),
    (b"FAHD", true),
    (b"FADB", true),
    (b"EAHD", true),
    (b"EAIB", true),
    (b"EADB", true),
    (b"EASB", true),
    (b"SMTB", true),
    (b"SMLI", true),
];
const LONGEST_CHECKED: usize = 4096;
/// Where no checksum tells the end of a structure: as much as most take.
const USUAL_LEN: usize = 512;

/// SplitMix64: small, seeded, the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// A structure of the file's format.
#[derive(Debug, Clone, Copy)]
struct Structure {
    start: usize,
    len: usize,
    /// Whether its last four bytes are a checksum of those before.
    checked: bool,
}

/// A good file, with the places of its structures.
pub struct Original {
    bytes: Vec<u8>,
    structures: Vec<Structure>,
}

impl Original {
    pub fn new(bytes: Vec<u8>) -> Original {
        let structures = structures(&bytes);
        Original { bytes, structures }
    }

    /// The first `percent` hundredths.
    pub fn truncated(&self, percent: usize) -> Vec<u8> {
        self.bytes[..self.bytes.len() * percent / 100].to_vec()
    }

    /// The damaged file of a seed, and what was done.
    pub fn mutant(&self, seed: u64) -> (Vec<u8>, String) {
        let mut random = Random::new(seed);
        let mut bytes = self.bytes.clone();
        let mut done = String::new();
        for _ in 0..1 + random.below(3) {
            let what = self.mutate(&mut bytes, &mut random);
            done += &what;
            done += "; ";
        }
        (bytes, done)
    }

    fn mutate(&self, bytes: &mut Vec<u8>, random: &mut Random) -> String {
        let len = bytes.len();
        if len < 64 {
            return "nothing left".into();
        }
        let stretch = 1 + random.below(4096.min(len / 2));
        let at = random.below(len - stretch);
        match random.below(16) {
            0 => {
                let bits = 1 + random.below(8);
                for _ in 0..bits {
                    bytes[random.below(len)] ^= 1 << random.below(8);
                }
                format!("{bits} bits flipped")
            }
            1 => {
                bytes[at] = random.next() as u8;
                format!("byte at {at}")
            }
            2 => {
                let value = if random.below(2) == 0 { 0 } else { 0xFF };
                bytes[at..at + stretch].fill(value);
                format!("{stretch} bytes at {at} filled with {value}")
            }
            3 => {
                let from = random.below(len - stretch);
                bytes.copy_within(from..from + stretch, at);
                format!("{stretch} bytes from {from} written at {at}")
            }
            4 => {
                bytes.truncate(at.max(1));
                format!("cut at {at}")
            }
            5 => {
                bytes.drain(at..at + stretch);
                format!("{stretch} bytes at {at} taken out")
            }
            6..=8 => self.flip_in_structure(bytes, random),
            9..=13 => self.set_field(bytes, random),
            _ => self.rewire(bytes, random),
        }
    }

    /// A structure that is still where it was.
    fn pick(&self, bytes: &[u8], random: &mut Random) -> Option<Structure> {
        let picked = *self.structures.get(random.below(self.structures.len()))?;
        (picked.start + picked.len <= bytes.len()).then_some(picked)
    }

    fn flip_in_structure(&self, bytes: &mut [u8], random: &mut Random) -> String {
        let Some(structure) = self.pick(bytes, random) else {
            return "no structure".into();
        };
        let at = structure.start + random.below(structure.len);
        bytes[at] ^= 1 << random.below(8);
        self.repair(bytes, at, random);
        format!("bit at {at} of the structure at {}", structure.start)
    }

    fn set_field(&self, bytes: &mut [u8], random: &mut Random) -> String {
        let Some(structure) = self.pick(bytes, random) else {
            return "no structure".into();
        };
        let at = structure.start + random.below(structure.len);
        let values = [
            0,
            1,
            2,
            3,
            0x7F,
            0x80,
            0xFF,
            0xFFFF,
            0x7FFF_FFFF,
            0xFFFF_FFFF,
            u64::MAX,
            u64::MAX >> 1,
            u64::MAX - 7,
            bytes.len() as u64,
            bytes.len() as u64 - 1,
            structure.start as u64,
            structure.start as u64 + 8,
            1 << 40,
            random.next(),
            random.next() % 64,
            self.pick(bytes, random)
                .map_or(0, |other| other.start as u64),
        ];
        let value = values[random.below(values.len())];
        let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.repair(bytes, at, random);
        format!("{width} bytes at {at} set to {value:#x}")
    }

    /// What points at one structure points at another: loops, shared objects, wrong kinds.
    fn rewire(&self, bytes: &mut [u8], random: &mut Random) -> String {
        let (Some(old), Some(new)) = (self.pick(bytes, random), self.pick(bytes, random)) else {
            return "no structure".into();
        };
        let pattern = (old.start as u64).to_le_bytes();
        let found = bytes.windows(8).position(|window| window == pattern);
        let Some(at) = found.filter(|_| old.start > 0) else {
            return "nothing to rewire".into();
        };
        bytes[at..at + 8].copy_from_slice(&(new.start as u64).to_le_bytes());
        self.repair(bytes, at, random);
        format!("pointer at {at} to {} turned to {}", old.start, new.start)
    }

    /// Makes the checksums over a changed place right again, three times in four: the damage then
    /// reaches the code behind the check.
    fn repair(&self, bytes: &mut [u8], at: usize, random: &mut Random) {
        if random.below(4) == 0 {
            return;
        }
        for structure in self.structures.iter().filter(|s| s.checked) {
            let end = structure.start + structure.len;
            if (structure.start..end).contains(&at) && end <= bytes.len() {
                let sum = jenkins_lookup3(&bytes[structure.start..end - 4]);
                bytes[end - 4..end].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }
}

fn structures(bytes: &[u8]) -> Vec<Structure> {
    let mut found = Vec::new();
    if bytes.starts_with(b"CDF") {
        let len = bytes.len().min(4096);
        return vec![Structure {
            start: 0,
            len,
            checked: false,
        }];
    }
    for start in 0..bytes.len().saturating_sub(16) {
        let head = &bytes[start..];
        if let Some((_, checked)) = SIGNATURES.iter().find(|(s, _)| head.starts_with(*s)) {
            let sealed = checked.then(|| checked_len(head)).flatten();
            found.push(Structure {
                start,
                len: sealed.unwrap_or(USUAL_LEN.min(head.len())),
                checked: sealed.is_some(),
            });
        } else if start % 8 == 0 && is_old_header(head) {
            let size = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
            found.push(Structure {
                start,
                len: (16 + size).min(head.len()),
                checked: false,
            });
        }
    }
    found
}

/// Bytes up to the end of the first checksum that fits.
fn checked_len(head: &[u8]) -> Option<usize> {
    (8..LONGEST_CHECKED.min(head.len().saturating_sub(4))).find_map(|len| {
        let stored = u32::from_le_bytes([head[len], head[len + 1], head[len + 2], head[len + 3]]);
        (stored != 0 && stored == jenkins_lookup3(&head[..len])).then_some(len + 4)
    })
}

/// A version 1 object header: version, zero, number of messages, references, size, zeros.
fn is_old_header(head: &[u8]) -> bool {
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    head[0] == 1
        && head[1] == 0
        && (1..=256).contains(&u16::from_le_bytes([head[2], head[3]]))
        && (1..=64).contains(&word(4))
        && (8..=16384).contains(&word(8))
        && word(8).is_multiple_of(8)
        && word(12) == 0
}

/// Bytes of all elements of a file, decoded; a text counts as a `String` and its allocation.
pub fn decoded_bytes(group: &Group) -> u64 {
    let own = group.variables.iter().map(|variable| {
        let size = variable.dtype.size().unwrap_or(size_of::<String>() + 24) as u64;
        let elements = variable
            .shape
            .iter()
            .map(|&n| n as u64)
            .try_fold(size, u64::checked_mul);
        elements.unwrap_or(u64::MAX)
    });
    let below = group.groups.iter().map(decoded_bytes);
    own.chain(below).fold(0, u64::saturating_add)
}

/// What reading a file came to.
#[derive(Debug, Default)]
pub struct Reading {
    /// Decoded size that the file declares; 0 if it does not open.
    pub declared: u64,
    /// Why it is refused, as a whole or in part.
    pub errors: Vec<String>,
    /// Values that were read.
    pub values: u64,
}

/// Opens a file held in memory, describes it, and reads all of it, swath or not.
pub fn read_all(bytes: Arc<[u8]>) -> Reading {
    let mut reading = Reading::default();
    let source = Arc::new(MemorySource::new("mutant.nc", bytes));
    let dataset = match Dataset::from_source(source.clone()) {
        Ok(dataset) => dataset,
        Err(error) => {
            reading.errors.push(error.to_string());
            return reading;
        }
    };
    reading.declared = decoded_bytes(dataset.root());
    read_variables(&dataset, dataset.root(), &mut reading);
    drop(dataset);
    match Dataset::from_source(source).and_then(Granule::from_dataset) {
        Ok(granule) => read_granule(&granule, &mut reading),
        Err(error) => reading.errors.push(error.to_string()),
    }
    reading
}

fn read_variables(dataset: &Dataset, group: &Group, reading: &mut Reading) {
    for variable in &group.variables {
        let slab: Vec<_> = variable.shape.iter().map(|&len| 0..len).collect();
        match dataset.read(variable, &slab) {
            Ok(_) => reading.values += 1,
            Err(error) => reading.errors.push(error.to_string()),
        }
    }
    for child in &group.groups {
        read_variables(dataset, child, reading);
    }
}

fn read_granule(granule: &Granule, reading: &mut Reading) {
    let (lines, pixels) = granule.shape();
    let mut note = |result: Result<usize, String>, expected: usize| match result {
        Ok(found) => {
            assert_eq!(found, expected, "a read of the wrong length");
            reading.values += found as u64;
        }
        Err(error) => reading.errors.push(error),
    };
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let described = granule.info().map_err(|e| text(&e)).map(|info| {
        let _ = serde_json::to_string(&info);
        0
    });
    note(described, 0);
    let extents = granule.line_extents().map_err(|e| text(&e));
    note(
        extents.map(|extents| extents.map_or(lines, |e| e.len())),
        lines,
    );
    // In blocks, as the engine does; a damaged number of lines is not followed to its end.
    let block = granule.stored_lines(None).max(64);
    for first in (0..lines).step_by(block).take(64) {
        let range = first..lines.min(first + block);
        let expected = range.len() * pixels;
        let geolocation = granule.geolocation(range.clone());
        note(
            geolocation
                .map(|array| array.latitude.len())
                .map_err(|e| text(&e)),
            expected,
        );
        if granule.flag_table().is_some() {
            let flags = granule.flags(range);
            note(flags.map(|f| f.len()).map_err(|e| text(&e)), expected);
        }
    }
    for variable in granule.variables() {
        let bands: Vec<Option<usize>> = match variable.band_dims().is_empty() {
            true => vec![None],
            // First, last and some between: a 3-D variable is read whole above.
            false => {
                let count = variable.bands();
                let step = (count / 4).max(1);
                (0..count).step_by(step).take(8).map(Some).collect()
            }
        };
        let fields = bands.iter().map(|&band| Field {
            name: variable.name.clone(),
            variable: variable.path().to_owned(),
            band,
            valid_range: None,
            exact: false,
        });
        let fields: Vec<Field> = fields.collect();
        let each = fields.iter().map(|field| vec![field]);
        let together = fields.iter().collect();
        for fields in each.chain([together]) {
            let values = granule.values(&fields, 0..lines);
            let count = values.map(|values| {
                let counts = values.iter().map(|values| match values {
                    swathe_core::source::Values::F32(values) => values.len(),
                    swathe_core::source::Values::F64(values) => values.len(),
                });
                counts.sum()
            });
            note(count.map_err(|e| text(&e)), fields.len() * lines * pixels);
        }
    }
}

/// Most memory that reading may take above what was in use before.
pub fn memory_bound(original: u64, declared: u64) -> u64 {
    let decoded = original.max(declared.min(original.saturating_add(UNSTORED)));
    decoded.saturating_mul(2).saturating_add(ALLOWANCE)
}
