use super::*;
use proptest::prelude::*;

fn entries(list: &[(u32, u32, f64)]) -> Entries {
    let mut entries = Entries::empty((9, 9), Places::Entries);
    list.iter().for_each(|&(i, j, value)| entries.push(i, j, value));
    entries
}

fn sorted(list: &[(u32, u32, f64)]) -> (Vec<(u32, u32, f64)>, usize) {
    let Completion { data, merged } = entries(list).finish().unwrap();
    (
        (0..data.y.len())
            .map(|i| (data.rows[i], data.cols[i], data.y[i]))
            .collect(),
        merged,
    )
}

#[test]
fn entries_come_out_row_major() {
    let list = [(2, 0, 1.), (0, 3, 2.), (2, 8, 3.), (0, 1, 4.)];
    assert_eq!(
        sorted(&list),
        (vec![(0, 1, 4.), (0, 3, 2.), (2, 0, 1.), (2, 8, 3.)], 0)
    );
}

#[test]
fn repeated_entries_are_merged_and_counted() {
    let list = [(1, 1, 5.), (0, 0, 1.), (1, 1, 5.), (1, 1, 5.), (0, 0, 1.)];
    assert_eq!(sorted(&list), (vec![(0, 0, 1.), (1, 1, 5.)], 3));
}

#[test]
fn contradictory_entries_are_named_with_places_ids_and_values() {
    let mut table = Entries::empty((1, 2), Places::Lines(LineMap::default()));
    for (line, col, value) in [(2, 1, 7.), (12, 0, 3.), (507, 0, 4.)] {
        table.push_at_line(line, 0, col, value);
    }
    (table.row_ids, table.col_ids) = (Some(vec!["u3".into()]), Some(vec!["i9".into(), "i1".into()]));
    let error = table.finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "line 12 and line 507 both give (u3, i9): 3 and 4, expected one value"
    );
    let error = entries(&[(1, 2, 0.5), (1, 2, 0.25)])
        .finish()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "entry 0 and entry 1 both give (1, 2): 0.5 and 0.25, expected one value"
    );
}

#[test]
fn no_entry_and_no_number_are_refused() {
    assert!(
        entries(&[])
            .finish()
            .unwrap_err()
            .to_string()
            .contains("found no entry")
    );
    let error = entries(&[(0, 0, 1.), (0, 1, f64::NAN)])
        .finish()
        .unwrap_err()
        .to_string();
    assert_eq!(error, "entry 1: found the value NaN, expected a finite number");
}

#[test]
fn lines_are_remembered_across_gaps() {
    let lines = [3, 4, 5, 9, 10, 10, 12];
    let mut map = LineMap::default();
    lines.iter().for_each(|&line| map.push(line));
    let remembered: Vec<u64> = (0..lines.len()).map(|i| map.line(i)).collect();
    assert_eq!(remembered, lines);
    assert_eq!(map.breaks.len(), 4, "consecutive lines take no memory");
    for cut in 0..=lines.len() {
        let (mut first, mut second) = (LineMap::default(), LineMap::default());
        lines[..cut].iter().for_each(|&line| first.push(line));
        lines[cut..].iter().for_each(|&line| second.push(line));
        first.append(&second);
        assert_eq!(
            (first.breaks, first.count, first.next_line),
            (map.breaks.clone(), 7, 13)
        );
    }
}

proptest! {
    #[test]
    fn the_radix_sort_is_the_stable_sort(pairs in proptest::collection::vec((prop_oneof![0..4u32, any::<u32>()], prop_oneof![0..4u32, any::<u32>()]), 0..60)) {
        let (rows, cols): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        let mut expected: Vec<u32> = (0..pairs.len() as u32).collect();
        expected.sort_by_key(|&i| pairs[i as usize]);
        prop_assert_eq!(row_major(&rows, &cols), expected);
    }

    #[test]
    fn the_order_of_the_file_does_not_matter(list in Just((0..40u32).map(|i| (i % 7, i / 7, f64::from(i))).collect::<Vec<_>>()).prop_shuffle()) {
        let mut expected = list.clone();
        expected.sort_by_key(|entry| (entry.0, entry.1));
        prop_assert_eq!(sorted(&list), (expected, 0));
    }
}
