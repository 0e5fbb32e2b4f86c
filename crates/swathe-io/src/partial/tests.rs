//! Partial results written and read, and damaged.

use super::*;
use swathe_core::reduce::{
    Blank, Composite, GranuleState, Observation, Reduction, Statistic, Summation, TilePart, Tiling,
    Weight,
};
use swathe_core::resample::WEIGHT_ONE;

fn composite(summation: Summation) -> Composite {
    let tiling = Tiling::new(300, 300).unwrap();
    let reduction = Reduction {
        statistics: vec![Statistic::Mean, Statistic::Std],
        weight: Weight::Observation,
        shares: true,
        summation,
        blank: Blank::default(),
        scheme: Default::default(),
    };
    let mut state = GranuleState::new(tiling, &reduction);
    let observations = (0..5000u32).map(|i| Observation {
        cell: i * 17 % 90_000,
        value: f64::from(i) / 7.0,
        weight: WEIGHT_ONE / u64::from(i % 5 + 1),
    });
    state.add(observations).unwrap();
    let mut composite = Composite::new(tiling, reduction);
    for (tile, part) in state.parts() {
        composite.combine(tile, &part, 0).unwrap();
    }
    composite
}

fn stored() -> (Vec<Composite>, Vec<u8>) {
    let composites = vec![
        composite(Summation::Binned),
        composite(Summation::Fixed { exponent: 10 }),
    ];
    let mut bytes = Vec::new();
    let mut writer = PartialWriter::create(&("header", 7u8), &mut bytes).unwrap();
    for tile in 0..composites[0].tiling().tiles() {
        for (field, composite) in composites.iter().enumerate() {
            if let Some(stored) = composite.stored_tile(tile) {
                let encoded = PartialWriter::encode(field, tile, stored).unwrap();
                writer.put(&encoded).unwrap();
            }
        }
    }
    writer.finish().unwrap();
    (composites, bytes)
}

fn read(bytes: &[u8], like: &[Composite]) -> Result<(String, Vec<Composite>)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let ((text, _), partial) = PartialFile::open::<(String, u8)>(file.path())?;
    let mut composites: Vec<Composite> = like
        .iter()
        .map(|c| Composite::new(*c.tiling(), c.reduction().clone()))
        .collect();
    for (field, tile) in partial.tiles() {
        let stored = partial.tile(field, tile)?.unwrap();
        composites[field].restore(tile, stored).unwrap();
    }
    Ok((text, composites))
}

#[test]
fn what_was_written_is_read() {
    let (composites, bytes) = stored();
    let (text, read) = read(&bytes, &composites).unwrap();
    assert_eq!((text.as_str(), read), ("header", composites));
}

#[test]
fn damage_is_found() {
    let (composites, bytes) = stored();
    for cut in (0..bytes.len()).step_by(bytes.len() / 97) {
        assert!(read(&bytes[..cut], &composites).is_err(), "cut at {cut}");
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 499) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(read(&damaged, &composites).is_err(), "flipped at {at}");
    }
    let error = read(b"SWATHE part\n\x02\0\0\0", &composites).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(read(b"CDF\x01 and more than twelve", &composites).is_err());
}

/// What granules 2 and 5 of two fields gave, in order of tiles, fields and granules.
fn parts() -> Vec<(usize, usize, u32, StoredPart)> {
    let tiling = Tiling::new(300, 300).unwrap();
    let mut all = Vec::new();
    for field in 0..2 {
        for granule in [2u32, 5] {
            // As swaths come: not in order of cells.
            let observations = (0..900u32).map(|i| Observation {
                cell: (i * 31_013 + granule) % 90_000,
                value: f64::from(i) / 7.0,
                weight: WEIGHT_ONE,
            });
            let parts = TilePart::singles(&tiling, Summation::Binned, observations).unwrap();
            for (tile, part) in parts {
                assert!(!part.is_sorted());
                let sorted = part.clone().sorted();
                assert!(sorted.is_sorted());
                all.push((tile, field, granule, sorted.to_stored()));
            }
        }
    }
    all.sort_by_key(|(tile, field, granule, _)| (*tile, *field, *granule));
    all
}

