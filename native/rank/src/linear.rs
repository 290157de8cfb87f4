//! The ranker: weights made ready once, scores for batches of rows.

use crate::Error;
use crate::error::sized;
use crate::kernel::{self, Weights};

/// A linear model with several heads: `score = Σ_h head_weight_h · activation_h(Σ_f x_f · weight_fh)`.
#[derive(Clone, Debug)]
pub struct Linear {
    pub(crate) weights: Weights,
    heads: usize,
}

impl Linear {
    /// A ranker of `weights` (features × heads, row by row), one weight for each head, and whether the head goes
    /// through a sigmoid or is taken as it is.
    ///
    /// # Errors
    /// When sizes do not fit, or a weight is not finite.
    pub fn new(weights: &[f32], head_weights: &[f32], sigmoid: &[bool]) -> Result<Self, Error> {
        let heads = head_weights.len();
        if heads == 0 || weights.is_empty() {
            return Err(Error::NoWeights);
        }
        let width = weights.len() / heads;
        sized("weights", width.max(1) * heads, weights.len())?;
        sized("sigmoid", heads, sigmoid.len())?;
        for (what, values) in [("weights", weights), ("head weights", head_weights)] {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::Weight { what, at });
            }
        }
        Ok(Self { weights: Weights::new(weights, head_weights, sigmoid), heads })
    }

    /// Features of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.weights.linear.len()
    }

    /// Heads.
    #[must_use]
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The score of each row of `features` (rows × width). A row has the same score in every batch.
    ///
    /// # Errors
    /// When `features` are not `rows` whole rows, or a row has no finite score.
    pub fn scores(&self, features: &[f32], rows: usize) -> Result<Vec<f64>, Error> {
        sized("features", rows.saturating_mul(self.width()), features.len())?;
        let scores = kernel::scores(&self.weights, features);
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(Error::NotFinite { row }),
            None => Ok(scores),
        }
    }
}
