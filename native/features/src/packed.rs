//! A row as one value of bytes: the moment (i64, unix ms) and the values (f32), little-endian.

use crate::table::sized;
use crate::{Error, Table};

const TIME_BYTES: usize = 8;
const VALUE_BYTES: usize = 4;

/// A parsed batch of packed rows.
pub(crate) struct Unpacked {
    pub at_ms: Vec<i64>,
    pub values: Vec<f32>,
}

impl Table {
    /// Bytes of a packed row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        TIME_BYTES + VALUE_BYTES * self.schema().width()
    }

    /// The packed rows of `ids` as they were last written, and which had none (time 0 and the defaults).
    #[must_use]
    pub fn pack(&self, ids: &[u128]) -> (Vec<u8>, Vec<bool>) {
        let mut packed = Vec::with_capacity(ids.len() * self.row_bytes());
        let mut missing = Vec::with_capacity(ids.len());
        for &id in ids {
            let found = self.find(id);
            missing.push(found.is_none());
            pack_row(found.unwrap_or((0, self.schema().defaults())), &mut packed);
        }
        (packed, missing)
    }

    /// Writes packed rows, and returns how many ids are new.
    ///
    /// # Errors
    /// When `packed` is not one whole row of finite values for each id.
    pub fn unpack(&mut self, ids: &[u128], packed: &[u8]) -> Result<usize, Error> {
        sized(ids.len() * self.row_bytes(), packed.len())?;
        let rows = parse(packed, self.row_bytes());
        self.put(ids, &rows.values, &rows.at_ms)
    }
}

pub(crate) fn pack_row((at_ms, row): (i64, &[f32]), into: &mut Vec<u8>) {
    into.extend(at_ms.to_le_bytes());
    into.extend(row.iter().flat_map(|value| value.to_le_bytes()));
}

/// Parses whole rows of `row_bytes` each.
pub(crate) fn parse(packed: &[u8], row_bytes: usize) -> Unpacked {
    let mut rows = Unpacked { at_ms: Vec::new(), values: Vec::new() };
    for row in packed.chunks_exact(row_bytes) {
        let (time, values) = row.split_at(TIME_BYTES);
        rows.at_ms.extend(time.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)));
        let values = values.chunks_exact(VALUE_BYTES).filter_map(|value| value.first_chunk());
        rows.values.extend(values.map(|bytes| f32::from_le_bytes(*bytes)));
    }
    rows
}
