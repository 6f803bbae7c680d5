//! What is malformed is an error that says where and what; what is well formed keeps its meaning.

use faer::{Mat, MatRef};
use flatmin::flatness::{Weights, audit};
use flatmin::linalg::dense::{product, singular_values};
use flatmin::map::{Dense, Entries, Identity, RankOne};
use flatmin::solve::{Observer, Settings, solve};
use flatmin::{Error, Factors, Fit, Objective, Problem};
use proptest::prelude::*;

fn matrix(rows: usize, cols: usize, values: &[f64]) -> Mat<f64> {
    MatRef::from_column_major_slice(&values[..rows * cols], rows, cols).to_owned()
}

fn size(a: &Mat<f64>) -> f64 {
    a.norm_l2()
}

prop_compose! {
    /// Factors of any small shape and number of columns, none included, with columns that may be equal or zero.
    fn factors()(d1 in 1usize..7, d2 in 1usize..7, k in 0usize..9, repeat in any::<bool>())(
        l in prop::collection::vec(-3.0f64..3.0, d1 * k),
        r in prop::collection::vec(-3.0f64..3.0, d2 * k),
        (d1, d2, k, repeat) in Just((d1, d2, k, repeat)),
        exponent in -40i32..40,
    ) -> Factors {
        let unit = 10f64.powi(exponent);
        let (mut l, r) = (matrix(d1, k, &l), faer::Scale(unit) * matrix(d2, k, &r));
        if repeat && k > 1 {
            let first = l.as_ref().col(0).to_owned();
            l.as_mut().col_mut(k - 1).copy_from(first);
        }
        Factors::new(l, r).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(0), ..ProptestConfig::default() })]

    #[test]
    fn svd_of_factors_is_that_of_their_product(x in factors()) {
        let dense = x.dense();
        let scale = (size(&x.l) * size(&x.r)).max(f64::MIN_POSITIVE);
        let svd = x.svd().unwrap();
        let scaled = Mat::from_fn(svd.u.nrows(), svd.s.len(), |i, j| svd.u[(i, j)] * svd.s[j]);
        let back = product(scaled.as_ref(), svd.v.transpose());
        prop_assert!(size(&(&back - &dense)) <= 1e-13 * scale);
        for q in [&svd.u, &svd.v] {
            let gram = product(q.transpose(), q.as_ref());
            prop_assert!(size(&(&gram - Mat::<f64>::identity(q.ncols(), q.ncols()))) <= 1e-12);
        }
        prop_assert!(svd.s.windows(2).all(|s| s[0] >= s[1]) && svd.s.iter().all(|s| *s >= 0.0));
        let expected = singular_values(dense.as_ref()).unwrap();
        for (found, expected) in svd.s.iter().zip(expected) {
            prop_assert!((found - expected).abs() <= 1e-13 * scale);
        }
    }

    #[test]
    fn balanced_factors_are_balanced_and_multiply_to_the_same(x in factors()) {
        let scale = size(&x.l) * size(&x.r);
        let svd = x.svd().unwrap();
        let flat = Factors::balanced(&svd, 1e-14);
        prop_assert!(size(&(flat.dense() - x.dense())) <= 1e-12 * scale);
        let nuclear: f64 = svd.s.iter().sum();
        prop_assert!(flat.imbalance() <= 1e-12 * nuclear);
        prop_assert!((flat.squared_norm() - 2.0 * nuclear).abs() <= 1e-12 * nuclear);
        // No factorisation of X has a smaller norm.
        prop_assert!(x.squared_norm() >= 2.0 * nuclear * (1.0 - 1e-12));
        prop_assert!(flat.columns() <= svd.s.len());
        prop_assert_eq!(Factors::balanced(&svd, 1.0).columns(), 0);
    }

    #[test]
    fn padding_adds_zero_columns_and_removes_none(x in factors(), columns in 0usize..12) {
        let padded = x.padded(columns);
        prop_assert_eq!(padded.columns(), columns.max(x.columns()));
        prop_assert_eq!(padded.shape(), x.shape());
        prop_assert!(size(&(padded.dense() - x.dense())) <= 1e-15 * size(&x.l) * size(&x.r));
        prop_assert!((padded.squared_norm() - x.squared_norm()).abs() <= 1e-14 * x.squared_norm());
        prop_assert_eq!(padded.l.as_ref().subcols(0, x.columns()), x.l.as_ref());
    }

    #[test]
    fn entries_sort_their_data_and_keep_every_one(
        keep in prop::collection::vec(any::<bool>(), 30),
        order in Just((0..30u32).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let kept: Vec<u32> = order.into_iter().filter(|i| keep[*i as usize]).collect();
        prop_assume!(!kept.is_empty());
        let (rows, cols): (Vec<u32>, Vec<u32>) = kept.iter().map(|i| (i / 5, i % 5)).unzip();
        let data: Vec<f64> = kept.iter().map(|i| f64::from(*i)).collect();
        let (map, sorted) = Entries::new(&rows, &cols, &data, (6, 5)).unwrap();
        let mut expected = kept.clone();
        expected.sort_unstable();
        let pairs: Vec<u32> = map.rows().iter().zip(map.columns()).map(|(a, b)| a * 5 + b).collect();
        prop_assert_eq!(&pairs, &expected);
        prop_assert_eq!(sorted, expected.iter().map(|i| f64::from(*i)).collect::<Vec<_>>());
        for a in 0..6 {
            prop_assert!(map.row_range(a).all(|i| map.rows()[i] as usize == a));
        }
        let by_column: Vec<u32> = (0..5).flat_map(|b| map.column_entries(b).to_vec()).collect();
        prop_assert!((0..5).all(|b| map.column_entries(b).iter().all(|i| map.columns()[*i as usize] as usize == b)));
        prop_assert_eq!(by_column.len(), kept.len());

        // One of them twice is an error that names it and both values.
        let again = kept[kept.len() / 2];
        let add = |v: &[u32], x: u32| [v, &[x]].concat();
        let data = [&data[..], &[-1.0]].concat();
        let error = Entries::new(&add(&rows, again / 5), &add(&cols, again % 5), &data, (6, 5)).unwrap_err();
        let (row, column, first) = ((again / 5) as usize, (again % 5) as usize, f64::from(again));
        prop_assert_eq!(error, Error::Duplicate { row, column, first, second: -1.0 });
    }

    #[test]
    fn an_entry_outside_the_matrix_is_named(at in 0usize..6, index in 3u32..9, column in any::<bool>()) {
        let (mut rows, mut cols) = ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]);
        let (what, size) = if column { ("column", 2) } else { ("row", 3) };
        *(if column { &mut cols[at] } else { &mut rows[at] }) = index;
        let error = Entries::new(&rows, &cols, &[0.0; 6], (3, 2)).unwrap_err();
        prop_assert_eq!(error, Error::OutOfRange { what, entry: at, index: index as usize, size });
    }

    #[test]
    fn numbers_that_are_not_finite_are_named(at in 0usize..12, which in 0usize..3) {
        let value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][which];
        let mut data = vec![1.0; 12];
        data[at] = value;
        let named = |result: Result<(), Error>| match result {
            Err(Error::NotFinite { index, .. }) => index == at,
            _ => false,
        };
        prop_assert!(named(Dense::new(data.clone(), 2, (2, 3)).map(|_| ())));
        prop_assert!(named(RankOne::new(&data, &[1.0; 12], 4, (3, 3)).map(|_| ())));
        prop_assert!(named(RankOne::new(&[1.0; 12], &data, 4, (3, 3)).map(|_| ())));
        let map = Box::new(Identity::new((3, 4)));
        prop_assert!(named(Problem::new(map, data.clone(), Fit::Exact, Objective::Flat).map(|_| ())));
        let (l, r) = (matrix(4, 3, &data), matrix(2, 3, &[1.0; 6]));
        prop_assert!(named(Factors::new(l.clone(), r.clone()).map(|_| ())));
        prop_assert!(named(Factors::new(r, l).map(|_| ())));
    }
}

