use super::*;
use proptest::prelude::*;

/// What a table holds: (row id, column id, value) in the order of the file.
fn read_as(name: &str, bytes: &[u8]) -> Result<Vec<(String, String, f64)>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let entries = super::super::entries_of(&path, super::super::Wanted::Entries)?;
    let (rows, cols) = (entries.row_ids.unwrap(), entries.col_ids.unwrap());
    assert_eq!(entries.shape, (rows.len(), cols.len()));
    let entry = |i: usize| {
        (
            rows[entries.rows[i] as usize].clone(),
            cols[entries.cols[i] as usize].clone(),
            entries.y[i],
        )
    };
    Ok((0..entries.y.len()).map(entry).collect())
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    format!("{:#}", read_as(name, bytes).expect_err("must be refused"))
}

fn expect(list: &[(&str, &str, f64)]) -> Vec<(String, String, f64)> {
    list.iter()
        .map(|&(row, col, value)| (row.to_owned(), col.to_owned(), value))
        .collect()
}

#[test]
fn one_table_in_every_format() {
    let expected = expect(&[("7", "x", 3.), ("2", "x", 4.5), ("7", "y", -1e-3)]);
    let files: [(&str, &[u8]); 9] = [
        ("t.csv", b"7,x,3\n2,x,4.5\n7,y,-1e-3\n"),
        (
            "t.csv",
            b"\xef\xbb\xbfuser,item,rating\r\n7,x,3\r\n2,x,4.5\r\n7,y,-1e-3",
        ),
        (
            "t.csv",
            b"rating,note,item,user\n3,,x,7\n4.5,\"a,b\",x,2\n-1e-3,,y,7\n",
        ),
        (
            "t.csv",
            b"who, what, stars, when\n7, x, 3, 1\n2, x, 4.5\n7, y, -1e-3, 2, extra\n",
        ),
        ("t.tsv", b"7\tx\t3\n2\tx\t4.5\n7\ty\t-1e-3\n"),
        ("u.data", b"7\tx\t3\t881250949\n2\tx\t4.5\t0\n\n7\ty\t-1e-3\t0\n"),
        ("u1.test", b"7\tx\t3\t881250949\n2\tx\t4.5\t0\n7\ty\t-1e-3\t0\n"),
        (
            "ratings.dat",
            b"7::x::3::978300760\n2::x::4.5::1\n7::y::-1e-3::2\n",
        ),
        (
            "RATINGS.DAT",
            b"UserID::MovieID::Rating\r\n7::x::3\r\n2::x::4.5\r\n7::y::-1e-3\r\n",
        ),
    ];
    for (name, bytes) in files {
        assert_eq!(
            read_as(name, bytes).unwrap(),
            expected,
            "{name}: {}",
            shown(bytes)
        );
    }
}

#[test]
fn ids_are_text_even_where_they_are_numbers() {
    let read = read_as("t.csv", b"01,5,1\n1,5,2\n1000000000000000000000,-3,3\n").unwrap();
    assert_eq!(
        read,
        expect(&[
            ("01", "5", 1.),
            ("1", "5", 2.),
            ("1000000000000000000000", "-3", 3.)
        ])
    );
}

#[test]
fn quoted_ids_hold_separators_quotes_and_lines() {
    let read = read_as("t.csv", b"\"a,b\",\"c \"\"d\"\"\",1\n\"two\nlines\",e,2\n").unwrap();
    assert_eq!(read, expect(&[("a,b", "c \"d\"", 1.), ("two\nlines", "e", 2.)]));
}

#[test]
fn errors_name_line_and_column() {
    let table = b"user,item,rating\r\n\r\nu,i,1\r\n\"u\r\nv\",i,1\r\nu,j,good\r\n";
    assert_eq!(
        refusal("t.csv", table),
        "line 6, column 3 (value): found \"good\", expected a finite number"
    );
    assert_eq!(
        refusal("t.csv", b"u,i,1\nu,j\n"),
        "line 2: found 2 fields, the first of them \"u\", expected at least 3 (row id, column id, value) with a comma between"
    );
    assert_eq!(
        refusal("t.csv", b"u,i,1\nu,,2\n"),
        "line 2, column 2 (column id): found nothing, expected an id"
    );
    assert_eq!(
        refusal("t.csv", b"u,i,1\nu,j,\n"),
        "line 2, column 3 (value): found \"\", expected a finite number"
    );
    assert_eq!(
        refusal("u.data", b"u\ti\tnan\n"),
        "line 1, column 3 (value): found \"nan\", expected a finite number"
    );
    assert_eq!(
        refusal("t.dat", b"u::i::1\n\nu\tj\t2\n"),
        "line 3: found one field, \"u\\tj\\t2\", expected at least 3 (row id, column id, value) with \"::\" between"
    );
    assert_eq!(
        refusal("t.csv", b"rating,item,user\n1,i,u\nx,i,v\n"),
        "line 3, column 1 (value): found \"x\", expected a finite number"
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let error = refusal("t.csv", b"u,i,1\ncaf\xe9,i,2\n");
    assert!(
        error.starts_with("line 2, column 1 (row id): found \"caf\u{fffd}\", which is not UTF-8"),
        "{error}"
    );
    let utf16: Vec<u8> = "\u{feff}user,item,rating\n1,2,3\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(
        refusal("t.csv", &utf16).starts_with("found text in UTF-16"),
        "{}",
        refusal("t.csv", &utf16)
    );
    assert_eq!(
        read_as("t.csv", b"u,i,1,caf\xe9\n").unwrap().len(),
        1,
        "columns that are not used may hold anything"
    );
}

#[test]
fn a_matrix_of_numbers_is_no_table() {
    assert!(refusal("t.csv", b"0.5,1.25,2\n3.5,4.5,5\n").contains("one entry a line, not a matrix"));
    assert!(refusal("t.csv", b"a,b,c\n0.5,1.25,2\n").starts_with("line 2: found \"0.5\" and \"1.25\""));
    assert_eq!(
        read_as("t.csv", b"1.0,2.0,3\n").unwrap(),
        expect(&[("1.0", "2.0", 3.)])
    );
}

#[test]
fn a_second_header_is_an_error() {
    assert!(
        refusal("t.csv", b"user,item,rating\nuser,item,rating\n")
            .starts_with("line 2, column 3 (value): found \"rating\"")
    );
}

#[test]
fn a_table_without_entries_has_none() {
    assert_eq!(read_as("t.csv", b"").unwrap(), []);
    assert_eq!(read_as("t.csv", b"user,item,rating\n").unwrap(), []);
    assert_eq!(read_as("t.dat", b"\n\n").unwrap(), []);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'\t'), Just(b':'), Just(b'1'), any::<u8>()], 0..80)) {
        for name in ["t.csv", "t.tsv", "t.dat", "t.csv.gz"] {
            let _ = read_as(name, &bytes);
        }
    }
}
