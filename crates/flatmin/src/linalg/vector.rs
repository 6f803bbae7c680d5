//! Vectors as slices.
//!
//! Sums run in fixed lanes, so that they vectorise and still have one order of addition, whatever the machine.

/// Independent sums that a long one is split into.
const LANES: usize = 8;

/// ⟨a, b⟩.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    let mut lanes = [0.0; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for l in 0..LANES {
            lanes[l] += x[l] * y[l];
        }
    }
    let tail: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + tail
}

/// ‖a‖₂, for numbers whose squares neither overflow nor underflow.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// ‖a‖₂ of any finite numbers: where the squares leave the range of f64, over a power of two.
pub(crate) fn safe_norm(a: &[f64]) -> f64 {
    let plain = norm(a);
    if (1e-140..1e150).contains(&plain) {
        return plain;
    }
    let unit = power_of_two(max_abs(a));
    let scaled: Vec<f64> = a.iter().map(|v| v / unit).collect();
    norm(&scaled) * unit
}

/// The power of two at or below a positive finite number (the smallest normal one for what lies below it), else 1:
/// dividing by it is exact short of underflow.
pub(crate) fn power_of_two(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() {
        f64::from_bits(size.max(f64::MIN_POSITIVE).to_bits() & 0x7FF0_0000_0000_0000)
    } else {
        1.0
    }
}

/// y ← y + s·x.
#[inline(always)]
pub(crate) fn axpy(s: f64, x: &[f64], y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y += s * x;
    }
}

/// The largest |a_i|, 0 of nothing.
pub(crate) fn max_abs(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |m, v| f64::max(m, v.abs()))
}
