//! Calling a kernel: without the GIL, under its lock, and with panics caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use pyo3::prelude::*;

use crate::error::Failure;

/// Runs `kernel` with the GIL released. A panic becomes `KernelPanic`, which `except Exception` catches; the
/// kernel's lock is then poisoned, and every later call says so.
pub fn detached<T: Send>(
    py: Python<'_>,
    kernel: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    py.detach(|| catch_unwind(AssertUnwindSafe(kernel)))
        .unwrap_or_else(|panic| Err(Failure::Panic(message(panic.as_ref()))))
}

/// Reads under a shared lock.
pub fn read<T: Send + Sync, R: Send>(
    py: Python<'_>,
    lock: &RwLock<T>,
    kernel: impl FnOnce(&T) -> R + Send,
) -> Result<R, Failure> {
    detached(py, || {
        let guard: RwLockReadGuard<'_, T> = lock.read().map_err(|_| poisoned())?;
        Ok(kernel(&guard))
    })
}

/// Writes under an exclusive lock.
pub fn write<T: Send + Sync, R: Send>(
    py: Python<'_>,
    lock: &RwLock<T>,
    kernel: impl FnOnce(&mut T) -> R + Send,
) -> Result<R, Failure> {
    detached(py, || {
        let mut guard: RwLockWriteGuard<'_, T> = lock.write().map_err(|_| poisoned())?;
        Ok(kernel(&mut guard))
    })
}

fn poisoned() -> Failure {
    Failure::Panic("an earlier call broke off while it was writing".to_owned())
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a kernel panicked".to_owned())
}
