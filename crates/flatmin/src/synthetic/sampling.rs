//! Places with a prescribed number of observed entries, enough of them in every row and column.
//!
//! A set of m places has weight ∏ p_a·q_b over its places (a, b), p and q the laws of rows and columns, and no weight if a
//! line has too few. A move picks one of the places and draws a new one for it from p × q; it is refused where the new place
//! is taken or an old line would fall short. Such a move and its reverse are drawn in the ratio of the weights, so that the
//! chain of moves is reversible with respect to them: of equal p and q, it ends uniform among the sets that are allowed.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::error::Error;
use crate::random::Stream;

/// Moves for each place before the chain counts as mixed: each place is drawn anew that often, but for refusals.
const MOVES: usize = 20;
/// Rounds of so many moves after which lines that still have too few will not fill.
const ROUNDS: usize = 50;

/// `count` places of a d1×d2 matrix, row after row, at least `least` in every row and column. The i-th line in a random
/// order is drawn in proportion to 1/i^power.
///
/// # Errors
/// No such set, or none that is found.
pub(super) fn places(
    stream: &mut Stream,
    (d1, d2): (usize, usize),
    (count, least): (usize, usize),
    power: f64,
) -> Result<Vec<(u32, u32)>, Error> {
    let refuse = || Error::Setting {
        name: "m",
        found: count.to_string(),
        expected: "entries enough for every row and column to have its least number",
    };
    let possible = count <= d1 * d2 && count >= least * d1.max(d2) && least <= d1.min(d2);
    if !possible {
        return Err(refuse());
    }
    let (rows, columns) = (Lines::new(stream, d1, power), Lines::new(stream, d2, power));
    let start = stream.choose(d1 * d2, count).into_iter();
    let mut set = Places::new(
        start.map(|i| ((i / d2) as u32, (i % d2) as u32)).collect(),
        (d1, d2),
        least,
    );
    for _ in 0..ROUNDS {
        for _ in 0..MOVES * count {
            let old = stream.below(count);
            let new = (rows.draw(stream), columns.draw(stream));
            set.move_to(old, new);
        }
        if set.is_full() {
            set.places.sort_unstable();
            return Ok(set.places);
        }
    }
    Err(refuse())
}

/// A law of lines, drawn from in constant time: a line is its own or stands for another (Walker's aliases).
struct Lines {
    /// The chance that the line drawn is meant itself.
    own: Vec<f64>,
    other: Vec<u32>,
}

impl Lines {
    /// Of n lines.
    fn new(stream: &mut Stream, n: usize, power: f64) -> Self {
        let mut own = vec![0.0; n];
        for (i, line) in stream.permutation(n).into_iter().enumerate() {
            own[line] = ((i + 1) as f64).powf(-power);
        }
        let total: f64 = own.iter().sum();
        own.iter_mut().for_each(|w| *w *= n as f64 / total);
        let mut other: Vec<u32> = (0..n as u32).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| own[*i] < 1.0);
        while let (Some(low), Some(high)) = (poor.pop(), rich.pop()) {
            other[low] = high as u32;
            own[high] -= 1.0 - own[low];
            if own[high] < 1.0 {
                poor.push(high);
            } else {
                rich.push(high);
            }
        }
        // What rounding leaves over is whole.
        poor.into_iter().chain(rich).for_each(|i| own[i] = 1.0);
        Lines { own, other }
    }

    fn draw(&self, stream: &mut Stream) -> u32 {
        let place = stream.uniform() * self.own.len() as f64;
        let line = place as usize;
        if place - line as f64 <= self.own[line] {
            line as u32
        } else {
            self.other[line]
        }
    }
}

/// Distinct places, and how many each line has.
struct Places {
    places: Vec<(u32, u32)>,
    taken: HashSet<u64, BuildHasherDefault<Mixed>>,
    rows: Vec<u32>,
    columns: Vec<u32>,
    least: u32,
}

impl Places {
    fn new(places: Vec<(u32, u32)>, (d1, d2): (usize, usize), least: usize) -> Self {
        let (mut rows, mut columns) = (vec![0; d1], vec![0; d2]);
        for (a, b) in &places {
            rows[*a as usize] += 1;
            columns[*b as usize] += 1;
        }
        Places {
            taken: places.iter().map(key).collect(),
            places,
            rows,
            columns,
            least: least as u32,
        }
    }

