//! `PostingLists`: see `nova/native/fanout.py` for what each call means.

use std::sync::RwLock;

use nova_fanout::{Filter, Post};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::call::{read, write};
use crate::convert::{counts, id, id_bytes, ids, optional_id, unsigned};
use crate::error::Failure;

/// The posts of every author, newest first.
#[pyclass(frozen, module = "nova._native")]
#[derive(Default)]
pub struct PostingLists(RwLock<nova_fanout::PostingLists>);

type Posts<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyArray1<u32>>);

#[pymethods]
impl PostingLists {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn insert(
        &self,
        py: Python<'_>,
        authors: &Bound<'_, PyAny>,
        posts: &Bound<'_, PyAny>,
        meta: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let pairs = pairs(authors, posts)?;
        let metas = unsigned::<u32>("meta", pairs.len(), meta)?;
        let new = write(py, &self.0, |lists| {
            let posts = pairs.into_iter().zip(metas);
            posts.filter(|&((author, id), meta)| lists.insert(Post { id, author, meta })).count()
        })?;
        Ok(new)
    }

    fn remove(
        &self,
        py: Python<'_>,
        authors: &Bound<'_, PyAny>,
        posts: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let pairs = pairs(authors, posts)?;
        Ok(write(py, &self.0, |lists| {
            pairs.into_iter().filter(|&(author, id)| lists.remove(author, id)).count()
        })?)
    }

    fn drop_authors(&self, py: Python<'_>, authors: &Bound<'_, PyAny>) -> PyResult<usize> {
        let authors = ids("authors", authors)?;
        Ok(write(py, &self.0, |lists| authors.into_iter().map(|author| lists.drop_author(author)).sum())?)
    }

    fn merge<'py>(
        &self,
        py: Python<'py>,
        authors: &Bound<'_, PyAny>,
        want: usize,
        before: Option<&Bound<'_, PyAny>>,
        mask: u32,
        value: u32,
    ) -> PyResult<Posts<'py>> {
        let authors = ids("authors", authors)?;
        let (before, filter) = (optional_id("before", before)?, Filter { mask, value });
        posts(py, &read(py, &self.0, |lists| lists.merge(&authors, want, before, filter))?)
    }

    fn latest<'py>(
        &self,
        py: Python<'py>,
        want: usize,
        before: Option<&Bound<'_, PyAny>>,
        mask: u32,
        value: u32,
    ) -> PyResult<Posts<'py>> {
        let (before, filter) = (optional_id("before", before)?, Filter { mask, value });
        posts(py, &read(py, &self.0, |lists| lists.latest(want, before, filter))?)
    }

    fn counts<'py>(
        &self,
        py: Python<'py>,
        authors: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let authors = ids("authors", authors)?;
        let found = read(py, &self.0, |lists| lists.counts(&authors))?;
        Ok(counts(found.into_iter()).into_pyarray(py))
    }

    fn prune(&self, py: Python<'_>, before: &Bound<'_, PyAny>) -> PyResult<usize> {
        let before = id("before", before)?;
        Ok(write(py, &self.0, |lists| lists.prune(before))?)
    }

    fn content_hash<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let hash = read(py, &self.0, nova_fanout::PostingLists::content_hash)?;
        Ok(PyBytes::new(py, &hash))
    }

    fn authors(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(read(py, &self.0, |lists| lists.sizes().authors)?)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(read(py, &self.0, |lists| lists.sizes().posts)?)
    }
}

fn pairs(authors: &Bound<'_, PyAny>, posts: &Bound<'_, PyAny>) -> Result<Vec<(u128, u128)>, Failure> {
    let (authors, posts) = (ids("authors", authors)?, ids("posts", posts)?);
    if authors.len() == posts.len() {
        return Ok(authors.into_iter().zip(posts).collect());
    }
    let (authors, posts) = (authors.len(), posts.len());
    Err(Failure::Input(format!("{authors} authors beside {posts} posts: give one author for each post")))
}

fn posts<'py>(py: Python<'py>, posts: &[Post]) -> PyResult<Posts<'py>> {
    let metas: Vec<u32> = posts.iter().map(|post| post.meta).collect();
    Ok((
        id_bytes(py, posts.iter().map(|post| post.id))?,
        id_bytes(py, posts.iter().map(|post| post.author))?,
        metas.into_pyarray(py),
    ))
}
