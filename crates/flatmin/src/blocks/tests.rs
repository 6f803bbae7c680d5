//! Blocks of a matrix against the whole of it: the bits of every line are the same.

use faer::Mat;

use super::*;
use crate::random::Stream;

/// Rows of a sparse matrix, 40 × 30, every line with entries but one.
fn matrix() -> (Vec<usize>, Vec<u32>, Vec<f64>) {
    let (mut starts, mut across) = (vec![0], Vec::new());
    for a in 0..40u32 {
        if a != 7 {
            across.extend((0..30).filter(|b| (7 * a + 3 * b) % 5 < 2));
        }
        starts.push(across.len());
    }
    let values = Stream::new(4).normals(across.len());
    (starts, across, values)
}

/// The lines `from` to `to` alone.
fn cut(
    (starts, across, values): &(Vec<usize>, Vec<u32>, Vec<f64>),
    from: usize,
    to: usize,
) -> (Vec<usize>, Vec<u32>, Vec<f64>) {
    let (first, last) = (starts[from], starts[to]);
    let own = starts[from..=to].iter().map(|s| s - first).collect();
    (own, across[first..last].to_vec(), values[first..last].to_vec())
}

fn rows(x: &Mat<f64>) -> Rows {
    Rows::stacked(&[x.as_ref()]).unwrap()
}

/// What both halves say, one below the other, is what the whole says.
#[test]
fn a_line_does_not_know_its_block() {
    let whole = matrix();
    let x = Stream::new(5).normal_matrix(30, 3);
    let own = Stream::new(6).normal_matrix(40, 3);
    let ridge: Vec<f64> = (0..40).map(|a| 0.1 + f64::from(a)).collect();
    let say = |from: usize, to: usize| {
        let (starts, across, values) = cut(&whole, from, to);
        let block = Block::new(starts, &across, &values).unwrap();
        let part = own.as_ref().subrows(from, to - from).to_owned();
        let (x, own, ridge) = (rows(&x), rows(&part), &ridge[from..to]);
        [
            block.regress(&x, ridge).unwrap().0.to_vec(),
            block.gradient(&x, ridge, &own).unwrap().to_vec(),
            block.precondition(&x, ridge, &own).unwrap().to_vec(),
            block.residual(&x, &own).unwrap(),
            block.times(&x).unwrap().to_vec(),
        ]
    };
    let (first, second) = (say(0, 13), say(13, 40));
    for (whole, (first, second)) in say(0, 40).into_iter().zip(first.into_iter().zip(second)) {
        assert_eq!(whole, [first, second].concat());
    }
}

#[test]
fn the_best_lines_have_no_gradient_and_fall_as_said() {
    let (starts, across, values) = matrix();
    let block = Block::new(starts, &across, &values).unwrap();
    let x = rows(&Stream::new(5).normal_matrix(30, 3));
    let ridge = vec![0.5; 40];
    let (best, fall) = block.regress(&x, &ridge).unwrap();
    let slope = block.gradient(&x, &ridge, &best).unwrap().to_vec();
    assert!(slope.iter().all(|g| g.abs() < 1e-12));
    assert!(best.to_vec()[7 * 3..8 * 3].iter().all(|v| *v == 0.0));
    let residual = block.residual(&x, &best).unwrap();
    let penalty: f64 = best.to_vec().iter().map(|v| 0.25 * v * v).sum();
    let objective = 0.5 * dot(&residual, &residual) + penalty;
    assert!((objective - (0.5 * dot(&values, &values) - fall)).abs() < 1e-9 * objective);
}

#[test]
fn pieces_of_a_factor_are_stacked() {
    let x = Stream::new(5).normal_matrix(10, 3);
    let pieces = [x.as_ref().subrows(0, 4), x.as_ref().subrows(4, 6)];
    assert_eq!(Rows::stacked(&pieces).unwrap().to_vec(), rows(&x).to_vec());
    assert!(Rows::stacked(&[x.as_ref(), x.as_ref().subcols(0, 2)]).is_err());
}

#[test]
fn the_gram_matrix_is_that_of_the_products() {
    let (starts, across, values) = matrix();
    let block = Block::new(starts, &across, &values).unwrap();
    let dense = block.times(&rows(&Mat::identity(30, 30))).unwrap().to_vec();
    let dense = MatRef::from_row_major_slice(&dense, 40, 30);
    let gram = block.gram(30).unwrap();
    let off = MatRef::from_row_major_slice(&gram, 30, 30) - dense.transpose() * dense;
    assert!(off.norm_max() < 1e-13);
    assert!(block.gram(20).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (across, values) = ([0, 9, 2], [1.0, 2.0, 3.0]);
    assert!(Block::new(vec![0, 2], &across, &values).is_err());
    assert!(Block::new(vec![0, 3, 2, 3], &across, &values).is_err());
    assert!(Block::new(vec![0, 3], &across, &values[..2]).is_err());
    let block = Block::new(vec![0, 3], &across, &values).unwrap();
    let wide = rows(&Mat::zeros(10, 2));
    assert!(block.regress(&rows(&Mat::zeros(9, 2)), &[1.0]).is_err());
    assert!(block.regress(&wide, &[1.0, 1.0]).is_err());
    assert!(block.gradient(&wide, &[1.0], &rows(&Mat::zeros(1, 3))).is_err());
    assert!(block.times(&wide).is_ok());
}
