//! The table: rows side by side in one block of memory, found by one lookup.

use std::collections::hash_map::Entry;

use nova_hash::{ContentHash, Id};

use crate::{Error, Map, Schema};

/// Feature rows by id.
#[derive(Clone, Debug)]
pub struct Table {
    schema: Schema,
    // Keys of eight-byte alignment: a lookup of rows that no cache holds waits half as long as with `u128` in them.
    slots: Map<Id, usize>,
    ids: Vec<Id>,
    /// The moment up to which each row is faded, unix ms.
    at_ms: Vec<i64>,
    values: Vec<f32>,
}

/// The rows of a lookup, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Width × ids values.
    pub values: Vec<f32>,
    /// Which ids had no row and got the defaults.
    pub missing: Vec<bool>,
}

/// One addition to one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increment {
    /// Whose row.
    pub id: u128,
    /// Which column.
    pub column: usize,
    /// How much.
    pub amount: f32,
    /// When it happened, unix ms.
    pub at_ms: i64,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self { schema, slots: Map::default(), ids: Vec::new(), at_ms: Vec::new(), values: Vec::new() }
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The rows of `ids` as they are at `now_ms`.
    #[must_use]
    pub fn lookup(&self, ids: &[u128], now_ms: i64) -> Rows {
        // All slots first: the processor then waits for many rows at once, not for one after another.
        let slots: Vec<Option<usize>> = ids.iter().map(|&id| self.slots.get(&id.into()).copied()).collect();
        let (width, fades) = (self.schema.width(), self.schema.fades());
        let mut values = Vec::with_capacity(ids.len() * width);
        let mut factors = Vec::new();
        for slot in &slots {
            let Some(slot) = *slot else {
                values.extend_from_slice(self.schema.defaults());
                continue;
            };
            let start = values.len();
            values.extend_from_slice(self.row(slot));
            // The time lies elsewhere: where nothing fades it is not read, which saves a wait for memory a row.
            if fades {
                let elapsed_ms = now_ms.saturating_sub(self.at_ms[slot]);
                self.schema.fade(&mut values[start..], elapsed_ms, &mut factors);
            }
        }
        Rows { values, missing: slots.iter().map(Option::is_none).collect() }
    }

    /// Writes whole rows as they are at their `at_ms`. The last write wins. Returns how many ids are new.
    ///
    /// # Errors
    /// When `values` are not `width` finite numbers for each id, or `at_ms` is not one for each id.
    pub fn put(&mut self, ids: &[u128], values: &[f32], at_ms: &[i64]) -> Result<usize, Error> {
        let width = self.schema.width();
        sized(ids.len() * width, values.len())?;
        sized(ids.len(), at_ms.len())?;
        if let Some(bad) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { row: bad / width, column: bad % width });
        }
        let known = self.len();
        for ((&id, row), &at_ms) in ids.iter().zip(values.chunks_exact(width)).zip(at_ms) {
            self.write(id, row, at_ms);
        }
        Ok(self.len() - known)
    }

    /// Adds amounts, each faded from its own moment; a new row starts from the defaults. An amount that comes
    /// late counts for what is left of it, so the order of events does not matter. Returns how many ids are new.
    ///
    /// # Errors
    /// When a column does not exist or an amount is not finite.
    pub fn add(&mut self, increments: &[Increment]) -> Result<usize, Error> {
        let width = self.schema.width();
        for (row, increment) in increments.iter().enumerate() {
            if increment.column >= width {
                return Err(Error::NoSuchColumn { column: increment.column, width });
            }
            if !increment.amount.is_finite() {
                return Err(Error::NotFinite { row, column: increment.column });
            }
        }
        let known = self.len();
        let mut factors = Vec::new();
        for increment in increments {
            self.add_one(increment, &mut factors);
        }
        Ok(self.len() - known)
    }

    /// Removes rows, and returns how many there were.
    pub fn remove(&mut self, ids: &[u128]) -> usize {
        let known = self.len();
        for &id in ids {
            if let Some(slot) = self.slots.remove(&id.into()) {
                self.vacate(slot);
            }
        }
        known - self.len()
    }

    /// Removes rows that nothing was written to since `before_ms`, and returns how many.
    pub fn prune(&mut self, before_ms: i64) -> usize {
        let old: Vec<u128> = self
            .ids
            .iter()
            .zip(&self.at_ms)
            .filter(|(_, at_ms)| **at_ms < before_ms)
            .map(|(&id, _)| id.into())
            .collect();
        self.remove(&old)
    }

    /// A hash of all rows with their times, whatever their order.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 16] {
        let mut hash = ContentHash::default();
        let mut record = Vec::new();
        for (slot, &id) in self.ids.iter().enumerate() {
            record.clear();
            record.extend(id.words());
            record.push(u64::from_ne_bytes(self.at_ms[slot].to_ne_bytes()));
            record.extend(self.row(slot).iter().map(|value| u64::from(value.to_bits())));
            hash.add(&record);
        }
        hash.bytes()
    }

    pub(crate) fn find(&self, id: u128) -> Option<(i64, &[f32])> {
        self.slots.get(&id.into()).map(|&slot| (self.at_ms[slot], self.row(slot)))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u128> {
        self.ids.iter().map(|&id| id.into())
    }

    pub(crate) fn write(&mut self, id: u128, row: &[f32], at_ms: i64) {
        let slot = self.slot(id, at_ms);
        self.at_ms[slot] = at_ms;
        self.row_mut(slot).copy_from_slice(row);
    }

    fn add_one(&mut self, increment: &Increment, factors: &mut Vec<f64>) {
        let slot = self.slot(increment.id, increment.at_ms);
        let elapsed_ms = increment.at_ms.saturating_sub(self.at_ms[slot]);
        let width = self.schema.width();
        let row = &mut self.values[slot * width..][..width];
        let mut amount = increment.amount;
        if elapsed_ms >= 0 {
            self.schema.fade(row, elapsed_ms, factors);
            self.at_ms[slot] = increment.at_ms;
        } else {
            amount = self.schema.faded(increment.column, amount, elapsed_ms.saturating_neg());
        }
        let value = &mut row[increment.column];
        *value = (*value + amount).clamp(f32::MIN, f32::MAX);
    }

    /// The slot of an id; a new one holds the defaults.
    fn slot(&mut self, id: u128, at_ms: i64) -> usize {
        let id = Id::from(id);
        match self.slots.entry(id) {
            Entry::Occupied(slot) => *slot.get(),
            Entry::Vacant(vacant) => {
                let slot = *vacant.insert(self.ids.len());
                self.ids.push(id);
                self.at_ms.push(at_ms);
                self.values.extend_from_slice(self.schema.defaults());
                slot
            }
        }
    }

    /// Closes the gap of a removed row with the last one.
    fn vacate(&mut self, slot: usize) {
        let width = self.schema.width();
        let last = self.ids.len() - 1;
        self.ids.swap_remove(slot);
        self.at_ms.swap_remove(slot);
        self.values.copy_within(last * width.., slot * width);
        self.values.truncate(last * width);
        if slot < last {
            self.slots.insert(self.ids[slot], slot);
        }
    }

    fn row(&self, slot: usize) -> &[f32] {
        let width = self.schema.width();
        &self.values[slot * width..][..width]
    }

    fn row_mut(&mut self, slot: usize) -> &mut [f32] {
        let width = self.schema.width();
        &mut self.values[slot * width..][..width]
    }
}

pub(crate) fn sized(needed: usize, given: usize) -> Result<(), Error> {
    if needed == given { Ok(()) } else { Err(Error::Size { needed, given }) }
}
