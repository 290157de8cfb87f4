//! Rows fade, add up in any order, and come back from bytes as they were.

use nova_features::{Error, Increment, Schema, Table};
use proptest::prelude::*;

const DEFAULTS: [f32; 3] = [0.0, 1.0, -2.0];
const HALF_LIVES_S: [f64; 3] = [f64::INFINITY, 10.0, 20.0];

fn table() -> Table {
    Table::new(Schema::new(DEFAULTS.to_vec(), HALF_LIVES_S.to_vec()).expect("a good schema"))
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs()))
}

fn an_increment() -> impl Strategy<Value = Increment> {
    (0..4_u128, 0..3_usize, -8..8_i8, 0..60_000_i64).prop_map(|(id, column, amount, at_ms)| Increment {
        id,
        column,
        amount: f32::from(amount),
        at_ms,
    })
}

proptest! {
    #[test]
    fn increments_add_up_in_any_order(
        increments in prop::collection::vec(an_increment(), 0..30).prop_flat_map(|increments| {
            (Just(increments.clone()), Just(increments).prop_shuffle())
        }),
    ) {
        let (increments, shuffled) = increments;
        let [mut one, mut other] = [table(), table()];
        one.add(&increments).expect("good increments");
        for increment in shuffled {
            other.add(&[increment]).expect("a good increment");
        }
        let ids = [0, 1, 2, 3];
        let rows = [one, other].map(|table| table.lookup(&ids, 70_000));
        prop_assert!(close(&rows[0].values, &rows[1].values), "{rows:?}");
        prop_assert_eq!(&rows[0].missing, &rows[1].missing);
    }

    #[test]
    fn bytes_hold_everything(increments in prop::collection::vec(an_increment(), 0..30)) {
        let mut original = table();
        original.add(&increments).expect("good increments");
        let [mut restored, mut unpacked] = [table(), table()];
        prop_assert_eq!(restored.restore(&original.snapshot()), Ok(original.len()));
        let ids: Vec<u128> = (0..4).filter(|id| increments.iter().any(|increment| increment.id == *id)).collect();
        let (packed, missing) = original.pack(&ids);
        prop_assert!(missing.iter().all(|missing| !missing));
        prop_assert_eq!(unpacked.unpack(&ids, &packed), Ok(ids.len()));
        for copy in [restored, unpacked] {
            prop_assert_eq!(copy.content_hash(), original.content_hash());
            prop_assert_eq!(copy.snapshot(), original.snapshot());
        }
    }

    #[test]
    fn a_broken_snapshot_changes_nothing(cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
        let mut target = table();
        target.put(&[1, 2], &[1.0; 6], &[5, 6]).expect("good rows");
        let before = target.content_hash();
        let mut snapshot = target.snapshot();
        prop_assert!(target.restore(&snapshot[..cut.index(snapshot.len())]).is_err());
        let at = flip.index(80);
        snapshot[at % 24] ^= 0x10;
        prop_assert!(target.restore(&snapshot).is_err());
        prop_assert_eq!(target.content_hash(), before);
    }
}

#[test]
fn values_fade_towards_their_defaults_and_others_stay() {
    let mut table = table();
    table.put(&[7], &[4.0, 5.0, 2.0], &[1_000]).expect("a good row");
    let at = |now_ms| table.lookup(&[7, 8], now_ms);
    assert!(close(&at(1_000).values, &[4.0, 5.0, 2.0, 0.0, 1.0, -2.0]));
    assert!(close(&at(11_000).values[..3], &[4.0, 3.0, -2.0 + 4.0 * 0.5_f32.sqrt()]));
    assert!(close(&at(i64::MAX).values[..3], &[4.0, 1.0, -2.0]));
    assert!(close(&at(i64::MIN).values[..3], &[4.0, 5.0, 2.0]));
    assert_eq!(at(0).missing, [false, true]);
}

#[test]
fn removed_rows_are_gone_and_the_others_found() {
    let mut table = table();
    let ids: Vec<u128> = (0..10).collect();
    let at_ms: Vec<i64> = (0..10).collect();
    let values: Vec<f32> = (0..30_u8).map(f32::from).collect();
    table.put(&ids, &values, &at_ms).expect("good rows");
    assert_eq!(table.remove(&[3, 9, 3, 77]), 2);
    assert_eq!(table.prune(2), 2);
    assert_eq!(table.len(), 6);
    let rows = table.lookup(&[8, 2, 3], 0);
    assert!(close(&rows.values, &[24.0, 25.0, 26.0, 6.0, 7.0, 8.0, 0.0, 1.0, -2.0]));
    assert_eq!(rows.missing, [false, false, true]);
}

#[test]
fn a_bad_batch_changes_nothing() {
    let mut table = table();
    let good = Increment { id: 1, column: 0, amount: 1.0, at_ms: 0 };
    let errors = [
        table.put(&[1], &[0.0; 2], &[0]),
        table.put(&[1], &[0.0; 3], &[0, 0]),
        table.put(&[1], &[0.0, f32::NAN, 0.0], &[0]),
        table.add(&[good, Increment { column: 3, ..good }]),
        table.add(&[good, Increment { amount: f32::INFINITY, ..good }]),
        table.unpack(&[1], &[0; 19]),
    ];
    assert_eq!(errors[2], Err(Error::NotFinite { row: 0, column: 1 }));
    assert_eq!(errors[3], Err(Error::NoSuchColumn { column: 3, width: 3 }));
    assert!(errors.iter().all(Result::is_err) && table.is_empty());
}

#[test]
fn sums_stay_finite() {
    let mut table = table();
    let huge = Increment { id: 1, column: 1, amount: f32::MAX, at_ms: 0 };
    table.add(&[huge, huge]).expect("finite amounts");
    assert!(table.lookup(&[1], 1).values.iter().all(|value| value.is_finite()));
}

#[test]
fn schemas_are_checked() {
    assert_eq!(Schema::new(vec![], vec![]), Err(Error::NoColumns));
    assert_eq!(Schema::new(vec![0.0], vec![]), Err(Error::SchemaShape { defaults: 1, half_lives: 0 }));
    assert!(matches!(Schema::new(vec![0.0], vec![0.0]), Err(Error::HalfLife { .. })));
    assert!(matches!(Schema::new(vec![f32::NAN], vec![1.0]), Err(Error::NotFinite { .. })));
}
