//! The one door between Python and the kernels: convert, release the GIL, call.
//!
//! One file a kernel, and no algorithm in any of them.

#![forbid(unsafe_code)]

mod call;
mod convert;
mod error;
mod fanout;
mod features;
mod graph;
mod rank;

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::error::{BadInput, KernelPanic, NotLinear, SnapshotMismatch};
    #[pymodule_export]
    use crate::fanout::PostingLists;
    #[pymodule_export]
    use crate::features::FeatureTable;
    #[pymodule_export]
    use crate::graph::Adjacency;
    #[pymodule_export]
    use crate::rank::LinearRanker;

    /// What the extension was built from; `nova/native/build.py` compares it with the sources beside it.
    #[pymodule_export]
    const SOURCE_DIGEST: &str = env!("NOVA_SOURCE_DIGEST");
    /// `release` or `debug`.
    #[pymodule_export]
    const PROFILE: &str = env!("NOVA_PROFILE");
}
