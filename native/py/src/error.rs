//! Every failure of a kernel, and the one Python exception that it becomes.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::{PyErr, create_exception};

create_exception!(_native, BadInput, PyValueError, "The input does not fit; the message says what to do.");
create_exception!(_native, SnapshotMismatch, BadInput, "A snapshot is broken or was taken of other columns.");
create_exception!(_native, NotLinear, BadInput, "A score with sigmoid heads has no exact parts.");
create_exception!(_native, KernelPanic, PyRuntimeError, "A kernel broke an assumption of its own: a bug.");

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    Input(String),
    Snapshot(String),
    NotLinear(String),
    Panic(String),
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Input(why) => BadInput::new_err(why),
            Failure::Snapshot(why) => SnapshotMismatch::new_err(why),
            Failure::NotLinear(why) => NotLinear::new_err(why),
            Failure::Panic(why) => {
                KernelPanic::new_err(format!("{why}: rebuild this projection and report the bug"))
            }
        }
    }
}

impl From<nova_graph::SelfEdge> for Failure {
    fn from(error: nova_graph::SelfEdge) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<nova_features::Error> for Failure {
    fn from(error: nova_features::Error) -> Self {
        match error {
            nova_features::Error::Snapshot(_) => Self::Snapshot(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

impl From<nova_rank::Error> for Failure {
    fn from(error: nova_rank::Error) -> Self {
        match error {
            nova_rank::Error::NotLinear => Self::NotLinear(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}
