//! The inner loops, compiled twice: for every processor, and for those with AVX2 and FMA.

/// Heads computed side by side: one register of eight f32.
const LANES: usize = 8;
/// Rows computed side by side, so that one sum need not wait for the other.
const TILE: usize = 8;

/// Weights in the order in which the loops read them.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// One weight a feature: all heads without an activation, folded.
    pub linear: Vec<f64>,
    /// Heads with a sigmoid, eight at a time.
    sigmoid: Vec<Block>,
}

/// Up to eight sigmoid heads; unused ones weigh nothing.
#[derive(Clone, Debug)]
struct Block {
    features: Vec<[f32; LANES]>,
    heads: [f32; LANES],
}

impl Weights {
    /// `weights` are features × heads; all sizes have been checked.
    pub fn new(weights: &[f32], head_weights: &[f32], sigmoid: &[bool]) -> Self {
        let heads = head_weights.len();
        let linear = weights.chunks_exact(heads).map(|row| {
            let parts = row.iter().zip(head_weights).zip(sigmoid).filter(|(_, sigmoid)| !**sigmoid);
            parts.map(|((&weight, &head), _)| f64::from(weight) * f64::from(head)).sum()
        });
        let chosen: Vec<usize> = (0..heads).filter(|&head| sigmoid[head]).collect();
        let block = |chosen: &[usize]| Block {
            features: weights.chunks_exact(heads).map(|row| lanes(chosen, row)).collect(),
            heads: lanes(chosen, head_weights),
        };
        Self { linear: linear.collect(), sigmoid: chosen.chunks(LANES).map(block).collect() }
    }

    pub fn has_sigmoid(&self) -> bool {
        !self.sigmoid.is_empty()
    }
}

fn lanes(chosen: &[usize], row: &[f32]) -> [f32; LANES] {
    std::array::from_fn(|lane| chosen.get(lane).map_or(0.0, |&head| row[head]))
}

/// The score of each whole row of `features`.
pub(crate) fn scores(weights: &Weights, features: &[f32]) -> Vec<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has just been asked for both features.
        #[allow(unsafe_code)]
        return unsafe { scores_avx2(weights, features) };
    }
    scores_with::<false>(weights, features)
}

/// # Safety
/// The processor must have AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[target_feature(enable = "avx2,fma")]
unsafe fn scores_avx2(weights: &Weights, features: &[f32]) -> Vec<f64> {
    scores_with::<true>(weights, features)
}

#[inline(always)]
#[allow(clippy::inline_always)] // it must be compiled with the features of its caller
fn scores_with<const FMA: bool>(weights: &Weights, features: &[f32]) -> Vec<f64> {
    let width = weights.linear.len();
    let mut scores: Vec<f64> =
        features.chunks_exact(width).map(|row| dot::<FMA>(row, &weights.linear)).collect();
    let mut logits = vec![[0.0_f32; LANES]; if weights.has_sigmoid() { scores.len() } else { 0 }];
    for block in &weights.sigmoid {
        let mut rows = features.chunks_exact(width * TILE);
        let mut tiles = logits.chunks_exact_mut(TILE);
        for (rows, tile) in rows.by_ref().zip(tiles.by_ref()) {
            fill::<FMA, TILE>(block, rows, tile);
        }
        let rest = rows.remainder().chunks_exact(width);
        for (row, tile) in rest.zip(tiles.into_remainder().chunks_exact_mut(1)) {
            fill::<FMA, 1>(block, row, tile);
        }
        for logit in logits.as_flattened_mut() {
            *logit = sigmoid(*logit);
        }
        for (score, heads) in scores.iter_mut().zip(&logits) {
            let parts = heads.iter().zip(&block.heads).map(|(&head, &weight)| f64::from(head * weight));
            *score += parts.sum::<f64>();
        }
    }
    scores
}

/// Σ x·w in eight sums, always in the same order, so that a row scores the same in every batch.
#[inline(always)]
#[allow(clippy::inline_always)]
fn dot<const FMA: bool>(row: &[f32], weights: &[f64]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let mut xs = row.chunks_exact(LANES);
    let mut ws = weights.chunks_exact(LANES);
    for (x, w) in xs.by_ref().zip(ws.by_ref()) {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<FMA>(f64::from(x[lane]), w[lane], sums[lane]);
        }
    }
    for ((sum, &x), &w) in sums.iter_mut().zip(xs.remainder()).zip(ws.remainder()) {
        *sum = multiply_add::<FMA>(f64::from(x), w, *sum);
    }
    let (low, high) = sums.split_at(LANES / 2);
    low.iter().zip(high).map(|(a, b)| a + b).sum()
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn multiply_add<const FMA: bool>(x: f64, w: f64, sum: f64) -> f64 {
    if FMA { x.mul_add(w, sum) } else { x * w + sum }
}

/// Computes eight logits of each of `ROWS` rows.
#[inline(always)]
#[allow(clippy::inline_always)]
fn fill<const FMA: bool, const ROWS: usize>(block: &Block, rows: &[f32], tile: &mut [[f32; LANES]]) {
    let width = block.features.len();
    let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row * width..][..width]);
    let mut sums = [[0.0_f32; LANES]; ROWS];
    for (feature, weights) in block.features.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let x = row[feature];
            for lane in 0..LANES {
                let w = weights[lane];
                sums[lane] = if FMA { x.mul_add(w, sums[lane]) } else { x * w + sums[lane] };
            }
        }
    }
    tile.copy_from_slice(&sums);
}

/// 1 / (1 + e^-x), to a few units in the last place, without branches. NaN stays NaN.
#[inline(always)]
#[allow(clippy::inline_always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// e^x by the method of Cephes (Moshier, `expf.c`): 2^n times a polynomial on ±ln(2)/2.
#[inline(always)]
#[allow(clippy::inline_always, clippy::excessive_precision)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 × 2^23: adding it rounds to an integer, which its low bits then hold
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Beyond these the sigmoid is 0 or 1 in f32. A comparison, not `clamp`, keeps NaN.
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_15e-4;
    for coefficient in [1.398_199_95e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_55e-1, 0.5] {
        p = p * r + coefficient;
    }
    let scale = f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23);
    (p * r * r + r + 1.0) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sigmoid_is_close_and_keeps_nan() {
        for step in -4_000..=4_000_i16 {
            let x = f32::from(step) / 40.0;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            let error = (f64::from(sigmoid(x)) - exact).abs();
            assert!(error <= 2e-7 * exact.max(1e-30) + 1e-37, "{x}: {error}");
        }
        assert!(sigmoid(f32::NAN).is_nan());
        assert_eq!([sigmoid(f32::INFINITY), sigmoid(0.0)].map(f32::to_bits), [1.0, 0.5].map(f32::to_bits));
    }

    #[test]
    fn both_compilations_agree() {
        let weights = Weights::new(&[0.5; 21], &[1.0, -2.0, 0.25], &[true, false, true]);
        let features: Vec<f32> = (0..7 * 9).map(|i: u8| f32::from(i) / 50.0).collect();
        let plain = scores_with::<false>(&weights, &features);
        for (a, b) in plain.iter().zip(scores(&weights, &features)) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}
