//! Numbers as a reader wants them: few digits, real minus signs and powers of ten.

/// Two or three digits, for sentences and captions.
pub(crate) fn short(value: f64) -> String {
    digits(value, 3)
}

/// Six digits, for the table.
pub(crate) fn long(value: f64) -> String {
    digits(value, 6)
}

/// Two digits, rounded up: what is said to hold "to within" this does hold.
pub(crate) fn at_most(value: f64) -> String {
    let rounded = format!("{value:.1e}");
    let up = match rounded.parse::<f64>() {
        Ok(near) if near < value => next_up(&rounded),
        _ => rounded,
    };
    up.parse().map_or(up, |bound| digits(bound, 2))
}

/// "2.9e-7" → "3.0e-7", "9.9e-7" → "10.0e-7".
fn next_up(rounded: &str) -> String {
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((rounded, "0"));
    let tenths = mantissa.parse::<f64>().map_or(0.0, |m| (m * 10.0).round() + 1.0);
    format!("{:.1}e{exponent}", tenths / 10.0)
}

/// At most so many significant digits; as a power of ten when plain digits would be long.
fn digits(value: f64, significant: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", significant - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if (-3..6).contains(&exponent) => plain(value, significant, exponent),
        _ => format!("{}·10{}", minus(trim(mantissa)), superscript(exponent)),
    }
}

fn plain(value: f64, significant: usize, exponent: i32) -> String {
    let decimals = (significant as i32 - 1 - exponent).max(0) as usize;
    minus(trim(&format!("{value:.decimals$}")))
}

/// Without the zeros after a decimal point that carry nothing.
fn trim(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

fn superscript(digits: &str) -> String {
    let raised = |c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(u32::from(c) - u32::from('0') + 0x2070).unwrap_or(c),
        other => other,
    };
    digits.chars().map(raised).collect()
}

/// A count with its thousands apart.
pub(crate) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 row", "1,200 rows".
pub(crate) fn counted(value: usize, noun: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(short(3.2e-10), "3.2·10⁻¹⁰");
        assert_eq!(short(-1.0e300), "−1·10³⁰⁰");
        assert_eq!(short(0.25), "0.25");
        assert_eq!(short(9.999), "10");
        assert_eq!(short(123_456.0), "123456");
        assert_eq!(long(1234.5678), "1234.57");
        assert_eq!(long(100.0), "100");
        assert_eq!(short(f64::NAN), "–");
        assert_eq!((count(0), count(1_234_567)), ("0".into(), "1,234,567".into()));
        assert_eq!(
            (counted(1, "row"), counted(2000, "row")),
            ("1 row".into(), "2,000 rows".into())
        );
    }

    #[test]
    fn bounds_are_rounded_up() {
        assert_eq!(at_most(3.01e-10), "3.1·10⁻¹⁰");
        assert_eq!(at_most(3.0e-10), "3·10⁻¹⁰");
        assert_eq!(at_most(9.91e-7), "1·10⁻⁶");
        assert_eq!(at_most(0.0), "0");
        assert_eq!(at_most(0.123), "0.13");
    }
}
