//! Where a score comes from.

use crate::error::sized;
use crate::{Error, Linear};

/// The parts of some scores, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// Rows × width: the weight of each feature, the row's multiplier in it.
    pub weights: Vec<f64>,
    /// Rows × width: value × weight.
    pub contributions: Vec<f64>,
    /// The sum of each row's contributions.
    pub scores: Vec<f64>,
}

impl Linear {
    /// Takes apart the scores of rows whose multipliers are known: value × weight, summed over the features, is
    /// the row's final score.
    ///
    /// # Errors
    /// `NotLinear` when a head has a sigmoid; otherwise as `scores`.
    pub fn explain(&self, features: &[f32], multipliers: &[f64]) -> Result<Explanation, Error> {
        if self.weights.has_sigmoid() {
            return Err(Error::NotLinear);
        }
        sized("features", multipliers.len().saturating_mul(self.width()), features.len())?;
        let mut explanation = Explanation::default();
        for (row, &multiplier) in features.chunks_exact(self.width()).zip(multipliers) {
            let start = explanation.contributions.len();
            explanation.weights.extend(self.weights.linear.iter().map(|weight| weight * multiplier));
            let parts =
                row.iter().zip(&explanation.weights[start..]).map(|(&x, weight)| f64::from(x) * weight);
            explanation.contributions.extend(parts);
            explanation.scores.push(explanation.contributions[start..].iter().sum());
        }
        match explanation.scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(Error::NotFinite { row }),
            None => Ok(explanation),
        }
    }
}
