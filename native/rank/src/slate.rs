//! The k best rows, in order, with variety among their authors.

use std::collections::BinaryHeap;

use crate::{Error, Linear, Map};

/// How a post loses when better posts of its author come first: the r-th one (from 0) is multiplied by
/// max(floor, decay^r).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diversity {
    /// From 0 to 1.
    pub decay: f64,
    /// From 0 to 1.
    pub floor: f64,
}

/// The best rows, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slate {
    /// The row of each.
    pub index: Vec<u32>,
    /// Its final score.
    pub scores: Vec<f64>,
    /// What its plain score was multiplied by.
    pub multipliers: Vec<f64>,
}

/// A row by its rank: the bits of its score, turned so that better comes first, then its place in the batch.
type Rank = (u64, u32);

impl Diversity {
    fn check(self) -> Result<(), Error> {
        for (what, given) in [("decay", self.decay), ("floor", self.floor)] {
            if !(0.0..=1.0).contains(&given) {
                return Err(Error::Share { what, given });
            }
        }
        Ok(())
    }
}

impl Linear {
    /// Scores all rows and returns the `k` best by final score; ties go to the earlier row.
    ///
    /// Posts of one author are counted in the order of their plain scores. Only a positive score is multiplied:
    /// a share of a negative one would be better than the whole.
    ///
    /// # Errors
    /// When sizes do not fit, a row has no finite score, or decay or floor is no share.
    pub fn rank(
        &self,
        features: &[f32],
        authors: &[u128],
        k: usize,
        diversity: Diversity,
    ) -> Result<Slate, Error> {
        diversity.check()?;
        let scores = self.scores(features, authors.len())?;
        Ok(pick(&scores, authors, k.min(scores.len()), diversity))
    }
}

/// A multiplied score is never above the plain one, so rows are taken by plain score, a part at a time, until
/// the best that is left cannot enter the slate.
fn pick(scores: &[f64], authors: &[u128], k: usize, diversity: Diversity) -> Slate {
    let mut ranks: Vec<Rank> = (0..).zip(scores).map(|(row, &score)| (key(score), row)).collect();
    let mut left = ranks.as_mut_slice();
    let mut seen: Map<u128, f64> = Map::default();
    let mut best: BinaryHeap<(Rank, u64)> = BinaryHeap::with_capacity(k + 1);
    while k > 0 && !left.is_empty() {
        let part = (2 * k).min(left.len());
        left.select_nth_unstable(part - 1);
        let (taken, rest) = left.split_at_mut(part);
        taken.sort_unstable();
        for &mut (plain, row) in taken {
            if best.len() == k && best.peek().is_some_and(|(worst, _)| (plain, row) > *worst) {
                return slate(best);
            }
            let share = seen.entry(authors[row as usize]).or_insert(1.0);
            let score = scores[row as usize];
            let multiplier = if score > 0.0 { share.max(diversity.floor) } else { 1.0 };
            *share *= diversity.decay;
            best.push(((key(score * multiplier), row), multiplier.to_bits()));
            if best.len() > k {
                best.pop();
            }
        }
        left = rest;
    }
    slate(best)
}

fn slate(best: BinaryHeap<(Rank, u64)>) -> Slate {
    let mut slate = Slate::default();
    for ((score, row), multiplier) in best.into_sorted_vec() {
        slate.index.push(row);
        slate.scores.push(unkey(score));
        slate.multipliers.push(f64::from_bits(multiplier));
    }
    slate
}

/// Bits that ascend while the score descends. Both zeros are one.
fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { !(bits | 1 << 63) } else { bits }
}

fn unkey(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 0 { !key & !(1 << 63) } else { key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_turn_the_order_round_and_come_back() {
        let falling = [1e300, 2.0, 1.0, 1e-300, 0.0, -1e-300, -1.0, -2.0, -1e300];
        assert!(falling.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(falling.iter().all(|&score| unkey(key(score)).total_cmp(&score).is_eq()));
        assert_eq!(key(0.0), key(-0.0));
    }
}
