//! What can be wrong with rows and snapshots.

use std::fmt;

/// Why a table or a batch was refused. A refused batch changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A table needs a column.
    NoColumns,
    /// Defaults and half-lives must be of one length.
    SchemaShape {
        /// Defaults given.
        defaults: usize,
        /// Half-lives given.
        half_lives: usize,
    },
    /// A half-life is a positive number of seconds, or infinite for a value that stays.
    HalfLife {
        /// The column.
        column: usize,
        /// What was given, in seconds.
        seconds: f64,
    },
    /// There is no such column.
    NoSuchColumn {
        /// What was given.
        column: usize,
        /// How many columns there are.
        width: usize,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// The row of the batch.
        row: usize,
        /// The column.
        column: usize,
    },
    /// A batch does not have the size that its ids ask for.
    Size {
        /// What is needed, in values or bytes.
        needed: usize,
        /// What was given.
        given: usize,
    },
    /// A snapshot is broken, or was taken of a table with other columns.
    Snapshot(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColumns => write!(f, "a feature table has no columns: declare at least one"),
            Self::SchemaShape { defaults, half_lives } => {
                write!(f, "{defaults} defaults beside {half_lives} half-lives: give one of each for a column")
            }
            Self::HalfLife { column, seconds } => {
                write!(
                    f,
                    "column {column} has a half-life of {seconds} s: give a positive number or infinity"
                )
            }
            Self::NoSuchColumn { column, width } => {
                write!(f, "column {column} of {width}: columns are counted from 0")
            }
            Self::NotFinite { row, column } => {
                write!(f, "row {row}, column {column} is not finite: replace NaN and infinity by the default")
            }
            Self::Size { needed, given } => {
                write!(
                    f,
                    "the rows hold {given} where the ids ask for {needed}: give one whole row for each id"
                )
            }
            Self::Snapshot(why) => write!(f, "{why}: rebuild the table from its events"),
        }
    }
}

impl std::error::Error for Error {}
