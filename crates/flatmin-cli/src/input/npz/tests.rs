use super::super::archive::craft::npz;
use super::super::numpy::craft::{f8, floats, integers, npy};
use std::borrow::Cow;

use super::*;
use ndarray::arr2;
use proptest::prelude::*;

/// Reads an archive that holds `bytes`.
/// What a file holds is owned.
fn read_sensing(source: Source<'_>) -> Result<SensingData<'static>> {
    let SensingData { a, shape, y, truth } = super::read_sensing(source)?;
    assert!(matches!(a, Cow::Owned(_)));
    Ok(SensingData {
        a: a.into_owned().into(),
        shape,
        y,
        truth,
    })
}

fn read<T>(reader: impl Fn(Source<'_>) -> Result<T>, bytes: &[u8]) -> Result<T> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npz");
    std::fs::write(&path, bytes).unwrap();
    reader(Source::from(&path))
}

fn refusal<T: std::fmt::Debug>(
    reader: impl Fn(Source<'_>) -> Result<T>,
    members: &[(&str, Vec<u8>)],
) -> String {
    format!(
        "{:#}",
        read(reader, &npz(false, members)).expect_err("must be refused")
    )
}

fn ones(shape: &str, count: usize) -> Vec<u8> {
    floats(shape, &vec![1.; count])
}

#[test]
fn archives_of_numpy_itself() {
    let sensing = include_bytes!("../../../tests/data/sensing_numpy.npz");
    let data = read(read_sensing, sensing).unwrap();
    let expected = [
        [[0., 0.25, 0.5], [0.75, 1., 1.25]],
        [[1.5, 1.75, 2.], [2.25, 2.5, 2.75]],
    ];
    assert_eq!(data.a.as_ref(), expected.as_flattened().as_flattened());
    assert_eq!(data.shape, (2, 3));
    assert_eq!(data.y, [1., -2.]);
    assert_eq!(data.truth.unwrap(), arr2(&[[0., 1., 2.], [3., 4., 5.]]));
    let completion = include_bytes!("../../../tests/data/completion_numpy.npz");
    let entries = read(read_completion, completion).unwrap();
    assert_eq!(
        (entries.rows, entries.cols, entries.y),
        (vec![1, 0, 1], vec![2, 0, 0], vec![0.5, 1.5, 2.5])
    );
    assert_eq!(entries.shape, (2, 3));
}

#[test]
fn compressed_and_stored_archives_read_alike() {
    let members = [
        ("a", floats("(2, 1)", &[1., 2.])),
        ("b", npy("'<f8'", true, "(2, 2)", &f8(&[1., 2., 3., 4.]))),
        ("y", integers(&[5, 6])),
    ];
    for compressed in [false, true] {
        let data = read(read_bilinear, &npz(compressed, &members)).unwrap();
        assert_eq!(data.a, arr2(&[[1.], [2.]]));
        assert_eq!(data.b, arr2(&[[1., 3.], [2., 4.]]));
        assert_eq!((data.y, data.truth), (vec![5., 6.], None));
    }
}

#[test]
fn factors() {
    let members = [("L", ones("(3, 2)", 6)), ("R", ones("(4, 2)", 8))];
    let (left, right) = read(read_factors, &npz(false, &members)).unwrap();
    assert_eq!((left.dim(), right.dim()), ((3, 2), (4, 2)));
    let error = refusal(
        read_factors,
        &[("L", ones("(3, 2)", 6)), ("R", ones("(4, 1)", 4))],
    );
    assert_eq!(
        error,
        "key \"R\": found 1 columns, expected 2 (as many as \"L\" has)"
    );
}

#[test]
fn a_missing_key_is_named_with_those_that_are_there() {
    let error = refusal(read_sensing, &[("b", ones("(1,)", 1)), ("a", ones("(1,)", 1))]);
    assert_eq!(
        error,
        "found the keys \"a\", \"b\", expected \"A\", \"y\" and optionally \"truth\""
    );
    assert!(refusal(read_sensing, &[]).starts_with("found an archive without keys"));
}

#[test]
fn a_matrix_with_gaps_is_read_where_there_are_no_entries() {
    let matrix = floats("(2, 2)", &[1., f64::NAN, 3., 4.]);
    let truth = ones("(2, 2)", 4);
    let entries = read(
        read_completion,
        &npz(false, &[("X", matrix.clone()), ("truth", truth)]),
    )
    .unwrap();
    assert_eq!(
        (entries.rows, entries.cols, entries.y),
        (vec![0, 1, 1], vec![0, 0, 1], vec![1., 3., 4.])
    );
    assert!(entries.truth.is_some());
    assert_eq!(
        refusal(read_completion, &[("x", matrix)]),
        "found the keys \"x\", expected \"rows\", \"cols\", \"y\", \"shape\" or a matrix \"X\", and optionally \"truth\""
    );
    assert_eq!(
        refusal(read_completion, &[("X", ones("(4,)", 4))]),
        "key \"X\": found shape (4,), expected a matrix (d1, d2)"
    );
}

#[test]
fn every_shape_is_checked_against_the_others() {
    let sensing = |a: &str, y: usize, truth: &str, n: usize| {
        refusal(
            read_sensing,
            &[
                ("A", ones(a, 12)),
                ("y", ones(&format!("({y},)"), y)),
                ("truth", ones(truth, n)),
            ],
        )
    };
    assert_eq!(
        sensing("(2, 2, 3)", 3, "(2, 3)", 6),
        "key \"y\": found 3 values, expected 2 (as many as \"A\" has matrices)"
    );
    assert_eq!(
        sensing("(2, 6)", 2, "(2, 3)", 6),
        "key \"A\": found shape (2, 6), expected (m, d1, d2)"
    );
    assert_eq!(
        sensing("(2, 2, 3)", 2, "(3, 2)", 6),
        "key \"truth\": found shape (3, 2), expected (2, 3)"
    );
    assert_eq!(
        sensing("(2, 2, 3)", 2, "(6,)", 6),
        "key \"truth\": found shape (6,), expected (2, 3)"
    );
    let bilinear = refusal(
        read_bilinear,
        &[
            ("a", ones("(2, 1)", 2)),
            ("b", ones("(3, 1)", 3)),
            ("y", ones("(2,)", 2)),
        ],
    );
    assert_eq!(
        bilinear,
        "key \"b\": found 3 rows, expected 2 (as many as \"a\" has)"
    );
    let empty = refusal(
        read_sensing,
        &[("A", ones("(0, 2, 3)", 0)), ("y", ones("(0,)", 0))],
    );
    assert_eq!(empty, "key \"A\": found shape (0, 2, 3), expected no dimension 0");
}

#[test]
fn completion_keys_are_checked() {
    let completion = |rows: &[i64], cols: &[i64], y: usize, shape: &[i64]| {
        refusal(
            read_completion,
            &[
                ("rows", integers(rows)),
                ("cols", integers(cols)),
                ("y", ones(&format!("({y},)"), y)),
                ("shape", integers(shape)),
            ],
        )
    };
    assert_eq!(
        completion(&[0, 2], &[0, 0], 2, &[2, 1]),
        "key \"rows\": found 2 at index 1, expected 0 to 1 as \"shape\" says"
    );
    assert_eq!(
        completion(&[0], &[-1], 1, &[2, 1]),
        "key \"cols\": found -1 at index 0, expected 0 to 0 as \"shape\" says"
    );
    assert_eq!(
        completion(&[0], &[0, 0], 1, &[2, 1]),
        "key \"cols\": found 2 values, expected 1 (as many as \"rows\" has)"
    );
    assert_eq!(
        completion(&[0], &[0], 2, &[2, 1]),
        "key \"y\": found 2 values, expected 1 (as many as \"rows\" has)"
    );
    assert_eq!(
        completion(&[], &[], 0, &[2, 1]),
        "key \"rows\": found no entry, expected at least one"
    );
    assert!(
        completion(&[0], &[0], 1, &[2, 0])
            .starts_with("key \"shape\": found [2, 0], expected two positive integers")
    );
    assert!(completion(&[0], &[0], 1, &[1, 2, 3, 4, 5]).starts_with("key \"shape\": found [1, 2, 3, 4, …]"));
    assert!(completion(&[0], &[0], 1, &[1 << 40, 1]).starts_with("key \"shape\""));
    let real = [
        ("rows", ones("(1,)", 1)),
        ("cols", integers(&[0])),
        ("y", ones("(1,)", 1)),
        ("shape", integers(&[1, 1])),
    ];
    assert_eq!(
        refusal(read_completion, &real),
        "key \"rows\": found dtype f8, expected integers"
    );
}

#[test]
fn indices_of_every_width_and_sign_are_taken() {
    for (descr, bytes) in [
        ("'|u1'", vec![1]),
        ("'>i2'", vec![0, 1]),
        ("'<u4'", vec![1, 0, 0, 0]),
        ("'<u8'", vec![1, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let rows = npy(descr, false, "(1,)", &bytes);
        let members = [
            ("rows", rows),
            ("cols", integers(&[0])),
            ("y", ones("(1,)", 1)),
            ("shape", integers(&[2, 1])),
        ];
        assert_eq!(
            read(read_completion, &npz(false, &members)).unwrap().rows,
            [1],
            "{descr}"
        );
    }
}

/// Found by damaged files: without an exponent such a number has three hundred digits.
#[test]
fn tiny_numbers_are_shown_with_an_exponent() {
    let truth = floats("(2, 2)", &[0., 1.25e-300, 3e-301, 0.]);
    let members = [("x", ones("(1, 2)", 2)), ("y", ones("(1,)", 1)), ("truth", truth)];
    assert_eq!(
        refusal(read_symmetric, &members),
        "key \"truth\": found 1.25e-300 at (0, 1) and 3e-301 at (1, 0), expected a symmetric matrix"
    );
}

#[test]
fn numbers_that_are_not_finite_are_named_by_index() {
    let mut numbers = [1.; 12];
    numbers[10] = f64::NAN;
    let error = refusal(
        read_sensing,
        &[("A", floats("(2, 2, 3)", &numbers)), ("y", ones("(2,)", 2))],
    );
    assert_eq!(
        error,
        "key \"A\": found NaN at index (1, 1, 1), expected finite numbers"
    );
    let error = refusal(
        read_sensing,
        &[
            ("A", ones("(2, 2, 3)", 12)),
            ("y", floats("(2,)", &[0., f64::NEG_INFINITY])),
        ],
    );
    assert_eq!(
        error,
        "key \"y\": found -inf at index (1,), expected finite numbers"
    );
}

#[test]
fn a_lying_array_or_archive_is_refused() {
    let error = refusal(
        read_sensing,
        &[("A", ones("(1000000, 1000, 1000)", 1)), ("y", ones("(1,)", 1))],
    );
    assert!(
        error.starts_with("key \"A\": found 8 bytes of numbers, expected 1000000000000 numbers"),
        "{error}"
    );
    let error = refusal(
        read_sensing,
        &[
            ("A", npy("'|O'", false, "(1, 1, 1)", &[0; 8])),
            ("y", ones("(1,)", 1)),
        ],
    );
    assert!(
        error.starts_with("key \"A\": found dtype \"|O\" (Python objects)"),
        "{error}"
    );
    // The size of "L" in the archive's directory, raised to what its header promises: 2^31 bytes.
    let mut bytes = npz(
        true,
        &[("L", ones("(16384, 16384)", 1)), ("R", ones("(1, 1)", 1))],
    );
    let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&((1u32 << 31) + 128).to_le_bytes());
    let error = format!("{:#}", read(read_factors, &bytes).unwrap_err());
    assert!(
        error.starts_with("key \"L\": found ") && error.ends_with("the archive is damaged"),
        "{error}"
    );
}

#[test]
fn a_flipped_bit_is_noticed() {
    let mut bytes = npz(
        false,
        &[("L", floats("(1, 2)", &[1., 2.])), ("R", ones("(1, 2)", 2))],
    );
    let number = bytes.windows(8).position(|w| w == 2f64.to_le_bytes()).unwrap();
    bytes[number] ^= 1;
    let error = format!("{:#}", read(read_factors, &bytes).unwrap_err());
    assert!(error.starts_with("key \"L\": cannot be read"), "{error}");
}

#[test]
fn a_cut_archive_is_refused_wherever_it_is_cut() {
    let whole = npz(true, &[("L", ones("(1, 2)", 2)), ("R", ones("(1, 2)", 2))]);
    for end in 0..whole.len() {
        assert!(read(read_factors, &whole[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(read_sensing, &bytes);
        let _ = read(read_completion, &npz(true, &[("rows", bytes.clone()), ("cols", bytes.clone()), ("y", bytes.clone()), ("shape", bytes)]));
    }

    #[test]
    fn no_damage_panics(compressed: bool, damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = npz(compressed, &[("L", ones("(2, 2)", 4)), ("R", ones("(3, 2)", 6))]);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read(read_factors, &bytes);
    }
}
