//! What has a default, by every map's own method and by the default: several products at once, the Grams seen through a
//! matrix.

use super::*;

/// Gives the default of every method that has one.
#[derive(Debug)]
struct Plain<'a>(&'a dyn MeasurementMap);

impl MeasurementMap for Plain<'_> {
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }
    fn measurements(&self) -> usize {
        self.0.measurements()
    }
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        self.0.apply_factored(l, r)
    }
    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        self.0.apply_dense(x)
    }
    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        self.0.adjoint(w)
    }
    fn left_gram(&self) -> Gram {
        self.0.left_gram()
    }
    fn right_gram(&self) -> Gram {
        self.0.right_gram()
    }
    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        self.0.jacobian(l, r)
    }
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        self.0.compress(l, r)
    }
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        self.0.measurement_gram(p, q)
    }
    fn adjoint_rounding(&self, w: &[f64]) -> f64 {
        self.0.adjoint_rounding(w)
    }
    fn gram_rounding(&self) -> (f64, f64) {
        self.0.gram_rounding()
    }
    fn cost_factored(&self, k: usize) -> f64 {
        self.0.cost_factored(k)
    }
}

#[test]
fn several_products_at_once_are_those_taken_one_by_one() {
    for case in cases() {
        let (d1, d2) = case.map.shape();
        let mut rng = rng(61);
        let pairs: Vec<_> = [1, 0, 3]
            .map(|k| (normal(d1, k, &mut rng), normal(d2, k, &mut rng)))
            .into();
        let pairs: Vec<_> = pairs.iter().map(|(l, r)| (l.as_ref(), r.as_ref())).collect();
        for count in 0..=pairs.len() {
            let each = case.map.apply_each(&pairs[..count]);
            assert_eq!(
                each,
                Plain(case.map.as_ref()).apply_each(&pairs[..count]),
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn grams_through_a_matrix_are_those_of_the_twin() {
    for case in cases() {
        let (d1, d2) = case.map.shape();
        for k in [0, 1, 3] {
            let mut rng = rng(60);
            let (p, q) = (normal(d1, k, &mut rng), normal(d2, k, &mut rng));
            let (mut left, mut right) = (Mat::zeros(d1, d1), Mat::zeros(d2, d2));
            for a in &case.twin {
                let (aq, ap) = (a * &q, a.transpose() * &p);
                left += &aq * aq.transpose();
                right += &ap * ap.transpose();
            }
            let plain = Plain(case.map.as_ref());
            for map in [case.map.as_ref(), &plain] {
                let found = as_dense(&map.left_gram_through(q.as_ref()));
                assert_same("left Gram through Q", &case, &found, &left);
                let found = as_dense(&map.right_gram_through(p.as_ref()));
                assert_same("right Gram through P", &case, &found, &right);
            }
        }
    }
}
