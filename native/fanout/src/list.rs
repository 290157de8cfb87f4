//! The posts of one author.

/// Ids ascending, so that a new post is pushed at the end; flags beside them.
///
/// The newest id is kept here as well: a merge of thousands of lists then decides from the map's own memory
/// which lists it must open at all.
#[derive(Clone, Debug)]
pub(crate) struct List {
    newest: u128,
    ids: Vec<u128>,
    metas: Vec<u32>,
}

impl List {
    pub fn new(id: u128, meta: u32) -> Self {
        Self { newest: id, ids: vec![id], metas: vec![meta] }
    }

    /// Adds a post or gives a known one new flags. Returns whether it is new.
    pub fn insert(&mut self, id: u128, meta: u32) -> bool {
        let place = if id > self.newest { Err(self.ids.len()) } else { self.ids.binary_search(&id) };
        match place {
            Ok(at) => self.metas[at] = meta,
            Err(at) => {
                self.ids.insert(at, id);
                self.metas.insert(at, meta);
                self.newest = self.newest.max(id);
            }
        }
        place.is_err()
    }

    pub fn remove(&mut self, id: u128) -> bool {
        let Ok(at) = self.ids.binary_search(&id) else { return false };
        self.ids.remove(at);
        self.metas.remove(at);
        self.newest = self.ids.last().copied().unwrap_or(0);
        true
    }

    /// Removes all posts older than `before`.
    pub fn prune(&mut self, before: u128) {
        let old = self.ids.partition_point(|&id| id < before);
        self.ids.drain(..old);
        self.metas.drain(..old);
        if old > 0 {
            self.ids.shrink_to_fit();
            self.metas.shrink_to_fit();
        }
    }

    pub fn newest(&self) -> u128 {
        self.newest
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn id(&self, at: usize) -> u128 {
        self.ids[at]
    }

    pub fn meta(&self, at: usize) -> u32 {
        self.metas[at]
    }

    pub fn ids(&self) -> &[u128] {
        &self.ids
    }

    pub fn posts(&self) -> impl Iterator<Item = (u128, u32)> {
        self.ids.iter().copied().zip(self.metas.iter().copied())
    }

    /// How many posts are older than `before`. Cursors lie near the end, so the search gallops from there.
    pub fn older(&self, before: u128) -> usize {
        let len = self.ids.len();
        let mut step = 1;
        let mut end = len;
        while step <= len && self.ids[len - step] >= before {
            end = len - step;
            step *= 2;
        }
        let start = len.saturating_sub(step);
        start + self.ids[start..end].partition_point(|&id| id < before)
    }
}
