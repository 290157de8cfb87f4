//! What can be wrong with weights and candidates.

use std::fmt;

/// Why a ranker or a batch was refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A ranker needs a feature and a head.
    NoWeights,
    /// Arrays that belong together differ in length.
    Size {
        /// Which array.
        what: &'static str,
        /// How long it must be.
        needed: usize,
        /// How long it is.
        given: usize,
    },
    /// A weight is NaN or infinite.
    Weight {
        /// Which array.
        what: &'static str,
        /// Its place there.
        at: usize,
    },
    /// The features of a row are not finite, or too large to be scored.
    NotFinite {
        /// The row.
        row: usize,
    },
    /// Decay and floor are shares from 0 to 1.
    Share {
        /// Which of the two.
        what: &'static str,
        /// What was given.
        given: f64,
    },
    /// A head with an activation cannot be taken apart feature by feature.
    NotLinear,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWeights => write!(f, "a ranker has no weights: give at least one feature and one head"),
            Self::Size { what, needed, given } => {
                write!(f, "{what}: {given} values where {needed} are needed")
            }
            Self::Weight { what, at } => write!(f, "{what}: value {at} is not finite: mend the weights"),
            Self::NotFinite { row } => {
                write!(f, "row {row} has no finite score: replace NaN, infinity and huge values by defaults")
            }
            Self::Share { what, given } => write!(f, "{what} is {given}: give a share from 0 to 1"),
            Self::NotLinear => {
                write!(
                    f,
                    "a score with sigmoid heads has no exact parts: explain rankers with identity heads only"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

pub(crate) fn sized(what: &'static str, needed: usize, given: usize) -> Result<(), Error> {
    if needed == given { Ok(()) } else { Err(Error::Size { what, needed, given }) }
}
