//! A whole table as bytes, and back.
//!
//! Layout, little-endian where not said otherwise: the magic, the width and the number of rows (u64), the
//! defaults (f32), the half-lives (f64, seconds), then each row as its id (big-endian) and its packed form, in
//! the order of ids, so that equal tables give equal bytes.

use crate::packed::{pack_row, parse};
use crate::{Error, Table};

const MAGIC: &[u8; 8] = b"NOVAFT01";
const ID_BYTES: usize = 16;

impl Table {
    /// The table as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = self.header(self.len());
        bytes.reserve(self.len() * (ID_BYTES + self.row_bytes()));
        let mut ids: Vec<u128> = self.ids().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(row) = self.find(id) {
                bytes.extend(id.to_be_bytes());
                pack_row(row, &mut bytes);
            }
        }
        bytes
    }

    /// Puts the rows of a snapshot in the place of all rows here, and returns how many they are.
    ///
    /// # Errors
    /// When the bytes are not a snapshot, or one of other columns. The table then stays as it was.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<usize, Error> {
        let record_bytes = ID_BYTES + self.row_bytes();
        let header_bytes = self.header(0).len();
        let (header, records) = snapshot
            .split_at_checked(header_bytes)
            .ok_or(Error::Snapshot("the snapshot is shorter than its header"))?;
        if !header.starts_with(MAGIC) {
            return Err(Error::Snapshot("these bytes are no snapshot of a feature table"));
        }
        let rows = records.len() / record_bytes;
        if records.len() % record_bytes != 0 || header != self.header(rows) {
            return Err(Error::Snapshot("the snapshot has other columns or was cut off"));
        }
        let mut restored = Self::new(self.schema().clone());
        for record in records.chunks_exact(record_bytes) {
            restored.restore_row(record)?;
        }
        if restored.len() != rows {
            return Err(Error::Snapshot("the snapshot holds an id twice"));
        }
        *self = restored;
        Ok(rows)
    }

    fn restore_row(&mut self, record: &[u8]) -> Result<(), Error> {
        let Some((id, packed)) = record.split_first_chunk::<ID_BYTES>() else {
            return Err(Error::Snapshot("the snapshot was cut off"));
        };
        let row = parse(packed, self.row_bytes());
        self.put(&[u128::from_be_bytes(*id)], &row.values, &row.at_ms).map(|_| ())
    }

    fn header(&self, rows: usize) -> Vec<u8> {
        let schema = self.schema();
        let mut header = MAGIC.to_vec();
        header.extend((schema.width() as u64).to_le_bytes());
        header.extend((rows as u64).to_le_bytes());
        header.extend(schema.defaults().iter().flat_map(|value| value.to_le_bytes()));
        header.extend(schema.half_lives_s().iter().flat_map(|value| value.to_le_bytes()));
        header
    }
}
