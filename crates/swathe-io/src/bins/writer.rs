//! Bins into a file, in ascending order.

use super::attributes::Extent;
use super::{Bin, BinnedProduct, GROUP, Sums};
use crate::dataset::{AttributeValue, Attributes, DataType};
use crate::error::{Error, Result};
use crate::netcdf4::{
    FileDescription, GroupDescription, NetCdf4Writer, RecordDescription, Storage,
    VariableDescription, encode_chunk,
};
use std::io::{Seek, Write};
use swathe_core::isin::{Bins, Isin};

/// Records of a chunk.
const CHUNK: usize = 16_384;

const DEFLATE_LEVEL: u8 = 4;

/// Writes a binned file. What is held in memory is a chunk of each table.
#[derive(Debug)]
pub struct BinWriter<W> {
    file: NetCdf4Writer<W>,
    bins: Bins,
    /// The type of counts.
    count: DataType,
    tables: Vec<Table>,
    written: usize,
    last: u64,
    /// For each row the number of its first filled bin, and of filled bins.
    rows: Vec<(u64, u32)>,
    extent: Extent,
}

/// A table in the making: the records of the chunk that is not full.
#[derive(Debug)]
struct Table {
    record: usize,
    chunk: Vec<u8>,
    chunks: usize,
}

impl Table {
    fn put<W: Write + Seek>(
        &mut self,
        file: &mut NetCdf4Writer<W>,
        variable: usize,
        bytes: &[u8],
    ) -> Result<()> {
        self.chunk.extend_from_slice(bytes);
        match self.chunk.len() == CHUNK * self.record {
            true => self.flush(file, variable),
            false => Ok(()),
        }
    }

    fn flush<W: Write + Seek>(
        &mut self,
        file: &mut NetCdf4Writer<W>,
        variable: usize,
    ) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let mut elements = std::mem::take(&mut self.chunk);
        elements.resize(CHUNK * self.record, 0);
        let encoded = encode_chunk(elements, self.record, true, Some(DEFLATE_LEVEL))?;
        file.write_chunk(variable, self.chunks, &encoded)?;
        self.chunks += 1;
        Ok(())
    }
}

/// What a file says besides its bins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Words {
    /// Global attributes.
    pub global: Attributes,
    /// Attributes of the group `processing_control`.
    pub control: Attributes,
    /// Attributes of `processing_control/input_parameters`.
    pub parameters: Attributes,
}

impl<W: Write + Seek> BinWriter<W> {
    /// Begins a file in an empty sink. No bin may have more than `most` observations or granules: beyond
    /// 32,767 counts take 32 bits instead of the 16 of NASA's files, beyond 2^31 - 1 they take 64.
    ///
    /// # Errors
    /// Names that cannot be written, and what `sink` says.
    pub fn create(
        sink: W,
        isin: &Isin,
        products: &[BinnedProduct],
        most: u64,
        words: Words,
    ) -> Result<Self> {
        let bins = Bins::new(isin);
        let number = if isin.rows() > 34_560 {
            DataType::U64
        } else {
            DataType::U32
        };
        let count = match most {
            0..=0x7FFF => DataType::I16,
            0x8000..=0x7FFF_FFFF => DataType::I32,
            _ => DataType::I64,
        };
        let fields = |fields: &[(&str, DataType)]| -> Vec<(String, DataType)> {
            let owned = fields
                .iter()
                .map(|(name, t)| ((*name).to_owned(), t.clone()));
            owned.collect()
        };
        let records = [
            (
                "binListType",
                fields(&[
                    ("bin_num", number.clone()),
                    ("nobs", count.clone()),
                    ("nscenes", count.clone()),
                    ("weights", DataType::F32),
                    ("time_rec", DataType::F32),
                ]),
            ),
            (
                "binDataType",
                fields(&[("sum", DataType::F32), ("sum_squared", DataType::F32)]),
            ),
            (
                "binIndexType",
                fields(&[
                    ("start_num", number.clone()),
                    ("begin", number),
                    ("extent", DataType::U32),
                    ("max", DataType::U32),
                ]),
            ),
        ]
        .map(|(name, fields)| RecordDescription {
            name: name.into(),
            fields,
        });
        let table = |name: &str, dim: usize, record: usize, attributes: Attributes| {
            let variable = VariableDescription {
                name: name.into(),
                dims: vec![dim],
                dtype: DataType::Other(records[record].name.clone()),
                attributes,
                fill: None,
                storage: Storage::Chunked {
                    shape: vec![CHUNK],
                    shuffle: true,
                    deflate: Some(DEFLATE_LEVEL),
                },
            };
            (variable, records[record].size())
        };
        let mut tables = vec![table("BinList", 0, 0, vec![])];
        for product in products {
            tables.push(table(&product.name, 1, 1, product.attributes()));
        }
        tables.push(table("BinIndex", 2, 2, vec![]));
        let (variables, sizes): (Vec<_>, Vec<_>) = tables.into_iter().unzip();
        let room = (bins.count() as usize).max(CHUNK);
        let mut global = words.global;
        global.extend(Extent::default().attributes(isin, 0, bins.count()));
        let group = |name: &str, parent, attributes| GroupDescription {
            name: name.into(),
            parent,
            attributes,
        };
        let description = FileDescription {
            dimensions: vec![
                ("binListDim".into(), room),
                ("binDataDim".into(), room),
                ("binIndexDim".into(), bins.rows().max(CHUNK)),
            ],
            attributes: global,
            variables,
            records: records.to_vec(),
            groups: vec![
                group(GROUP, None, vec![]),
                group("processing_control", None, words.control),
                group("input_parameters", Some(1), words.parameters),
            ],
            home: Some(0),
            unlimited: true,
        };
        Ok(BinWriter {
            file: NetCdf4Writer::create(sink, description)?,
            rows: vec![(0, 0); bins.rows()],
            bins,
            count,
            tables: sizes
                .into_iter()
                .map(|record| Table {
                    record,
                    chunk: Vec::new(),
                    chunks: 0,
                })
                .collect(),
            written: 0,
            last: 0,
            extent: Extent::default(),
        })
    }