#[test]
fn empty_shapes_are_errors_everywhere() {
    for shape in [(0, 0), (0, 3), (3, 0)] {
        assert!(
            matches!(Dense::new(vec![], 2, shape), Err(Error::Shape { .. })),
            "{shape:?}"
        );
        assert!(
            matches!(Entries::new(&[], &[], &[], shape), Err(Error::Shape { .. })),
            "{shape:?}"
        );
        let (a, b) = (vec![1.0; 2 * shape.0], vec![1.0; 2 * shape.1]);
        assert!(
            matches!(RankOne::new(&a, &b, 2, shape), Err(Error::Shape { .. })),
            "{shape:?}"
        );
        let map = Identity::new(shape);
        assert!(Weights::new(&map, Objective::Nuclear).is_err(), "{shape:?}");
        assert!(
            Problem::new(Box::new(map), vec![], Fit::Exact, Objective::Flat).is_err(),
            "{shape:?}"
        );
    }
    assert!(Dense::new(vec![], 0, (2, 2)).is_err());
    assert!(RankOne::new(&[], &[], 0, (2, 2)).is_err());
    assert!(Entries::new(&[], &[], &[], (2, 2)).is_err());
}

#[test]
fn sizes_whose_product_overflows_are_errors() {
    let huge = usize::MAX / 2;
    // 2·huge·2 wraps around to a small number.
    assert!(matches!(
        Dense::new(vec![], 2, (huge, 2)),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        Dense::new(vec![0.0; 4], 1 << 62, (4, 1)),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        RankOne::new(&[], &[], 1 << 62, (4, 4)),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        Entries::new(&[0], &[0], &[1.0], (huge, huge)),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        Entries::new(&[0], &[0], &[1.0], (1 << 33, 2)),
        Err(Error::Shape { .. })
    ));
    let map = Box::new(Identity::new((huge, 4)));
    assert!(Problem::new(map, vec![1.0], Fit::Exact, Objective::Flat).is_err());
}

