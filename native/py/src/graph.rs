//! `Adjacency`: see `nova/native/graph.py` for what each call means.

use std::sync::RwLock;

use nova_graph::{Id, Kind, Listing, Pair, Reach, Row, Search};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rustc_hash::FxHashSet;

use crate::call::{read, write};
use crate::convert::{self, id_bytes, longs, numbers};
use crate::error::Failure;

/// Who follows, asks, blocks and mutes whom.
#[pyclass(frozen, module = "nova._native")]
#[derive(Default)]
pub struct Adjacency(RwLock<nova_graph::Adjacency>);

type Array1<'py, T> = Bound<'py, PyArray1<T>>;
type Array2<'py, T> = Bound<'py, PyArray2<T>>;

#[pymethods]
impl Adjacency {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn put(
        &self,
        py: Python<'_>,
        kind: u8,
        sources: &Bound<'_, PyAny>,
        targets: &Bound<'_, PyAny>,
        at_ms: &Bound<'_, PyAny>,
        versions: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let kind = edge(kind)?;
        let pairs = pairs(sources, targets)?;
        let at_ms = longs("at_ms", pairs.len(), at_ms)?;
        let versions = longs("versions", pairs.len(), versions)?;
        let changed = write(py, &self.0, |graph| {
            let edges = pairs.into_iter().zip(at_ms).zip(versions);
            edges.filter(|&((pair, at_ms), version)| graph.put(kind, pair, at_ms, version)).count()
        })?;
        Ok(changed)
    }

    fn drop(
        &self,
        py: Python<'_>,
        kind: u8,
        sources: &Bound<'_, PyAny>,
        targets: &Bound<'_, PyAny>,
        versions: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let kind = edge(kind)?;
        let pairs = pairs(sources, targets)?;
        let versions = longs("versions", pairs.len(), versions)?;
        let changed = write(py, &self.0, |graph| {
            let edges = pairs.into_iter().zip(versions);
            edges.filter(|&(pair, version)| graph.remove(kind, pair, version)).count()
        })?;
        Ok(changed)
    }

    fn set_private(
        &self,
        py: Python<'_>,
        users: &Bound<'_, PyAny>,
        private: &Bound<'_, PyAny>,
        versions: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let users = people("users", users)?;
        let private = numbers::<u8>("private", "uint8", users.len(), private)?;
        let versions = longs("versions", users.len(), versions)?;
        let changed = write(py, &self.0, |graph| {
            let flags = users.into_iter().zip(private).zip(versions);
            flags.filter(|&((user, flag), version)| graph.set_private(user, flag != 0, version)).count()
        })?;
        Ok(changed)
    }