    /// The place of that index goes to `new`, where it may.
    fn move_to(&mut self, index: usize, new: (u32, u32)) {
        let old = self.places[index];
        let short = |counts: &[u32], old: u32, new: u32| old != new && counts[old as usize] <= self.least;
        if short(&self.rows, old.0, new.0)
            || short(&self.columns, old.1, new.1)
            || !self.taken.insert(key(&new))
        {
            return;
        }
        self.taken.remove(&key(&old));
        self.places[index] = new;
        self.rows[old.0 as usize] -= 1;
        self.rows[new.0 as usize] += 1;
        self.columns[old.1 as usize] -= 1;
        self.columns[new.1 as usize] += 1;
    }

    /// Whether every line has enough.
    fn is_full(&self) -> bool {
        self.rows
            .iter()
            .chain(&self.columns)
            .all(|count| *count >= self.least)
    }
}

fn key(place: &(u32, u32)) -> u64 {
    u64::from(place.0) << 32 | u64::from(place.1)
}

/// A hash of places, which no one chooses with ill intent: a multiplication whose high bits are brought down.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let product = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        // The table reads the highest bits, too.
        self.0.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_least_number_and_the_count_is_exact() {
        for (shape, count, least, power) in [
            ((30, 20), 95, 3, 0.0),
            ((40, 40), 210, 4, 0.7),
            ((6, 5), 30, 5, 0.0),
        ] {
            let places = places(&mut Stream::new(1), shape, (count, least), power).unwrap();
            assert!(places.is_sorted() && places.len() == count);
            let distinct: HashSet<&(u32, u32)> = places.iter().collect();
            assert_eq!(distinct.len(), count);
            for line in 0..shape.0 as u32 {
                assert!(places.iter().filter(|p| p.0 == line).count() >= least);
            }
            for line in 0..shape.1 as u32 {
                assert!(places.iter().filter(|p| p.1 == line).count() >= least);
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (shape, count, least) in [((5, 4), 21, 1), ((5, 4), 9, 2), ((5, 4), 20, 5)] {
            assert!(places(&mut Stream::new(1), shape, (count, least), 0.0).is_err());
        }
    }

    /// 2 × 3 with 4 places, one at least in each line: of the 15 sets 3 leave a column empty, 12 remain.
    #[test]
    fn allowed_sets_are_equally_likely() {
        let mut found = std::collections::BTreeMap::new();
        let mut stream = Stream::new(7);
        let draws = 12_000;
        for _ in 0..draws {
            *found
                .entry(places(&mut stream, (2, 3), (4, 1), 0.0).unwrap())
                .or_insert(0) += 1;
        }
        assert_eq!(found.len(), 12);
        // Six standard deviations of a count around 1000.
        assert!(
            found.values().all(|count| (*count - draws / 12_i32).abs() < 182),
            "{found:?}"
        );
    }

    /// One row of 4 places out of 1 × 3 under the law ∝ 1, 1/2, 1/4 (power 1 would be 1, 1/2, 1/3): pairs ∝ products.
    #[test]
    fn uneven_sets_have_the_weight_of_their_places() {
        let mut stream = Stream::new(3);
        let mut counts = [0.0; 3];
        let draws = 20_000;
        // The lines come in a random order: count by the number of the pair's product in falling order instead.
        let lines = Lines::new(&mut stream, 3, 1.0);
        let mut drawn = [0.0; 3];
        for _ in 0..draws {
            drawn[lines.draw(&mut stream) as usize] += 1.0 / f64::from(draws);
        }
        drawn.sort_by(|a, b| b.total_cmp(a));
        for (share, expected) in drawn.iter().zip([6.0 / 11.0, 3.0 / 11.0, 2.0 / 11.0]) {
            assert!((share - expected).abs() < 0.02, "{drawn:?}");
        }
        for _ in 0..draws {
            let start: Vec<(u32, u32)> = stream.choose(3, 2).into_iter().map(|b| (0, b as u32)).collect();
            let mut set = Places::new(start, (1, 3), 0);
            for _ in 0..40 {
                let old = stream.below(2);
                let new = (0, lines.draw(&mut stream));
                set.move_to(old, new);
            }
            let missing = 3 - set.places[0].1 - set.places[1].1;
            counts[missing as usize] += 1.0 / f64::from(draws);
        }
        counts.sort_by(|a, b| b.total_cmp(a));
        // Pairs (1, ½), (1, ⅓), (½, ⅓): 3 : 2 : 1.
        for (share, expected) in counts.iter().zip([0.5, 1.0 / 3.0, 1.0 / 6.0]) {
            assert!((share - expected).abs() < 0.02, "{counts:?}");
        }
    }
}
