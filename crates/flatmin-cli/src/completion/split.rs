//! Entries held out at random: by `--hide` for the score, and inside the search for λ.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Random numbers of one purpose: streams of one seed do not meet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Hide = 1,
    HoldOut = 2,
    CrossSection = 3,
}

/// The random numbers of a seed for a purpose.
pub(crate) fn random(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    rng
}

/// Marks a share of `count` entries, at least one, never all.
pub(crate) fn hide(count: usize, share: f64, seed: u64) -> Vec<bool> {
    let wanted = ((share * count as f64).round() as usize).clamp(1, count.saturating_sub(1).max(1));
    let mut marked = vec![false; count];
    for i in shuffled(count, seed, Stream::Hide).into_iter().take(wanted) {
        marked[i as usize] = true;
    }
    marked
}

/// Marks a share of the entries, so that every row and column keeps at least one: fewer, where they are sparse.
pub(crate) fn hold_out(
    rows: &[u32],
    columns: &[u32],
    shape: (usize, usize),
    share: f64,
    seed: u64,
) -> Vec<bool> {
    let wanted = (share * rows.len() as f64).ceil() as usize;
    let (mut left_in_row, mut left_in_column) = (counts(rows, shape.0), counts(columns, shape.1));
    let mut marked = vec![false; rows.len()];
    let mut taken = 0;
    for i in shuffled(rows.len(), seed, Stream::HoldOut) {
        let i = i as usize;
        let (row, column) = (rows[i] as usize, columns[i] as usize);
        if taken == wanted {
            break;
        }
        if left_in_row[row] > 1 && left_in_column[column] > 1 {
            left_in_row[row] -= 1;
            left_in_column[column] -= 1;
            marked[i] = true;
            taken += 1;
        }
    }
    marked
}

/// For each of `count` parts, whose sizes differ by at most one, the marks of its entries.
pub(crate) fn parts(entries: usize, count: usize, seed: u64) -> Vec<Vec<bool>> {
    let mut marks = vec![vec![false; entries]; count];
    for (turn, i) in shuffled(entries, seed, Stream::HoldOut).into_iter().enumerate() {
        marks[turn % count][i as usize] = true;
    }
    marks
}

/// The values whose mark is `which`.
pub(crate) fn pick<T: Copy>(from: &[T], marked: &[bool], which: bool) -> Vec<T> {
    let kept = from.iter().zip(marked).filter(|(_, mark)| **mark == which);
    kept.map(|(value, _)| *value).collect()
}

/// Entries are fewer than 2^32: the readers see to it.
fn shuffled(count: usize, seed: u64, stream: Stream) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).map(|i| i as u32).collect();
    order.shuffle(&mut random(seed, stream));
    order
}

fn counts(keys: &[u32], size: usize) -> Vec<u32> {
    let mut counts = vec![0; size];
    keys.iter().for_each(|key| counts[*key as usize] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_taken_and_the_seed_decides() {
        let marked = hide(1000, 0.9, 3);
        assert_eq!(marked.iter().filter(|m| **m).count(), 900);
        assert_eq!(marked, hide(1000, 0.9, 3));
        assert_ne!(marked, hide(1000, 0.9, 4));
        assert_eq!(hide(3, 0.99, 0).iter().filter(|m| **m).count(), 2);
        let values: Vec<usize> = (0..1000).collect();
        assert_eq!(
            pick(&values, &marked, true).len() + pick(&values, &marked, false).len(),
            1000
        );
    }

    #[test]
    fn every_entry_is_in_one_part() {
        let marks = parts(11, 3, 4);
        for i in 0..11 {
            assert_eq!(marks.iter().filter(|marked| marked[i]).count(), 1);
        }
        let sizes: Vec<usize> = marks
            .iter()
            .map(|marked| pick(marked, marked, true).len())
            .collect();
        assert_eq!(sizes, [4, 4, 3]);
    }

    #[test]
    fn every_row_and_column_keeps_an_entry() {
        let rows = [0, 0, 1, 1, 2, 3];
        let columns = [0, 1, 0, 1, 2, 2];
        for seed in 0..50 {
            let kept = |keys: &[u32]| {
                let mut kept = pick(keys, &hold_out(&rows, &columns, (4, 3), 0.9, seed), false);
                kept.sort_unstable();
                kept.dedup();
                kept
            };
            assert_eq!((kept(&rows), kept(&columns)), (vec![0, 1, 2, 3], vec![0, 1, 2]));
        }
    }
}