    fn relations<'py>(
        &self,
        py: Python<'py>,
        viewer: &Bound<'_, PyAny>,
        subjects: &Bound<'_, PyAny>,
        now_ms: i64,
    ) -> PyResult<Array1<'py, u16>> {
        let (viewer, subjects) = (person("viewer", viewer)?, people("subjects", subjects)?);
        let bits = read(py, &self.0, |graph| graph.relations(viewer, &subjects, now_ms))?;
        Ok(bits.into_pyarray(py))
    }

    fn page<'py>(
        &self,
        py: Python<'py>,
        listing: u8,
        subject: &Bound<'_, PyAny>,
        limit: usize,
        before: Option<(i64, Bound<'_, PyAny>)>,
        exclude: &Bound<'_, PyAny>,
    ) -> PyResult<(Bound<'py, PyBytes>, Array1<'py, i64>)> {
        let listing = list(listing)?;
        let subject = person("subject", subject)?;
        let before =
            before.map(|(at_ms, id)| Ok::<Row, Failure>((at_ms, person("before", &id)?))).transpose()?;
        let excluded = set(exclude)?;
        let rows = read(py, &self.0, |graph| graph.page(listing, subject, limit, before, &excluded))?;
        let times: Vec<i64> = rows.iter().map(|(at_ms, _)| *at_ms).collect();
        Ok((id_bytes(py, rows.into_iter().map(|(_, id)| id.into()))?, times.into_pyarray(py)))
    }

    fn counts<'py>(
        &self,
        py: Python<'py>,
        subjects: &Bound<'_, PyAny>,
        exclude: &Bound<'_, PyAny>,
    ) -> PyResult<Array2<'py, i64>> {
        let (subjects, excluded) = (people("subjects", subjects)?, set(exclude)?);
        let counts = read(py, &self.0, |graph| graph.counts(&subjects, &excluded))?;
        let rows = counts.len();
        convert::counts(counts.into_iter().flatten()).into_pyarray(py).reshape([rows, 2])
    }

    fn hidden<'py>(&self, py: Python<'py>, viewer: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let viewer = person("viewer", viewer)?;
        bytes(py, read(py, &self.0, |graph| graph.hidden(viewer))?)
    }

    fn muted<'py>(
        &self,
        py: Python<'py>,
        viewer: &Bound<'_, PyAny>,
        now_ms: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let viewer = person("viewer", viewer)?;
        bytes(py, read(py, &self.0, |graph| graph.muted(viewer, now_ms))?)
    }

    fn path<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'_, PyAny>,
        target: &Bound<'_, PyAny>,
        max_depth: usize,
        exclude: &Bound<'_, PyAny>,
        max_visited: usize,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let (source, target) = (person("source", source)?, person("target", target)?);
        let excluded = set(exclude)?;
        let search = Search { max_depth, max_visited };
        let path = read(py, &self.0, |graph| graph.path(source, target, search, &excluded))?;
        path.map(|path| bytes(py, path)).transpose()
    }

    #[allow(clippy::type_complexity)] // a tuple of Python, named in the face
    fn candidates<'py>(
        &self,
        py: Python<'py>,
        viewer: &Bound<'_, PyAny>,
        k: usize,
        now_ms: i64,
        exclude: &Bound<'_, PyAny>,
        reach: (usize, usize),
    ) -> PyResult<(Bound<'py, PyBytes>, Array1<'py, f64>, Array1<'py, u32>)> {
        let (viewer, excluded) = (person("viewer", viewer)?, set(exclude)?);
        let reach = Reach { max_middles: reach.0, max_per_middle: reach.1 };
        let found = read(py, &self.0, |graph| graph.candidates(viewer, k, now_ms, reach, &excluded))?;
        let scores: Vec<f64> = found.iter().map(|candidate| candidate.score).collect();
        let mutuals: Vec<u32> = found.iter().map(|candidate| candidate.mutuals).collect();
        let ids = id_bytes(py, found.into_iter().map(|candidate| candidate.id.into()))?;
        Ok((ids, scores.into_pyarray(py), mutuals.into_pyarray(py)))
    }

    fn mutual_counts<'py>(
        &self,
        py: Python<'py>,
        viewer: &Bound<'_, PyAny>,
        subjects: &Bound<'_, PyAny>,
        exclude: &Bound<'_, PyAny>,
    ) -> PyResult<Array1<'py, i64>> {
        let (viewer, subjects) = (person("viewer", viewer)?, people("subjects", subjects)?);
        let excluded = set(exclude)?;
        let counts = read(py, &self.0, |graph| graph.mutual_counts(viewer, &subjects, &excluded))?;
        Ok(convert::counts(counts.into_iter()).into_pyarray(py))
    }

    fn mutuals<'py>(
        &self,
        py: Python<'py>,
        viewer: &Bound<'_, PyAny>,
        subject: &Bound<'_, PyAny>,
        limit: usize,
        exclude: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (viewer, subject) = (person("viewer", viewer)?, person("subject", subject)?);
        let excluded = set(exclude)?;
        bytes(py, read(py, &self.0, |graph| graph.mutuals(viewer, subject, limit, &excluded))?)
    }

    fn prune_tombstones(&self, py: Python<'_>, before_version: i64) -> PyResult<usize> {
        Ok(write(py, &self.0, |graph| graph.prune_tombstones(before_version))?)
    }

    fn content_hash<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let hash = read(py, &self.0, nova_graph::Adjacency::content_hash)?;
        Ok(PyBytes::new(py, &hash))
    }

    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let sizes = read(py, &self.0, nova_graph::Adjacency::sizes)?;
        let named = PyDict::new(py);
        named.set_item("people", sizes.people)?;
        for (name, count) in ["follows", "requests", "blocks", "mutes"].into_iter().zip(sizes.edges) {
            named.set_item(name, count)?;
        }
        named.set_item("private", sizes.private)?;
        named.set_item("tombstones", sizes.tombstones)?;
        Ok(named)
    }
}

fn people(what: &str, buffer: &Bound<'_, PyAny>) -> Result<Vec<Id>, Failure> {
    Ok(convert::ids(what, buffer)?.into_iter().map(Id::from).collect())
}

fn person(what: &str, buffer: &Bound<'_, PyAny>) -> Result<Id, Failure> {
    convert::id(what, buffer).map(Id::from)
}

fn set(buffer: &Bound<'_, PyAny>) -> Result<FxHashSet<Id>, Failure> {
    Ok(convert::ids("exclude", buffer)?.into_iter().map(Id::from).collect())
}

fn pairs(sources: &Bound<'_, PyAny>, targets: &Bound<'_, PyAny>) -> Result<Vec<Pair>, Failure> {
    let (sources, targets) = (people("sources", sources)?, people("targets", targets)?);
    if sources.len() != targets.len() {
        let (from, to) = (sources.len(), targets.len());
        return Err(Failure::Input(format!("{from} sources beside {to} targets: give as many of each")));
    }
    let pairs = sources.into_iter().zip(targets).map(|(source, target)| Pair::new(source, target));
    Ok(pairs.collect::<Result<_, _>>()?)
}

fn edge(code: u8) -> Result<Kind, Failure> {
    Kind::from_code(code).ok_or_else(|| Failure::Input(format!("{code} is no kind of edge: give 0 to 3")))
}

fn list(code: u8) -> Result<Listing, Failure> {
    Listing::from_code(code).ok_or_else(|| Failure::Input(format!("{code} is no list: give 0 to 3")))
}

fn bytes(py: Python<'_>, ids: Vec<Id>) -> PyResult<Bound<'_, PyBytes>> {
    id_bytes(py, ids.into_iter().map(u128::from))
}