    /// Writes a bin with the sums of every product. Bins come in ascending order.
    ///
    /// # Errors
    /// A bin that is not of the grid or out of order, more observations than were promised, another number
    /// of products, and what the sink says.
    pub fn put(&mut self, bin: &Bin, sums: &[Sums]) -> Result<()> {
        let refused = |reason: &str| Error::Product {
            reason: format!("bin {}: {reason}", bin.number),
        };
        let Some((row, column)) = self.bins.place(bin.number) else {
            return Err(refused("it is not of the grid"));
        };
        if bin.number <= self.last {
            return Err(refused("it comes after a later one"));
        }
        if sums.len() + 2 != self.tables.len() {
            return Err(refused("it has sums of other products"));
        }
        self.last = bin.number;
        let mut record = Vec::with_capacity(24);
        record.extend(number(bin.number, self.bins.rows()));
        for count in [bin.observations, bin.scenes] {
            let bytes = match self.count {
                DataType::I16 => i16::try_from(count).map(|count| count.to_le_bytes().to_vec()),
                DataType::I32 => i32::try_from(count).map(|count| count.to_le_bytes().to_vec()),
                _ => i64::try_from(count).map(|count| count.to_le_bytes().to_vec()),
            };
            let bytes = bytes.map_err(|_| refused("it has more than was said at the beginning"))?;
            record.extend(bytes);
        }
        record.extend((bin.weights as f32).to_le_bytes());
        record.extend(0f32.to_le_bytes());
        self.tables[0].put(&mut self.file, 0, &record)?;
        for (i, sums) in sums.iter().enumerate() {
            let record = [
                (sums.sum as f32).to_le_bytes(),
                (sums.squares as f32).to_le_bytes(),
            ];
            self.tables[i + 1].put(&mut self.file, i + 1, &record.concat())?;
        }
        self.written += 1;
        let held = &mut self.rows[row];
        if held.1 == 0 {
            held.0 = bin.number;
        }
        held.1 += 1;
        self.extent.add(row, column, &self.bins);
        Ok(())
    }

    /// Completes the file, and gives the sink back, flushed.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(mut self, isin: &Isin) -> Result<W> {
        let index = self.tables.len() - 1;
        let rows = self.bins.rows();
        for (row, (begin, extent)) in std::mem::take(&mut self.rows).into_iter().enumerate() {
            let mut record = Vec::with_capacity(24);
            record.extend(number(self.bins.first(row), rows));
            record.extend(number(begin, rows));
            record.extend(extent.to_le_bytes());
            record.extend(self.bins.of_row(row).to_le_bytes());
            self.tables[index].put(&mut self.file, index, &record)?;
        }
        for (variable, table) in self.tables.iter_mut().enumerate() {
            table.flush(&mut self.file, variable)?;
        }
        for (dimension, len) in [self.written, self.written, rows].into_iter().enumerate() {
            self.file.shorten(dimension, len)?;
        }
        let count = self.bins.count();
        for (name, value) in self.extent.attributes(isin, self.written, count) {
            self.file.set_attribute(None, &name, value)?;
        }
        self.file.finish()
    }
}

/// Bytes of the number of a bin.
fn number(number: u64, rows: usize) -> Vec<u8> {
    match rows > 34_560 {
        true => number.to_le_bytes().to_vec(),
        false => (number as u32).to_le_bytes().to_vec(),
    }
}

impl BinnedProduct {
    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        if let Some((low, high)) = self.valid_range {
            attributes.push(("valid_max".into(), AttributeValue::F32(vec![high])));
            attributes.push(("valid_min".into(), AttributeValue::F32(vec![low])));
        }
        let scheme = AttributeValue::Text(self.scheme.name().into());
        attributes.push(("averaging_scheme".into(), scheme));
        attributes
    }
}
