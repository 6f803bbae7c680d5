use super::{craft::*, *};
use ndarray::arr2;
use proptest::prelude::*;

fn numbers(bytes: &[u8]) -> Result<ArrayD<f64>> {
    read_numbers(bytes, bytes.len() as u64)
}

fn refusal(bytes: &[u8]) -> String {
    numbers(bytes).expect_err("must be refused").to_string()
}

#[test]
fn both_orders_give_the_same_array() {
    let expected = arr2(&[[1., 2., 3.], [4., 5., 6.]]).into_dyn();
    let c = floats("(2, 3)", &[1., 2., 3., 4., 5., 6.]);
    let fortran = npy("'<f8'", true, "(2, 3)", &f8(&[1., 4., 2., 5., 3., 6.]));
    assert_eq!(numbers(&c).unwrap(), expected);
    let read = numbers(&fortran).unwrap();
    assert_eq!(read, expected);
    assert!(read.is_standard_layout());
}

#[test]
fn every_width_and_byte_order_converts() {
    let one = |descr: &str, data: &[u8]| numbers(&npy(descr, false, "(1,)", data)).unwrap()[0];
    assert_eq!(one("'<f4'", &1.5f32.to_le_bytes()), 1.5);
    assert_eq!(one("'>f4'", &1.5f32.to_be_bytes()), 1.5);
    assert_eq!(one("'>f8'", &(-2.5f64).to_be_bytes()), -2.5);
    assert_eq!(one("'|i1'", &[0xff]), -1.);
    assert_eq!(one("'|u1'", &[0xff]), 255.);
    assert_eq!(one("'<i2'", &(-300i16).to_le_bytes()), -300.);
    assert_eq!(one("'>u2'", &300u16.to_be_bytes()), 300.);
    assert_eq!(one("'>i4'", &(-70_000i32).to_be_bytes()), -70_000.);
    assert_eq!(one("'<u4'", &u32::MAX.to_le_bytes()), 4_294_967_295.);
    assert_eq!(one("'<i8'", &i64::MIN.to_le_bytes()), i64::MIN as f64);
}

#[test]
fn chunks_join_without_a_seam() {
    let n = 2 * CHUNK + 3;
    let data: Vec<f64> = (0..n).map(|i| i as f64).collect();
    assert_eq!(
        numbers(&floats(&format!("({n},)"), &data))
            .unwrap()
            .into_raw_vec_and_offset()
            .0,
        data
    );
}

#[test]
fn a_lying_header_is_refused_before_anything_is_allocated() {
    let huge = floats("(1000000, 1000000)", &[1.]);
    assert!(
        refusal(&huge).contains("found 8 bytes of numbers, expected 1000000000000 numbers"),
        "{}",
        refusal(&huge)
    );
    assert!(refusal(&floats("(4294967296, 4294967296)", &[])).contains("too large"));
    assert!(refusal(&floats("(4294967296, 4294967296, 0)", &[])).contains("too large"));
    assert!(refusal(&floats("(1,)", &[1., 2.])).contains("found 16 bytes"));
}

#[test]
fn other_types_are_named() {
    for (descr, word) in [
        ("'<c16'", "complex"),
        ("'|O'", "objects"),
        ("'<U3'", "strings"),
        ("'|b1'", "booleans"),
        ("'<f2'", "width"),
    ] {
        assert!(refusal(&npy(descr, false, "(1,)", &[0; 16])).contains(word));
    }
    assert!(refusal(&npy("[('a', '<f8')]", false, "(1,)", &[0; 8])).contains("structured"));
    let floats = floats("(1,)", &[1.]);
    assert!(
        read_integers(&floats[..], floats.len() as u64)
            .unwrap_err()
            .to_string()
            .contains("found dtype f8")
    );
}

#[test]
fn a_cut_array_is_refused_wherever_it_is_cut() {
    let whole = floats("(3,)", &[1., 2., 3.]);
    for end in 0..whole.len() {
        assert!(numbers(&whole[..end]).is_err());
        assert!(read_numbers(&whole[..end], whole.len() as u64).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), shape in "[(0-9, )L-]{0,12}", descr in "'?[<>|=]?[a-zA-Z]?[0-9]?'?") {
        let _ = numbers(&bytes);
        let _ = numbers(&npy(&descr, bytes.len() % 2 == 0, &shape, &bytes));
        let _ = read_integers(&bytes[..], 40);
    }
}
