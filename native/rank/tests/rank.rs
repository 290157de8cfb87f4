//! A slate equals ranking everything by the book, and its scores are the sums of their parts.

use nova_rank::{Diversity, Error, Linear};
use proptest::prelude::*;

const DIVERSITY: Diversity = Diversity { decay: 0.5, floor: 0.25 };

/// Rank by plain score, count each author's posts, multiply, rank again.
fn by_the_book(scores: &[f64], authors: &[u128], k: usize, diversity: Diversity) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut seen = std::collections::HashMap::new();
    let mut ranked: Vec<(usize, f64)> = Vec::new();
    for row in order {
        let share = seen.entry(authors[row]).or_insert(1.0_f64);
        let multiplier = if scores[row] > 0.0 { share.max(diversity.floor) } else { 1.0 };
        *share *= diversity.decay;
        ranked.push((row, scores[row] * multiplier));
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.truncate(k);
    ranked
}

proptest! {
    #[test]
    fn a_slate_is_ranked_by_the_book(
        rows in prop::collection::vec((-4..8_i8, 0..6_u128), 0..120),
        k in prop_oneof![0..30_usize, Just(usize::MAX)],
        decay in 0.0..=1.0_f64,
        floor in 0.0..=1.0_f64,
    ) {
        let ranker = Linear::new(&[1.0], &[1.0], &[false]).expect("good weights");
        let (features, authors): (Vec<f32>, Vec<u128>) =
            rows.into_iter().map(|(score, author)| (f32::from(score), author)).unzip();
        let diversity = Diversity { decay, floor };
        let slate = ranker.rank(&features, &authors, k, diversity).expect("good rows");
        let scores: Vec<f64> = features.iter().map(|&score| f64::from(score)).collect();
        let expected = by_the_book(&scores, &authors, k, diversity);
        let found: Vec<(usize, f64)> =
            slate.index.iter().map(|&row| row as usize).zip(slate.scores.iter().copied()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn parts_sum_to_the_score(
        (width, heads) in (1..40_usize, 1..10_usize),
        numbers in prop::collection::vec(-100.0..100.0_f32, 1_000),
        rows in 1..12_usize,
    ) {
        let weights: Vec<f32> = numbers.iter().map(|x| x / 50.0).take(width * heads).collect();
        let ranker = Linear::new(&weights, &numbers[500..500 + heads], &vec![false; heads]).expect("good weights");
        let features = &numbers[500..500 + rows * width];
        let authors: Vec<u128> = (0..rows as u128).map(|row| row % 3).collect();
        let slate = ranker.rank(features, &authors, rows, DIVERSITY).expect("good rows");
        for ((&row, score), multiplier) in slate.index.iter().zip(&slate.scores).zip(&slate.multipliers) {
            let row = &features[row as usize * width..][..width];
            let parts = ranker.explain(row, &[*multiplier]).expect("a linear ranker");
            let sum: f64 = parts.contributions.iter().sum();
            let scale: f64 = parts.contributions.iter().map(|part| part.abs()).sum();
            prop_assert!((sum - score).abs() <= 1e-12 * (1.0 + scale), "{sum} {score}");
            let products = row.iter().zip(&parts.weights).map(|(&x, weight)| f64::from(x) * weight);
            prop_assert!(products.zip(&parts.contributions).all(|(a, &b)| a.total_cmp(&b).is_eq()));
        }
    }

    #[test]
    fn a_row_scores_the_same_in_every_batch(
        (width, heads) in (1..20_usize, 1..20_usize),
        numbers in prop::collection::vec(-2.0..2.0_f32, 1_000),
        mask in any::<u32>(),
    ) {
        let sigmoid: Vec<bool> = (0..heads).map(|head| mask >> head & 1 == 1).collect();
        let ranker =
            Linear::new(&numbers[..width * heads], &numbers[400..400 + heads], &sigmoid).expect("good weights");
        let rows = 1_000 / width;
        let all = ranker.scores(&numbers[..rows * width], rows).expect("good rows");
        for (row, score) in numbers.chunks_exact(width).zip(&all) {
            let alone = ranker.scores(row, 1).expect("a good row")[0];
            prop_assert!(alone.total_cmp(score).is_eq());
            let exact = in_f64(row, &numbers[..width * heads], &numbers[400..400 + heads], &sigmoid);
            prop_assert!((alone - exact).abs() < 1e-4, "{alone} {exact}");
        }
    }
}

fn in_f64(row: &[f32], weights: &[f32], head_weights: &[f32], sigmoid: &[bool]) -> f64 {
    let heads = head_weights.len();
    let head = |head: usize| {
        let products = row.iter().zip(weights.chunks_exact(heads));
        let logit: f64 = products.map(|(&x, weights)| f64::from(x) * f64::from(weights[head])).sum();
        let value = if sigmoid[head] { 1.0 / (1.0 + (-logit).exp()) } else { logit };
        value * f64::from(head_weights[head])
    };
    (0..heads).map(head).sum()
}

#[test]
fn wrong_input_is_refused() {
    assert_eq!(Linear::new(&[], &[1.0], &[false]).err(), Some(Error::NoWeights));
    assert_eq!(Linear::new(&[1.0], &[], &[]).err(), Some(Error::NoWeights));
    assert!(matches!(Linear::new(&[1.0; 3], &[1.0; 2], &[false; 2]), Err(Error::Size { .. })));
    assert!(matches!(Linear::new(&[f32::NAN], &[1.0], &[false]), Err(Error::Weight { .. })));
    let ranker = Linear::new(&[1.0, 2.0], &[1.0], &[false]).expect("good weights");
    assert_eq!(ranker.scores(&[1.0, 1.0, f32::NAN, 1.0], 2), Err(Error::NotFinite { row: 1 }));
    assert!(matches!(ranker.scores(&[1.0; 3], 2), Err(Error::Size { .. })));
    let negative = Diversity { decay: -0.1, floor: 0.0 };
    assert!(matches!(ranker.rank(&[], &[], 1, negative), Err(Error::Share { .. })));
    let unknown = Diversity { decay: 0.5, floor: f64::NAN };
    assert!(matches!(ranker.rank(&[], &[], 1, unknown), Err(Error::Share { .. })));
    let sigmoid = Linear::new(&[1.0], &[1.0], &[true]).expect("good weights");
    assert_eq!(sigmoid.explain(&[1.0], &[1.0]), Err(Error::NotLinear));
}
