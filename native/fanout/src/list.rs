//! The posts of one author.

/// A post in its list: eight-byte alignment, so that 24 bytes hold all of it and one read finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    high: u64,
    low: u64,
    pub meta: u32,
}

impl Entry {
    fn new(id: u128, meta: u32) -> Self {
        let [high, low] = nova_hash::words(id);
        Self { high, low, meta }
    }

    pub fn id(self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }
}

/// Ids ascending, so that a new post is pushed at the end.
///
/// The newest id is kept here as well: a merge of thousands of lists then decides from the map's own memory
/// which lists it must open at all.
#[derive(Clone, Debug)]
pub(crate) struct List {
    newest: u128,
    entries: Vec<Entry>,
}

impl List {
    pub fn new(id: u128, meta: u32) -> Self {
        Self { newest: id, entries: vec![Entry::new(id, meta)] }
    }

    /// Adds a post or gives a known one new flags. Returns whether it is new.
    pub fn insert(&mut self, id: u128, meta: u32) -> bool {
        let place = if id > self.newest { Err(self.entries.len()) } else { self.find(id) };
        match place {
            Ok(at) => self.entries[at].meta = meta,
            Err(at) => {
                self.entries.insert(at, Entry::new(id, meta));
                self.newest = self.newest.max(id);
            }
        }
        place.is_err()
    }

    pub fn remove(&mut self, id: u128) -> bool {
        let Ok(at) = self.find(id) else { return false };
        self.entries.remove(at);
        self.newest = self.entries.last().map_or(0, |entry| entry.id());
        true
    }

    /// Removes all posts older than `before`.
    pub fn prune(&mut self, before: u128) {
        let old = self.entries.partition_point(|entry| entry.id() < before);
        if old > 0 {
            self.entries.drain(..old);
            self.entries.shrink_to_fit();
        }
    }

    pub fn newest(&self) -> u128 {
        self.newest
    }

    /// All posts, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many posts are older than `before`. Cursors lie near the end, so the search gallops from there.
    pub fn older(&self, before: u128) -> usize {
        let len = self.entries.len();
        let mut step = 1;
        let mut end = len;
        while step <= len && self.entries[len - step].id() >= before {
            end = len - step;
            step *= 2;
        }
        let start = len.saturating_sub(step);
        start + self.entries[start..end].partition_point(|entry| entry.id() < before)
    }

    fn find(&self, id: u128) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id())
    }
}
