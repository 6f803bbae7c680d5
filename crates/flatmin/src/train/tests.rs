//! Every direction against the loss that it descends, by Taylor slopes; the loop; the projection.

use super::*;
use crate::linalg::vector::{dot, norm};
use crate::map::{Dense, MeasurementMap, SymmetricRankOne};

const D: usize = 4;
const M: usize = 7;

/// A map, data and unknowns that do not fit them, of both kinds of factors.
struct Case {
    map: Box<dyn MeasurementMap>,
    y: Vec<f64>,
    w: Vec<f64>,
    signed: bool,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut stream = Stream::new(5);
        let dense = Dense::new(stream.normals(M * D * 3), M, (D, 3)).unwrap();
        let symmetric = SymmetricRankOne::new(&stream.normals(M * D), M, D).unwrap();
        let maps: [Box<dyn MeasurementMap>; 2] = [Box::new(dense), Box::new(symmetric)];
        maps.into_iter()
            .map(|map| Case {
                signed: map.is_symmetric(),
                y: stream.normals(M),
                w: stream.normals(if map.is_symmetric() { D * 4 } else { (D + 3) * 2 }),
                map,
            })
            .collect()
    }

    fn loss(&self) -> Loss<'_> {
        self.against(&self.y)
    }

    fn against<'a>(&'a self, y: &'a [f64]) -> Loss<'a> {
        if self.signed {
            Loss::signed(self.map.as_ref(), y, (3, 1)).unwrap()
        } else {
            Loss::factored(self.map.as_ref(), y).unwrap()
        }
    }
}

/// f(w + tv) − f(w) − t⟨g, v⟩ falls to a quarter as t is halved.
fn slope_is_two(f: impl Fn(&[f64]) -> f64, gradient: &[f64], w: &[f64]) {
    let v = Stream::new(9).normals(w.len());
    let left = |t: f64| {
        let mut to = w.to_vec();
        axpy(t, &v, &mut to);
        (f(&to) - f(w) - t * dot(gradient, &v)).abs()
    };
    let slope = (left(1e-3) / left(5e-4)).log2();
    assert!((slope - 2.0).abs() < 0.05, "{slope}");
}

#[test]
fn every_direction_is_the_gradient_of_what_it_descends() {
    for case in Case::all() {
        let (loss, w) = (case.loss(), &case.w);
        let direction = |method: &dyn Method| method.direction(&loss, w, &mut Stream::new(2));
        let plain = direction(&GradientDescent);
        slope_is_two(|w| loss.value(w), &plain.step, w);
        assert_eq!(plain.step, loss.gradient(w));
        assert_eq!(plain.loss, loss.value(w));

        let decay = direction(&WeightDecay { rate: 0.7 });
        slope_is_two(|w| loss.value(w) + 0.35 * dot(w, w), &decay.step, w);

        let batch = Stream::new(2).choose(M, 3);
        let of_batch = |w: &[f64]| {
            let residual = loss.residual(w);
            batch.iter().map(|i| residual[*i].powi(2)).sum::<f64>() / 3.0
        };
        slope_is_two(of_batch, &direction(&MiniBatch { batch: 3 }).step, w);
        let whole = direction(&MiniBatch { batch: M });
        assert_eq!(whole.step, plain.step);

        let mut noisy = case.y.clone();
        axpy(0.4, &Stream::new(2).normals(M), &mut noisy);
        let of_noisy = case.against(&noisy);
        let noise = direction(&LabelNoise { deviation: 0.4 });
        slope_is_two(|w| of_noisy.value(w), &noise.step, w);
        assert_eq!(noise.loss, loss.value(w));
    }
}

#[test]
fn sharpness_aware_steps_are_gradients_at_a_distance() {
    for case in Case::all() {
        let (loss, w, radius) = (case.loss(), &case.w, 0.3);
        let step = |batch| {
            SharpnessAware { radius, batch }
                .direction(&loss, w, &mut Stream::new(2))
                .step
        };
        let ascent = loss.gradient(w);
        let mut worst = w.clone();
        axpy(radius / norm(&ascent), &ascent, &mut worst);
        assert_eq!(step(M), loss.gradient(&worst));
        // A fit has no worse direction: nothing moves.
        let x = loss.factors(w);
        let met = case.map.apply_factored(x.l.as_ref(), x.r.as_ref());
        let exact = case.against(&met);
        let still = SharpnessAware { radius, batch: 1 }.direction(&exact, w, &mut Stream::new(2));
        assert!(still.step.iter().all(|v| *v == 0.0));
    }
}

