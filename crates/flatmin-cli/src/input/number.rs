//! Numbers in text.

/// The number that `field` is, white space around it left out; infinities and NaN are numbers too.
pub(crate) fn number(field: &[u8]) -> Option<f64> {
    let field = field.trim_ascii();
    short_decimal(field).or_else(|| std::str::from_utf8(field).ok()?.parse().ok())
}

/// Powers of ten that are exact in 64 bits of floating point, as far as they are needed.
const POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// A decimal of at most 15 digits without exponent, as nearly all are. Digits and power of ten are exact, so that their
/// quotient, rounded once, is the number nearest to the decimal (Clinger 1990, doi:10.1145/93548.93557).
fn short_decimal(field: &[u8]) -> Option<f64> {
    let (negative, digits) = match field.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, field),
    };
    if digits.len() > 16 {
        return None;
    }
    let (mut whole, mut count, mut point) = (0u64, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = 10 * whole + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let size = whole as f64 / POWERS[count - point.unwrap_or(count)];
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_forms_are_read_as_the_standard_library_does() {
        for text in [
            "",
            "-",
            ".",
            "-.",
            "1.",
            ".5",
            "-.5",
            "+3",
            "-0",
            "-0.0",
            "1..2",
            "1e3",
            "inf",
            "nan",
            "1_0",
            "0x1",
            "999999999999999",
            "9999999999999999",
            "0.000000000000001",
            " 4.5\r",
        ] {
            let expected: Option<f64> = text.trim().parse().ok();
            let found = number(text.as_bytes());
            assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{text:?}");
        }
        assert_eq!(number(b"\xff"), None);
    }

    proptest! {
        #[test]
        fn decimals_are_rounded_correctly(text in "-?[0-9]{0,9}[.]?[0-9]{0,9}") {
            let expected: Option<f64> = text.parse().ok();
            prop_assert_eq!(number(text.as_bytes()).map(f64::to_bits), expected.map(f64::to_bits));
        }
    }
}
