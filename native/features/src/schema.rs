//! Columns: what a value is when nothing is known, and how it fades.

use std::ops::Range;

use crate::Error;

/// The columns of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    defaults: Vec<f32>,
    half_lives_s: Vec<f64>,
    /// Runs of columns that fade together, each with the place of its half-life among the distinct ones.
    fading: Vec<(Range<usize>, usize)>,
    distinct_ms: Vec<f64>,
}

impl Schema {
    /// Columns with these defaults; a half-life is in seconds, infinite for a value that stays.
    ///
    /// # Errors
    /// When there is no column, or the two lengths differ, or a number is out of its range.
    pub fn new(defaults: Vec<f32>, half_lives_s: Vec<f64>) -> Result<Self, Error> {
        if defaults.is_empty() {
            return Err(Error::NoColumns);
        }
        if defaults.len() != half_lives_s.len() {
            return Err(Error::SchemaShape { defaults: defaults.len(), half_lives: half_lives_s.len() });
        }
        if let Some(column) = defaults.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { row: 0, column });
        }
        let mut fading: Vec<(Range<usize>, usize)> = Vec::new();
        let mut distinct_ms: Vec<f64> = Vec::new();
        for (column, &seconds) in half_lives_s.iter().enumerate() {
            if seconds.is_nan() || seconds <= 0.0 {
                return Err(Error::HalfLife { column, seconds });
            }
            let ms = seconds * 1000.0;
            if ms.is_infinite() {
                continue;
            }
            let known = distinct_ms.iter().position(|other| other.total_cmp(&ms).is_eq());
            let place = known.unwrap_or(distinct_ms.len());
            if known.is_none() {
                distinct_ms.push(ms);
            }
            match fading.last_mut() {
                Some((run, same)) if *same == place && run.end == column => run.end += 1,
                _ => fading.push((column..column + 1, place)),
            }
        }
        Ok(Self { defaults, half_lives_s, fading, distinct_ms })
    }

    /// Values of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.defaults.len()
    }

    /// The row of an id that nothing is known of.
    #[must_use]
    pub fn defaults(&self) -> &[f32] {
        &self.defaults
    }

    pub(crate) fn half_lives_s(&self) -> &[f64] {
        &self.half_lives_s
    }

    /// Whether any column fades.
    pub(crate) fn fades(&self) -> bool {
        !self.fading.is_empty()
    }

    /// Lets `elapsed_ms` pass over a row: what is above or below a default halves with each half-life.
    /// `factors` is memory to work in.
    pub(crate) fn fade(&self, row: &mut [f32], elapsed_ms: i64, factors: &mut Vec<f64>) {
        if elapsed_ms <= 0 {
            return;
        }
        factors.clear();
        factors.extend(self.distinct_ms.iter().map(|&half_life_ms| remaining(elapsed_ms, half_life_ms)));
        for (run, place) in &self.fading {
            let factor = factors[*place];
            for (value, &default) in row[run.clone()].iter_mut().zip(&self.defaults[run.clone()]) {
                // In f64 the difference of two finite f32 cannot overflow.
                let default = f64::from(default);
                *value = narrow(default + (f64::from(*value) - default) * factor);
            }
        }
    }

    /// What is left, at a row's time, of an amount that came `elapsed_ms` before it.
    pub(crate) fn faded(&self, column: usize, amount: f32, elapsed_ms: i64) -> f32 {
        let half_life_ms = self.half_lives_s[column] * 1000.0;
        if elapsed_ms <= 0 || half_life_ms.is_infinite() {
            return amount;
        }
        narrow(f64::from(amount) * remaining(elapsed_ms, half_life_ms))
    }
}

#[allow(clippy::cast_precision_loss)] // a millisecond in 285,000 years
fn remaining(elapsed_ms: i64, half_life_ms: f64) -> f64 {
    (-(elapsed_ms as f64) / half_life_ms).exp2()
}

#[allow(clippy::cast_possible_truncation)] // rounding is what it does
fn narrow(value: f64) -> f32 {
    value as f32
}
