use super::*;
use proptest::prelude::*;

fn read(text: impl AsRef<[u8]>) -> Result<Entries> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.mtx");
    std::fs::write(&path, text).unwrap();
    read_completion(&path)
}

fn list(text: &str) -> Vec<(u32, u32, f64)> {
    let entries = read(text).unwrap();
    (0..entries.y.len())
        .map(|i| (entries.rows[i], entries.cols[i], entries.y[i]))
        .collect()
}

fn refusal(text: &str) -> String {
    format!("{:#}", read(text).expect_err("must be refused"))
}

#[test]
fn a_general_matrix() {
    let text = "%%MatrixMarket matrix coordinate real general\r\n% a comment\r\n\r\n2 3 2\r\n 1 3  -2.5e1\r\n% another\r\n2 1 4\r\n";
    assert_eq!(list(text), [(0, 2, -25.), (1, 0, 4.)]);
    assert_eq!(read(text).unwrap().shape, (2, 3));
}

#[test]
fn fields_and_symmetries() {
    let with = |field: &str, symmetry: &str, rest: &str| {
        list(&format!(
            "%%matrixmarket MATRIX Coordinate {field} {symmetry}\n{rest}"
        ))
    };
    assert_eq!(with("integer", "general", "1 1 1\n1 1 7\n"), [(0, 0, 7.)]);
    assert_eq!(with("pattern", "general", "2 2 1\n2 1\n"), [(1, 0, 1.)]);
    assert_eq!(
        with("real", "symmetric", "2 2 2\n1 1 5\n2 1 3\n"),
        [(0, 0, 5.), (1, 0, 3.), (0, 1, 3.)]
    );
    assert_eq!(
        with("real", "skew-symmetric", "2 2 1\n2 1 3\n"),
        [(1, 0, 3.), (0, 1, -3.)]
    );
}

#[test]
fn other_kinds_are_named() {
    for kind in [
        "array real general",
        "coordinate complex general",
        "coordinate complex hermitian",
        "coordinate pattern skew-symmetric",
    ] {
        let error = refusal(&format!("%%MatrixMarket matrix {kind}\n1 1 1\n1 1 1\n"));
        assert!(
            error.starts_with("line 1: found \"%%MatrixMarket matrix ") && error.contains("expected"),
            "{error}"
        );
    }
    assert!(refusal("1 1 1\n").starts_with("line 1: found \"1 1 1\""));
    assert!(refusal("").starts_with("found an empty file"));
}

#[test]
fn errors_name_the_line() {
    let body = |rest: &str| refusal(&format!("%%MatrixMarket matrix coordinate real general\n{rest}"));
    assert_eq!(body(""), "found no size line, expected \"rows columns entries\"");
    assert!(body("2 2\n").starts_with("line 2: found \"2 2\""));
    assert!(body("0 2 0\n").starts_with("line 2: found \"0 2 0\""));
    assert_eq!(
        body("2 2 1\n%\n3 1 1\n"),
        "line 4: found \"3\", expected a row from 1 to 2"
    );
    assert_eq!(
        body("2 2 1\n1 0 1\n"),
        "line 3: found \"0\", expected a column from 1 to 2"
    );
    assert_eq!(
        body("2 2 1\n1 1 x\n"),
        "line 3: found \"x\", expected a finite value"
    );
    assert_eq!(
        body("2 2 1\n1 1\n"),
        "line 3: found nothing, expected a finite value"
    );
    assert_eq!(
        body("2 2 1\n1 1 2 3\n"),
        "line 3: found \"1 1 2 3\", expected 3 fields"
    );
    assert_eq!(
        body("2 2 2\n1 1 2\n"),
        "found 1 entries, expected 2 as the size line says"
    );
    assert_eq!(
        body("2 2 1\n1 1 2\n1 2 2\n"),
        "line 4: found more entries than the 1 of the size line"
    );
    assert_eq!(
        body("2 2 18446744073709551615\n"),
        "found 0 entries, expected 18446744073709551615 as the size line says"
    );
    let skew = "%%MatrixMarket matrix coordinate real skew-symmetric\n";
    assert!(refusal(&format!("{skew}2 3 0\n")).contains("expected a square matrix"));
    assert!(
        refusal(&format!("{skew}2 2 1\n1 1 0\n")).contains("expected none as the matrix is skew-symmetric")
    );
}

#[test]
fn a_huge_claimed_shape_costs_nothing() {
    let text = "%%MatrixMarket matrix coordinate real general\n4294967295 4294967295 2\n4294967295 1 1\n1 4294967295 2\n";
    let data = read(text).unwrap().finish().unwrap().data;
    assert_eq!(
        (data.rows, data.cols),
        (vec![0, u32::MAX - 1], vec![u32::MAX - 1, 0])
    );
}

#[test]
fn both_triangles_of_a_symmetric_matrix_must_agree() {
    let text = "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n2 1 3\n1 2 4\n";
    let error = read(text).unwrap().finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "line 3 and line 4 both give (0, 1): 3 and 4, expected one value"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[%0-9 .\\n-]{0,60}") {
        let _ = read(&bytes);
        let _ = read([b"%%MatrixMarket matrix coordinate real symmetric\n".as_slice(), text.as_bytes()].concat());
        let _ = read([b"%%MatrixMarket matrix coordinate pattern general\n2 2 2\n", bytes.as_slice()].concat());
    }
}