fn kept(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = PartialWriter::create(&("kept", 7u8), &mut bytes).unwrap();
    for frame in frames {
        writer.put(frame).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn encoded(parts: &[(usize, usize, u32, StoredPart)]) -> Vec<Vec<u8>> {
    let encode = |(tile, field, granule, stored): &(usize, usize, u32, StoredPart)| {
        PartialWriter::encode_part(*field, *tile, *granule, stored).unwrap()
    };
    parts.iter().map(encode).collect()
}

fn read_kept(bytes: &[u8]) -> Result<Vec<(usize, usize, u32, StoredPart)>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let (_, partial) = PartialFile::open::<(String, u8)>(file.path())?;
    assert_eq!(partial.tiles().count(), 0);
    let mut all = Vec::new();
    for (field, tile, granule) in partial.parts() {
        assert_eq!(partial.granules_of(field, tile).collect::<Vec<_>>(), [2, 5]);
        let stored = partial.part(field, tile, granule)?.unwrap();
        all.push((tile, field, granule, stored));
    }
    assert!(partial.part(0, 0, 3)?.is_none() && partial.tile(0, 0)?.is_none());
    Ok(all)
}

#[test]
fn granules_are_kept_apart() {
    let parts = parts();
    assert_eq!(parts.len(), 2 * 2 * 4);
    assert_eq!(read_kept(&kept(&encoded(&parts))).unwrap(), parts);
}

#[test]
fn damage_to_what_granules_gave_is_found() {
    let frames = encoded(&parts());
    let bytes = kept(&frames);
    for cut in (0..bytes.len()).step_by(bytes.len() / 97) {
        assert!(read_kept(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 499) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(read_kept(&damaged).is_err(), "flipped at {at}");
    }
    let refused = |frames: &[Vec<u8>]| {
        let error = read_kept(&kept(frames)).unwrap_err().to_string();
        assert!(error.contains("in disorder"), "{error}");
    };
    let mut swapped = frames.clone();
    swapped.swap(0, 1);
    refused(&swapped);
    refused(&[frames[0].clone(), frames[0].clone()]);
    // Combined tiles and granules in one file; a combined tile of one granule.
    let stored = composite(Summation::Binned).stored_tile(1).unwrap();
    let tile = PartialWriter::encode(1, 1, stored).unwrap();
    refused(&[frames[0].clone(), tile.clone()]);
    let mut numbered = tile;
    numbered[9] = 1;
    refused(&[numbered]);
}

/// A tile with a million and a half observations, stored.
fn observed() -> (Composite, StoredTile) {
    let tiling = Tiling::new(20, 20).unwrap();
    let reduction = Reduction {
        statistics: vec![Statistic::Mean, Statistic::MEDIAN],
        weight: Weight::Observation,
        shares: true,
        summation: Summation::Binned,
        blank: Blank::default(),
        scheme: Default::default(),
    };
    let mut state = GranuleState::new(tiling, &reduction);
    let observations = (0..1_500_000u32).map(|i| Observation {
        cell: i * 7 % 400,
        value: f64::from(i % 1000),
        weight: WEIGHT_ONE / u64::from(i % 5 + 1),
    });
    state.add(observations).unwrap();
    let mut composite = Composite::new(tiling, reduction);
    for (tile, part) in state.parts() {
        composite.combine(tile, &part, 0).unwrap();
    }
    let stored = composite.stored_tile(0).unwrap();
    (composite, stored)
}

#[test]
fn observations_come_some_at_a_time() {
    let (composite, stored) = observed();
    let whole = PartialWriter::encode(0, 0, stored.clone()).unwrap();
    let mut rest = stored;
    let mut samples = rest.take_samples();
    let mut frames = TileFrames::new(0, 0);
    let mut in_strips = Vec::new();
    while !samples.is_empty() {
        in_strips.extend(frames.add(samples.take(70_001)).unwrap());
    }
    in_strips.extend(frames.finish(&rest).unwrap());
    assert_eq!(in_strips, whole);

    let bytes = kept(std::slice::from_ref(&whole));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let (_, partial) = PartialFile::open::<(String, u8)>(file.path()).unwrap();
    assert_eq!(partial.tiles().collect::<Vec<_>>(), [(0, 0)]);
    assert_eq!(partial.samples(0, 0).count(), 2);
    let (all, together) = partial.sample_bytes(0, 0);
    assert!(together < all && all < 2 * together);
    assert_eq!(partial.encoded_tile(0, 0).unwrap().unwrap(), whole);
    let mut read = Composite::new(*composite.tiling(), composite.reduction().clone());
    let tile = partial.tile(0, 0).unwrap().unwrap();
    let cells = 0..composite.tiling().tile_cells(0);
    let samples = partial
        .samples(0, 0)
        .map(|some| some.map_err(|_| swathe_core::reduce::ReduceError::Damaged { tile: 0 }));
    read.combine_stored(0, tile, samples, &cells, &[Some(0)])
        .unwrap();
    assert!(read == composite);

    // Frames that are missing, twice, or in another order.
    let length = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&whole[at + FRONT - 8..at + FRONT]);
        FRONT + u64::from_le_bytes(bytes) as usize
    };
    let first = length(0);
    let second = first + length(first);
    let cut = [&whole[..first], &whole[first..second], &whole[second..]];
    for wrong in [
        vec![cut[0], cut[2]],
        vec![cut[1], cut[2]],
        vec![cut[0], cut[1]],
        vec![cut[1], cut[0], cut[2]],
        vec![cut[0], cut[0], cut[1], cut[2]],
        vec![cut[0], cut[1], cut[2], cut[2]],
    ] {
        std::fs::write(file.path(), kept(&[wrong.concat()])).unwrap();
        assert!(PartialFile::open::<(String, u8)>(file.path()).is_err());
    }
}
