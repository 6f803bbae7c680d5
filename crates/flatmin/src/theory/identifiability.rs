//! What the pattern of the observed entries leaves open, whatever the values are.
//!
//! Rows and columns are the two sides of a bipartite graph whose edges are the observed entries.
//!
//! * A row or column without an entry is not determined at all.
//! * At rank r a row of X is l_aᵀRᵀ with l_a ∈ R^r; fewer than r entries give fewer than r equations for l_a, so that other
//!   matrices of rank r have the same entries. The same holds for columns.
//! * Two connected components share no entry: the blocks that join them are never seen, and multiplying the rows of L that
//!   belong to one component by t, and its rows of R by 1/t, changes those blocks alone, at any rank.
//!
//! These conditions are necessary, not sufficient. Source: Singer and Cucuringu, *Uniqueness of low-rank matrix completion
//! by rigidity theory*, SIAM J. Matrix Anal. Appl. 31(4), 2010, DOI 10.1137/090750688.

use crate::map::{Entries, MeasurementMap};

/// A connected component of the bipartite graph that has at least one entry: its rows and columns, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// Rows.
    pub rows: Vec<usize>,
    /// Columns.
    pub columns: Vec<usize>,
}

/// What a pattern leaves open at rank r. Indices count from 0 and ascend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identifiability {
    /// Rows without an entry.
    pub empty_rows: Vec<usize>,
    /// Columns without an entry.
    pub empty_columns: Vec<usize>,
    /// Rows with at least one entry and fewer than r.
    pub under_observed_rows: Vec<usize>,
    /// Columns with at least one entry and fewer than r.
    pub under_observed_columns: Vec<usize>,
    /// In the order of their first rows. More than one: not identifiable.
    pub components: Vec<Component>,
}

impl Identifiability {
    /// Of the pattern of `entries` for a solution of rank `rank`: O(m + d1 + d2) operations.
    pub fn new(entries: &Entries, rank: usize) -> Self {
        let (d1, d2) = entries.shape();
        let in_row = |a: usize| entries.row_range(a).len();
        let in_column = |b: usize| entries.column_entries(b).len();
        let rows = |keep: &dyn Fn(usize) -> bool| (0..d1).filter(|a| keep(in_row(*a))).collect();
        let columns = |keep: &dyn Fn(usize) -> bool| (0..d2).filter(|b| keep(in_column(*b))).collect();
        Identifiability {
            empty_rows: rows(&|n| n == 0),
            empty_columns: columns(&|n| n == 0),
            under_observed_rows: rows(&|n| 0 < n && n < rank),
            under_observed_columns: columns(&|n| 0 < n && n < rank),
            components: components(entries),
        }
    }
}

/// By walking from each row that was not reached yet.
fn components(entries: &Entries) -> Vec<Component> {
    let (d1, d2) = entries.shape();
    let (mut row_seen, mut column_seen) = (vec![false; d1], vec![false; d2]);
    let mut out = Vec::new();
    for first in 0..d1 {
        if row_seen[first] || entries.row_range(first).is_empty() {
            continue;
        }
        row_seen[first] = true;
        let (mut component, mut waiting) = (Component::default(), vec![first]);
        while let Some(a) = waiting.pop() {
            component.rows.push(a);
            for b in entries.columns()[entries.row_range(a)]
                .iter()
                .map(|b| *b as usize)
            {
                if std::mem::replace(&mut column_seen[b], true) {
                    continue;
                }
                component.columns.push(b);
                for entry in entries.column_entries(b) {
                    let next = entries.rows()[*entry as usize] as usize;
                    if !std::mem::replace(&mut row_seen[next], true) {
                        waiting.push(next);
                    }
                }
            }
        }
        component.rows.sort_unstable();
        component.columns.sort_unstable();
        out.push(component);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn pattern(cells: &[(u32, u32)], shape: (usize, usize)) -> Entries {
        let (rows, columns): (Vec<u32>, Vec<u32>) = cells.iter().copied().unzip();
        Entries::new(&rows, &columns, &vec![0.0; rows.len()], shape)
            .unwrap()
            .0
    }

    /// Labels spread along entries until nothing changes.
    fn naive_components(cells: &[(u32, u32)], (d1, d2): (usize, usize)) -> Vec<Component> {
        let mut labels: Vec<usize> = (0..d1 + d2).collect();
        for _ in 0..d1 + d2 {
            for (a, b) in cells {
                let (a, b) = (*a as usize, d1 + *b as usize);
                let least = labels[a].min(labels[b]);
                (labels[a], labels[b]) = (least, least);
            }
        }
        let of = |label: usize, range: std::ops::Range<usize>, less: usize| {
            range
                .filter(|i| labels[*i] == label)
                .map(|i| i - less)
                .collect::<Vec<_>>()
        };
        (0..d1)
            .map(|label| Component {
                rows: of(label, 0..d1, 0),
                columns: of(label, d1..d1 + d2, d1),
            })
            .filter(|c| !c.columns.is_empty())
            .collect()
    }

    #[test]
    fn agrees_with_counting_and_spreading_labels() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for trial in 0..200 {
            let shape = (rng.random_range(1..9), rng.random_range(1..9));
            let share = rng.random_range(0.05..0.6);
            let mut cells: Vec<(u32, u32)> = (0..shape.0 as u32)
                .flat_map(|a| (0..shape.1 as u32).map(move |b| (a, b)))
                .collect();
            cells.retain(|_| rng.random_bool(share));
            if cells.is_empty() {
                continue;
            }
            let rank = trial % 4;
            let found = Identifiability::new(&pattern(&cells, shape), rank);
            assert_eq!(found.components, naive_components(&cells, shape), "{cells:?}");
            let row_count = |a: usize| cells.iter().filter(|c| c.0 as usize == a).count();
            let column_count = |b: usize| cells.iter().filter(|c| c.1 as usize == b).count();
            for a in 0..shape.0 {
                assert_eq!(found.empty_rows.contains(&a), row_count(a) == 0);
                assert_eq!(
                    found.under_observed_rows.contains(&a),
                    (1..rank).contains(&row_count(a))
                );
            }
            for b in 0..shape.1 {
                assert_eq!(found.empty_columns.contains(&b), column_count(b) == 0);
                assert_eq!(
                    found.under_observed_columns.contains(&b),
                    (1..rank).contains(&column_count(b))
                );
            }
        }
    }

    #[test]
    fn two_blocks_are_two_components() {
        let cells = [(0, 1), (1, 1), (3, 0), (3, 2)];
        let found = Identifiability::new(&pattern(&cells, (4, 4)), 2);
        let component = |rows: &[usize], columns: &[usize]| Component {
            rows: rows.to_vec(),
            columns: columns.to_vec(),
        };
        assert_eq!(
            found.components,
            [component(&[0, 1], &[1]), component(&[3], &[0, 2])]
        );
        assert_eq!((found.empty_rows, found.empty_columns), (vec![2], vec![3]));
        assert_eq!(
            (found.under_observed_rows, found.under_observed_columns),
            (vec![0, 1], vec![0, 2])
        );
    }
}