/// At a fit E⟨v, u⟩² = (2δ²/m)·uᵀHu for any u: what the drift of label noise rests on.
#[test]
fn label_noise_has_the_covariance_that_theory_counts_on() {
    let case = &Case::all()[0];
    let x = case.loss().factors(&case.w);
    let met = case.map.apply_factored(x.l.as_ref(), x.r.as_ref());
    let loss = case.against(&met);
    let (mut stream, deviation, draws) = (Stream::new(3), 0.5, 20_000);
    let v = Stream::new(4).normals(case.w.len());
    let mean_square = (0..draws)
        .map(|_| {
            let direction = LabelNoise { deviation }.direction(&loss, &case.w, &mut stream);
            dot(&direction.step, &v).powi(2)
        })
        .sum::<f64>()
        / draws as f64;
    // vᵀHv by finite differences: on a fit the gradient vanishes.
    let mut to = case.w.clone();
    axpy(1e-4, &v, &mut to);
    let curvature = 2.0 * loss.value(&to) / 1e-8;
    let expected = 2.0 * deviation * deviation / M as f64 * curvature;
    assert!(
        (mean_square / expected - 1.0).abs() < 0.05,
        "{mean_square} {expected}"
    );
}

#[test]
fn sharpness_and_traces_are_those_of_the_mean_and_of_the_sum() {
    for case in Case::all() {
        let (loss, w) = (case.loss(), &case.w);
        let (n, h) = (w.len(), 1e-5);
        let column = |i: usize| {
            let side = |t: f64| {
                let mut to = w.clone();
                to[i] += t;
                loss.gradient(&to)
            };
            let (up, down) = (side(h), side(-h));
            up.iter()
                .zip(&down)
                .map(|(u, d)| (u - d) / (2.0 * h))
                .collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..n).map(column).collect();
        let hessian = faer::Mat::from_fn(n, n, |i, j| columns[j][i]);
        let (values, _) = crate::linalg::dense::symmetric_eigen(hessian.as_ref()).unwrap();
        let trace: f64 = (0..n).map(|i| hessian[(i, i)]).sum();
        assert!((loss.sharpness(w).unwrap() / values[n - 1] - 1.0).abs() < 1e-6);
        let grams = (case.map.left_gram(), case.map.right_gram());
        let total = loss.traces((&grams.0, &grams.1), w).total();
        assert!((total / M as f64 / trace - 1.0).abs() < 1e-6);
    }
}

#[test]
fn projections_meet_the_data_and_move_little() {
    for case in Case::all() {
        let mut w = case.w.clone();
        let exact = project(&case.loss(), &w, 1e-12).unwrap();
        let size = norm(&case.y);
        assert!(norm(&case.loss().residual(&exact)) <= 1e-12 * size);
        // From nearby, nearby.
        let kick = Stream::new(6).normals(w.len());
        w.copy_from_slice(&exact);
        axpy(1e-5, &kick, &mut w);
        let back = project(&case.loss(), &w, 1e-12).unwrap();
        let moved: Vec<f64> = back.iter().zip(&w).map(|(a, b)| a - b).collect();
        assert!(norm(&moved) <= 1.01e-5 * norm(&kick));
        assert_eq!(project(&case.loss(), &back, 1e-12).unwrap(), back);
    }
    let case = &Case::all()[0];
    let rank_zero = vec![0.0; case.w.len()];
    assert!(project(&case.loss(), &rank_zero, 1e-12).is_none());
}

#[test]
fn too_large_steps_diverge_and_small_ones_descend() {
    for case in Case::all() {
        let (loss, w) = (case.loss(), &case.w);
        let edge = 2.0 / loss.sharpness(w).unwrap();
        let mut losses = Vec::new();
        let run = |rate: f64, look: &mut dyn FnMut(usize, &[f64])| {
            let schedule = (rate, 300);
            let stream = &mut Stream::new(1);
            train(&loss, &GradientDescent, w, schedule, stream, |step, w| {
                look(step, w);
                Ok(())
            })
            .unwrap()
        };
        let down = run(0.1 * edge, &mut |_, w| losses.push(loss.value(w)));
        assert_eq!((down.ending, down.steps), (Ending::Finished, 300));
        assert!(losses.is_sorted_by(|a, b| a >= b) && losses.len() == 300);
        let up = run(50.0 * edge, &mut |_, _| {});
        assert_eq!(up.ending, Ending::Diverged);
        assert!(up.point.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn bad_settings_are_named() {
    let case = &Case::all()[0];
    let loss = case.loss();
    let refusal = |method: &dyn Method, w: &[f64], rate: f64| {
        let schedule = (rate, 1);
        let outcome = train(&loss, method, w, schedule, &mut Stream::new(0), |_, _| Ok(()));
        outcome.unwrap_err().to_string()
    };
    let (w, short) = (&case.w[..], &case.w[1..]);
    let said = [
        refusal(&GradientDescent, short, 0.1),
        refusal(&GradientDescent, w, f64::NAN),
        refusal(&MiniBatch { batch: M + 1 }, w, 0.1),
        refusal(&LabelNoise { deviation: 0.0 }, w, 0.1),
        refusal(&WeightDecay { rate: -1.0 }, w, 0.1),
        refusal(
            &SharpnessAware {
                radius: f64::INFINITY,
                batch: 1,
            },
            w,
            0.1,
        ),
    ];
    let expected = [
        "w: found 13 values, expected a multiple of d1 + d2 = 7",
        "learning_rate: found NaN",
        "batch: found 8",
        "deviation: found 0",
        "rate: found -1",
        "radius: found inf",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert!(Loss::signed(case.map.as_ref(), &case.y, (1, 1)).is_err());
}
