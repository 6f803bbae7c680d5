//! The 50 % line: the amount of data at which half of the trials succeed.
//!
//! The chance of success is taken as logistic in the amount x, 1/(1 + exp(−β(x − c))), and (β, c) maximise the likelihood
//! with Jeffreys' prior (Firth, Biometrika 80, 1993, DOI 10.1093/biomet/80.1.27), which is finite even where the successes
//! begin exactly where the failures end. The band is c ± 1.96 standard errors by the delta method.

/// Where half of the trials succeed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frontier {
    /// c.
    pub centre: f64,
    /// Lower end of the 95 % band.
    pub low: f64,
    /// Upper end of the 95 % band.
    pub high: f64,
}

/// Newton steps: far more than a concave function of two variables needs.
const STEPS: usize = 200;
/// Two-sided 95 % of the normal distribution.
const NORMAL: f64 = 1.96;

/// The frontier of trials (amount, success); `None` where all amounts are equal, all trials end alike, or success does not
/// become likelier with the amount within their range.
pub fn frontier(trials: &[(f64, bool)]) -> Option<Frontier> {
    let successes = trials.iter().filter(|(_, success)| *success).count();
    if successes == 0 || successes == trials.len() {
        return None;
    }
    let amounts = || trials.iter().map(|(amount, _)| *amount);
    let (low, high) = (
        amounts().fold(f64::INFINITY, f64::min),
        amounts().fold(f64::NEG_INFINITY, f64::max),
    );
    if low >= high {
        return None;
    }
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let scaled: Vec<(f64, f64)> = trials
        .iter()
        .map(|(amount, success)| ((amount - middle) / half, f64::from(u8::from(*success))))
        .collect();
    let (a, b, covariance) = fit(&scaled)?;
    let centre = -a / b;
    if b <= 0.0 || centre.abs() > 1.0 {
        return None;
    }
    // ∂c/∂a = −1/b, ∂c/∂b = a/b².
    let (da, db) = (-1.0 / b, a / (b * b));
    let [aa, ab, bb] = covariance;
    let error = (aa * da * da + 2.0 * ab * da * db + bb * db * db).max(0.0).sqrt();
    let place = |x: f64| middle + half * x;
    Some(Frontier {
        centre: place(centre),
        low: place(centre - NORMAL * error),
        high: place(centre + NORMAL * error),
    })
}

/// Intercept, slope and their covariance [aa, ab, bb] under the logistic model, by Fisher scoring with halved steps.
fn fit(trials: &[(f64, f64)]) -> Option<(f64, f64, [f64; 3])> {
    let (mut a, mut b) = (0.0, 0.0);
    let mut value = penalised_likelihood(trials, a, b);
    for _ in 0..STEPS {
        let [aa, ab, bb] = inverse(information(trials, a, b))?;
        let (mut ua, mut ub) = (0.0, 0.0);
        for &(x, y) in trials {
            let p = chance(a + b * x);
            // The diagonal of the hat matrix, which the prior's score needs.
            let hat = p * (1.0 - p) * (aa + 2.0 * ab * x + bb * x * x);
            let score = y - p + hat * (0.5 - p);
            ua += score;
            ub += score * x;
        }
        let (sa, sb) = (aa * ua + ab * ub, ab * ua + bb * ub);
        let mut length = 1.0;
        let (next, after) = loop {
            let next = (a + length * sa, b + length * sb);
            let after = penalised_likelihood(trials, next.0, next.1);
            if after >= value || length < 1e-6 {
                break (next, after);
            }
            length *= 0.5;
        };
        let moved = (next.0 - a).abs() + (next.1 - b).abs();
        (a, b) = next;
        value = after;
        if moved <= 1e-10 * (1.0 + a.abs() + b.abs()) {
            break;
        }
    }
    let covariance = inverse(information(trials, a, b))?;
    (a.is_finite() && b.is_finite() && b != 0.0).then_some((a, b, covariance))
}

fn chance(t: f64) -> f64 {
    1.0 / (1.0 + (-t).exp())
}

/// Fisher's information [aa, ab, bb].
fn information(trials: &[(f64, f64)], a: f64, b: f64) -> [f64; 3] {
    trials.iter().fold([0.0; 3], |[aa, ab, bb], (x, _)| {
        let p = chance(a + b * x);
        let w = p * (1.0 - p);
        [aa + w, ab + w * x, bb + w * x * x]
    })
}

fn inverse([aa, ab, bb]: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = aa * bb - ab * ab;
    (determinant > 0.0).then(|| [bb / determinant, -ab / determinant, aa / determinant])
}

/// The log-likelihood plus half the logarithm of the information's determinant.
fn penalised_likelihood(trials: &[(f64, f64)], a: f64, b: f64) -> f64 {
    let log_likelihood: f64 = trials
        .iter()
        .map(|(x, y)| {
            let t = a + b * x;
            // ln(1 + eᵗ) without overflow.
            y * t - (t.max(0.0) + (-t.abs()).exp().ln_1p())
        })
        .sum();
    let [aa, ab, bb] = information(trials, a, b);
    log_likelihood + 0.5 * (aa * bb - ab * ab).max(f64::MIN_POSITIVE).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(success: impl Fn(usize, usize) -> bool) -> Vec<(f64, bool)> {
        (0..10)
            .flat_map(|i| (0..10).map(move |j| (i, j)))
            .map(|(i, j)| (10.0 * (i + 1) as f64, success(i, j)))
            .collect()
    }

    #[test]
    fn a_sharp_step_lies_between_its_neighbours() {
        let found = frontier(&grid(|i, _| i >= 5)).unwrap();
        assert!((found.centre - 55.0).abs() < 0.5, "{found:?}");
        assert!(found.low > 45.0 && found.high < 65.0, "{found:?}");
    }

    #[test]
    fn a_gentle_slope_is_centred_and_uncertain() {
        // Chances 0, 1/9, …, 1: half at 55.
        let found = frontier(&grid(|i, j| j < (10 * i + 4) / 9)).unwrap();
        assert!((found.centre - 55.0).abs() < 2.0, "{found:?}");
        assert!(found.high - found.low > 5.0, "{found:?}");
    }

    #[test]
    fn the_likelihood_is_at_its_maximum() {
        let trials: Vec<(f64, f64)> = (0..40)
            .map(|i| (f64::from(i) / 20.0 - 1.0, f64::from(u8::from((i * 7) % 40 < i))))
            .collect();
        let (a, b, _) = fit(&trials).unwrap();
        let best = penalised_likelihood(&trials, a, b);
        for (da, db) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
            assert!(penalised_likelihood(&trials, a + da, b + db) < best);
        }
    }

    #[test]
    fn nothing_is_said_where_nothing_changes() {
        assert_eq!(frontier(&grid(|_, _| true)), None);
        assert_eq!(frontier(&grid(|_, _| false)), None);
        assert_eq!(frontier(&grid(|i, _| i < 5)), None);
        assert_eq!(frontier(&[(1.0, true), (1.0, false)]), None);
    }
}