#[test]
fn lengths_that_disagree_are_errors_with_both_numbers() {
    let message = Dense::new(vec![1.0; 11], 2, (2, 3)).unwrap_err().to_string();
    assert!(
        message.contains("11") && message.contains("2 x 2 x 3"),
        "{message}"
    );
    assert!(RankOne::new(&[1.0; 5], &[1.0; 6], 2, (3, 3)).is_err());
    assert!(RankOne::new(&[1.0; 6], &[1.0; 5], 2, (3, 3)).is_err());
    assert!(Entries::new(&[0, 1], &[0], &[1.0, 2.0], (2, 2)).is_err());
    assert!(Entries::new(&[0, 1], &[0, 0], &[1.0], (2, 2)).is_err());
    let problem = |y: usize| {
        Problem::new(
            Box::new(Identity::new((2, 2))),
            vec![1.0; y],
            Fit::Exact,
            Objective::Flat,
        )
    };
    assert!(problem(3).is_err() && problem(5).is_err() && problem(4).is_ok());
    assert!(Factors::new(Mat::zeros(2, 3), Mat::zeros(2, 2)).is_err());
}

#[test]
fn settings_out_of_range_are_errors() {
    let problem =
        |fit, objective| Problem::new(Box::new(Identity::new((2, 2))), vec![1.0; 4], fit, objective);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for fit in [Fit::Ball(bad), Fit::Penalised(bad)] {
            assert!(
                matches!(problem(fit, Objective::Flat), Err(Error::Setting { .. })),
                "{fit:?}"
            );
        }
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(problem(Fit::Exact, Objective::Smoothed(bad)).is_err(), "{bad}");
    }
    assert!(
        problem(Fit::Exact, Objective::Flat)
            .unwrap()
            .with(Fit::Ball(-1.0), Objective::Flat)
            .is_err()
    );
}

#[test]
fn magnitudes_whose_squares_leave_the_range_are_refused_with_the_number() {
    for bad in [1e160, 1e-160] {
        assert!(matches!(
            Dense::new(vec![bad; 4], 1, (2, 2)),
            Err(Error::Magnitude { .. })
        ));
        let y = Problem::new(
            Box::new(Identity::new((2, 2))),
            vec![bad; 4],
            Fit::Exact,
            Objective::Flat,
        );
        let message = y.unwrap_err().to_string();
        assert!(message.contains(&format!("{bad:e}")), "{message}");
    }
    for bad in [1e80, 1e-80] {
        assert!(matches!(
            RankOne::new(&[bad; 2], &[1.0; 2], 1, (2, 2)),
            Err(Error::Magnitude { .. })
        ));
        assert!(matches!(
            RankOne::new(&[1.0; 2], &[bad; 2], 1, (2, 2)),
            Err(Error::Magnitude { .. })
        ));
    }
    assert!(Dense::new(vec![0.0; 4], 1, (2, 2)).is_ok());
}

#[test]
fn nothing_panics_on_the_smallest_problem() {
    for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
        for fit in [Fit::Exact, Fit::Ball(0.1), Fit::Penalised(0.1)] {
            for y in [0.0, 1.0, -2.0] {
                let problem = Problem::new(Box::new(Identity::new((1, 1))), vec![y], fit, objective).unwrap();
                let solution = solve(&problem, &Settings::default(), &Observer::default()).unwrap();
                let expected = match fit {
                    Fit::Exact => y.abs(),
                    _ => (y.abs() - 0.1).max(0.0),
                };
                let x = solution.factors.dense()[(0, 0)].abs();
                assert!((x - expected).abs() <= 1e-7, "{objective:?}, {fit:?}, {y}: {x}");
                let weights = Weights::new(problem.map(), objective).unwrap();
                assert!(audit(problem.map(), &weights, &[y], &solution.factors).is_ok());
            }
        }
    }
}
