//! Passes over a tall matrix in single precision, a block of rows after another.
//!
//! What the iteration does to a row v depends on the other rows only through the Gram matrix vᵀv, of the shorter side: a
//! proximal step of the nuclear norm is v·F, F a function of the Gram matrix. A block is multiplied, moved and counted into
//! the next Gram matrix while it is in the cache, so that a step reads the matrix once and forms nothing as large.
//!
//! Rows are dealt to a fixed number of groups, and the groups' sums are added in their order: the bits do not depend on
//! the threads.

use faer::linalg::matmul::triangular::BlockStructure::{Rectangular, TriangularLower};
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows of a block: with a thousand columns it and its image stay within a core's cache.
const ROWS: usize = 256;
/// Groups of blocks, each with a Gram matrix of its own.
const GROUPS: usize = 16;
/// Numbers that are summed in single precision before their sum is added to others in double.
const SEGMENT: usize = 4096;
/// Independent sums within a segment.
const LANES: usize = 16;

/// The linear map of rows v ↦ scale·v + (v·basis)·sharesᵀ.
pub(super) struct Filter {
    pub(super) scale: f32,
    /// n × p.
    pub(super) basis: Mat<f32>,
    /// n × p.
    pub(super) shares: Mat<f32>,
}

/// How an entry v moves: to relaxation·(x + clamp(y − x + ratio·(v − x), ±level)) + (1 − relaxation)·v.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub(super) ratio: f32,
    pub(super) level: f32,
    pub(super) relaxation: f32,
}

/// What a pass counts.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    /// Σ|y − x|.
    pub(super) total: f64,
    /// Σ(y − x)².
    pub(super) squares: f64,
    /// Σ y·λ.
    pub(super) inner: f64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.total += other.total;
        self.squares += other.squares;
        self.inner += other.inner;
    }
}

/// A tall matrix Y, one row after the other, NaN where nothing is observed.
pub(super) struct Rows {
    pub(super) y: Vec<f32>,
    pub(super) columns: usize,
}

impl Rows {
    fn count(&self) -> usize {
        self.y.len() / self.columns
    }

    /// Numbers of a group.
    fn group(&self) -> usize {
        self.count().div_ceil(ROWS).div_ceil(GROUPS) * ROWS * self.columns
    }

    fn block(&self) -> usize {
        ROWS * self.columns
    }

    /// `YᵀY`, 0 where nothing is observed.
    pub(super) fn gram(&self) -> Mat<f64> {
        let none = Mat::zeros(self.columns, 0);
        let grams: Vec<Gram> = (self.y.par_chunks(self.group()))
            .map(|y| {
                let mut gram = Gram::new(none.as_ref());
                let mut filled = vec![0.0; self.block()];
                for y in y.chunks(self.block()) {
                    let filled = &mut filled[..y.len()];
                    for (out, y) in filled.iter_mut().zip(y) {
                        *out = if y.is_nan() { 0.0 } else { *y };
                    }
                    gram.add(filled);
                }
                gram
            })
            .collect();
        total(grams, none.as_ref())
    }

    /// One step of all entries of `v`, x being its image: vᵀv after it, given rough `leading` singular directions.
    pub(super) fn step(
        &self,
        v: &mut [f32],
        filter: &Filter,
        by: Move,
        leading: MatRef<'_, f32>,
    ) -> (Mat<f64>, Sums) {
        let groups: Vec<(Gram, Sums)> = v
            .par_chunks_mut(self.group())
            .zip(self.y.par_chunks(self.group()))
            .map(|(v, y)| {
                let (mut gram, mut sums) = (Gram::new(leading), Sums::default());
                let mut image = Image::new(filter, self.block());
                for (v, y) in v.chunks_mut(self.block()).zip(y.chunks(self.block())) {
                    let x = image.of(v);
                    sums.add(move_entries(v, x, y, by));
                    gram.add(v);
                }
                (gram, sums)
            })
            .collect();
        let (grams, sums): (Vec<Gram>, Vec<Sums>) = groups.into_iter().unzip();
        (total(grams, leading), added(&sums))
    }

    /// λ = clamp((y − x + v − x)/t, ±θ) for all entries, and v = x + next·λ: the Gram matrices of v and of λ.
    pub(super) fn look(
        &self,
        (v, lambda): (&mut [f32], &mut [f32]),
        filter: &Filter,
        (t, next, theta): (f32, f32, f32),
        leading: MatRef<'_, f32>,
    ) -> (Mat<f64>, Mat<f64>, Sums) {
        let none = Mat::zeros(self.columns, 0);
        let groups: Vec<(Gram, Gram, Sums)> = v
            .par_chunks_mut(self.group())
            .zip(lambda.par_chunks_mut(self.group()))
            .zip(self.y.par_chunks(self.group()))
            .map(|((v, lambda), y)| {
                let (mut own, mut dual) = (Gram::new(leading), Gram::new(none.as_ref()));
                let (mut sums, mut image) = (Sums::default(), Image::new(filter, self.block()));
                let blocks = v
                    .chunks_mut(self.block())
                    .zip(lambda.chunks_mut(self.block()))
                    .zip(y.chunks(self.block()));
                for ((v, lambda), y) in blocks {
                    let x = image.of(v);
                    for (((v, lambda), x), y) in v.iter_mut().zip(lambda.iter_mut()).zip(x).zip(y) {
                        let misfit = if y.is_nan() { *x - *v } else { y - x };
                        *lambda = ((misfit + (*v - x)) / t).clamp(-theta, theta);
                        *v = x + next * *lambda;
                    }
                    sums.add(compared(x, y));
                    sums.inner += inner(lambda, y);
                    own.add(v);
                    dual.add(lambda);
                }
                (own, dual, sums)
            })
            .collect();
        let (mut own, mut dual, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for (a, b, c) in groups {
            own.push(a);
            dual.push(b);
            sums.push(c);
        }
        (total(own, leading), total(dual, none.as_ref()), added(&sums))
    }

    /// λ ← clamp(its image, ±θ), 0 where nothing is observed: its Gram matrix, and Σ y·λ.
    pub(super) fn project(&self, lambda: &mut [f32], filter: &Filter, theta: f32) -> (Mat<f64>, f64) {
        let none = Mat::zeros(self.columns, 0);
        let groups: Vec<(Gram, f64)> = lambda
            .par_chunks_mut(self.group())
            .zip(self.y.par_chunks(self.group()))
            .map(|(lambda, y)| {
                let (mut gram, mut sum) = (Gram::new(none.as_ref()), 0.0);
                let mut image = Image::new(filter, self.block());
                for (lambda, y) in lambda.chunks_mut(self.block()).zip(y.chunks(self.block())) {
                    let x = image.of(lambda);
                    for ((lambda, x), y) in lambda.iter_mut().zip(x).zip(y) {
                        *lambda = if y.is_nan() { 0.0 } else { x.clamp(-theta, theta) };
                    }
                    sum += inner(lambda, y);
                    gram.add(lambda);
                }
                (gram, sum)
            })
            .collect();
        let (grams, sums): (Vec<Gram>, Vec<f64>) = groups.into_iter().unzip();
        (total(grams, none.as_ref()), sums.iter().sum())
    }
}

/// Room for the image of a block.
struct Image<'a> {
    filter: &'a Filter,
    inner: Mat<f32>,
    x: Vec<f32>,
}

impl<'a> Image<'a> {
    fn new(filter: &'a Filter, block: usize) -> Self {
        Image {
            filter,
            inner: Mat::zeros(ROWS, filter.basis.ncols()),
            x: vec![0.0; block],
        }
    }

    /// The image of the rows of `v`.
    fn of(&mut self, v: &[f32]) -> &[f32] {
        let Filter { scale, basis, shares } = self.filter;
        let rows = v.len() / basis.nrows();
        let x = &mut self.x[..v.len()];
        for (x, v) in x.iter_mut().zip(v) {
            *x = scale * v;
        }
        let v = MatRef::from_row_major_slice(v, rows, basis.nrows());
        let mut inner = self.inner.as_mut().subrows_mut(0, rows);
        matmul(inner.as_mut(), Accum::Replace, v, basis, 1.0, Par::Seq);
        let out = MatMut::from_row_major_slice_mut(x, rows, basis.nrows());
        matmul(out, Accum::Add, inner.as_ref(), shares.transpose(), 1.0, Par::Seq);
        &self.x[..rows * basis.nrows()]
    }
}

/// The Gram matrix of the rows seen so far.
///
/// In single precision it would miss what is small beside its largest eigenvalue. So it is that of [v − (v·Q)·Qᵀ, v·Q] for
/// the leading singular directions Q, as far as they are known, which v is made of whatever Q is.
struct Gram<'a> {
    leading: MatRef<'a, f32>,
    sum: Mat<f32>,
    split: Vec<f32>,
}

impl<'a> Gram<'a> {
    fn new(leading: MatRef<'a, f32>) -> Self {
        let n = leading.nrows() + leading.ncols();
        Gram {
            leading,
            sum: Mat::zeros(n, n),
            split: Vec::new(),
        }
    }

    fn add(&mut self, v: &[f32]) {
        let (n, k) = self.leading.shape();
        let rows = v.len() / n;
        let v = MatRef::from_row_major_slice(v, rows, n);
        if k == 0 {
            add_gram(self.sum.as_mut(), v);
            return;
        }
        self.split.resize(ROWS * (n + k), 0.0);
        let mut split = MatMut::from_row_major_slice_mut(&mut self.split[..rows * (n + k)], rows, n + k);
        let (mut rest, mut along) = split.as_mut().split_at_col_mut(n);
        matmul(along.as_mut(), Accum::Replace, v, self.leading, 1.0, Par::Seq);
        rest.copy_from(v);
        matmul(
            rest,
            Accum::Add,
            along.as_ref(),
            self.leading.transpose(),
            -1.0,
            Par::Seq,
        );
        add_gram(self.sum.as_mut(), split.as_ref());
    }
}

/// The lower triangle of out ← out + aᵀa.
fn add_gram(out: MatMut<'_, f32>, a: MatRef<'_, f32>) {
    triangular::matmul(
        out,
        TriangularLower,
        Accum::Add,
        a.transpose(),
        Rectangular,
        a,
        Rectangular,
        1.0,
        Par::Seq,
    );
}

/// vᵀv of all groups: with G the sum of theirs, [I Q] G [I Q]ᵀ.
fn total(grams: Vec<Gram<'_>>, leading: MatRef<'_, f32>) -> Mat<f64> {
    let (n, k) = leading.shape();
    let mut sum = Mat::<f64>::zeros(n + k, n + k);
    for gram in &grams {
        for j in 0..n + k {
            let own = &gram.sum.col_as_slice(j)[j..];
            for (out, own) in sum.col_as_slice_mut(j)[j..].iter_mut().zip(own) {
                *out += f64::from(*own);
            }
        }
    }
    crate::linalg::dense::mirror_lower(&mut sum);
    if k == 0 {
        return sum;
    }
    let q = Mat::from_fn(n, k, |i, j| f64::from(leading[(i, j)]));
    let mut out = sum.as_ref().submatrix(0, 0, n, n).to_owned();
    let cross = crate::linalg::dense::product(q.as_ref(), sum.as_ref().submatrix(n, 0, k, n));
    let core = crate::linalg::dense::product(q.as_ref(), sum.as_ref().submatrix(n, n, k, k));
    let core = crate::linalg::dense::product(core.as_ref(), q.transpose());
    for j in 0..n {
        for i in 0..n {
            out[(i, j)] += cross[(i, j)] + cross[(j, i)] + core[(i, j)];
        }
    }
    out
}

fn added(sums: &[Sums]) -> Sums {
    let mut out = Sums::default();
    sums.iter().for_each(|sums| out.add(*sums));
    out
}

/// See [`Move`].
fn move_entries(v: &mut [f32], x: &[f32], y: &[f32], by: Move) -> Sums {
    let kept = 1.0 - by.relaxation;
    for ((v, x), y) in v.iter_mut().zip(x).zip(y) {
        let from = y - x + by.ratio * (*v - x);
        // Where nothing is observed S takes up all.
        let clamped = if y.is_nan() {
            0.0
        } else {
            from.clamp(-by.level, by.level)
        };
        *v = by.relaxation * (x + clamped) + kept * *v;
    }
    compared(x, y)
}

/// The sums of |y − x| and of its squares over what is observed.
fn compared(x: &[f32], y: &[f32]) -> Sums {
    let mut out = Sums::default();
    for (x, y) in x.chunks(SEGMENT).zip(y.chunks(SEGMENT)) {
        let (mut total, mut squares) = ([0.0f32; LANES], [0.0f32; LANES]);
        for (x, y) in x.chunks(LANES).zip(y.chunks(LANES)) {
            for (lane, (x, y)) in x.iter().zip(y).enumerate() {
                let apart = if y.is_nan() { 0.0 } else { (y - x).abs() };
                total[lane] += apart;
                squares[lane] += apart * apart;
            }
        }
        out.total += total.iter().map(|v| f64::from(*v)).sum::<f64>();
        out.squares += squares.iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    out
}

/// Σ y·λ over what is observed.
fn inner(lambda: &[f32], y: &[f32]) -> f64 {
    let mut out = 0.0;
    for (lambda, y) in lambda.chunks(SEGMENT).zip(y.chunks(SEGMENT)) {
        let mut sum = [0.0f64; LANES];
        for (lambda, y) in lambda.chunks(LANES).zip(y.chunks(LANES)) {
            for (lane, (lambda, y)) in lambda.iter().zip(y).enumerate() {
                sum[lane] += if y.is_nan() {
                    0.0
                } else {
                    f64::from(*lambda) * f64::from(*y)
                };
            }
        }
        out += sum.iter().sum::<f64>();
    }
    out
}

#[cfg(test)]
mod tests {
    //! Against the same in double precision, from a full decomposition.

    use super::super::spectrum::Spectrum;
    use super::*;
    use crate::linalg::dense::{product, row_gram, thin_svd};

    const COLUMNS: usize = 30;

    /// Numbers of size one around a constant, so that one singular value is far above the others.
    fn wave(rows: usize, by: f64) -> Vec<f32> {
        let place = |i: usize| i as f64;
        (0..rows * COLUMNS)
            .map(|i| 3.0 + (by * place(i) * place(i)).sin() as f32)
            .collect()
    }

    fn wide(v: &[f32]) -> Mat<f64> {
        Mat::from_fn(v.len() / COLUMNS, COLUMNS, |i, j| f64::from(v[i * COLUMNS + j]))
    }

    /// U diag(f(σ)) Vᵀ.
    fn filtered(v: &[f32], f: impl Fn(f64) -> f64) -> Mat<f64> {
        let svd = thin_svd(wide(v).as_ref()).unwrap();
        let scaled = Mat::from_fn(svd.u.nrows(), COLUMNS, |i, j| svd.u[(i, j)] * f(svd.s[j]));
        product(scaled.as_ref(), svd.v.transpose())
    }

    fn apart(gram: &Mat<f64>, v: &[f32]) -> f64 {
        let own = wide(v);
        (gram - row_gram(own.transpose())).norm_max() / own.norm_l2().powi(2)
    }

    #[test]
    fn passes_are_the_steps_of_the_splitting_and_count_the_gram_matrix() {
        for rows in [ROWS / 2, 3 * ROWS + 70, GROUPS * ROWS + 1] {
            let mut y = wave(rows, 0.7);
            (0..y.len()).step_by(11).for_each(|i| y[i] = f32::NAN);
            let data = Rows {
                y: y.clone(),
                columns: COLUMNS,
            };
            let start = wave(rows, 2.1);
            let spectrum = Spectrum::of(&row_gram(wide(&start).transpose())).unwrap();
            let t = 0.5 * spectrum.lowered(0.0).nth(COLUMNS / 2).unwrap();
            let (filter, leading) = (spectrum.shrinkage(t), spectrum.leading(3));
            let x = filtered(&start, |s| (s - t).max(0.0));
            let n = |i: usize, ratio: f64| {
                let (a, b) = (i / COLUMNS, i % COLUMNS);
                match f64::from(y[i]) {
                    y if y.is_nan() => 0.0,
                    y => y - x[(a, b)] + ratio * (f64::from(start[i]) - x[(a, b)]),
                }
            };
            for (ratio, relaxation) in [(1.0, 1.8), (0.7, 1.0)] {
                let by = Move {
                    ratio: ratio as f32,
                    level: 0.3,
                    relaxation: relaxation as f32,
                };
                let mut v = start.clone();
                let (gram, sums) = data.step(&mut v, &filter, by, leading.as_ref());
                for (i, v) in v.iter().enumerate() {
                    let target = x[(i / COLUMNS, i % COLUMNS)] + n(i, ratio).clamp(-0.3, 0.3);
                    let expected = relaxation * target + (1.0 - relaxation) * f64::from(start[i]);
                    assert!((f64::from(*v) - expected).abs() <= 1e-4, "{v} {expected}");
                }
                assert!(apart(&gram, &v) <= 1e-6);
                let seen = (0..y.len()).filter(|i| !y[*i].is_nan());
                let total: f64 = seen
                    .map(|i| (f64::from(y[i]) - x[(i / COLUMNS, i % COLUMNS)]).abs())
                    .sum();
                assert!((sums.total / total - 1.0).abs() <= 1e-4);
            }
            let (mut v, mut lambda, theta) = (start.clone(), vec![0.0; y.len()], 0.02);
            let by = (t as f32, 0.5 * t as f32, theta);
            let (own, dual, sums) = data.look((&mut v, &mut lambda), &filter, by, leading.as_ref());
            for (i, (v, lambda)) in v.iter().zip(&lambda).enumerate() {
                let expected = (n(i, 1.0) / t).clamp(-f64::from(theta), f64::from(theta));
                assert!((f64::from(*lambda) - expected).abs() <= 1e-4 / t);
                let moved = x[(i / COLUMNS, i % COLUMNS)] + 0.5 * t * expected;
                assert!((f64::from(*v) - moved).abs() <= 1e-4);
            }
            assert!(apart(&own, &v) <= 1e-6 && apart(&dual, &lambda) <= 1e-6);
            let pairs = lambda.iter().zip(&y).filter(|(_, y)| !y.is_nan());
            let inner: f64 = pairs.map(|(l, y)| f64::from(*l) * f64::from(*y)).sum();
            assert!((sums.inner / inner - 1.0).abs() <= 1e-9);
            let spectrum = Spectrum::of(&dual).unwrap();
            let unit = 0.5 * spectrum.norm();
            let lowered = filtered(&lambda, |s| s.min(unit) / unit);
            data.project(&mut lambda, &spectrum.projection(unit), theta);
            for (i, lambda) in lambda.iter().enumerate() {
                let expected = lowered[(i / COLUMNS, i % COLUMNS)].clamp(-0.02, 0.02);
                let expected = if y[i].is_nan() { 0.0 } else { expected };
                assert!((f64::from(*lambda) - expected).abs() <= 1e-6);
            }
        }
    }

    #[test]
    fn a_small_singular_value_survives_a_large_one_in_single_precision() {
        let (rows, size) = (2 * ROWS, 1e4);
        let v: Vec<f32> = wave(rows, 0.9).iter().map(|v| (v - 3.0) + size).collect();
        let all = thin_svd(wide(&v).as_ref()).unwrap();
        let leading = Mat::from_fn(COLUMNS, 2, |i, j| all.v[(i, j)] as f32);
        let mut gram = Gram::new(leading.as_ref());
        v.chunks(ROWS * COLUMNS).for_each(|v| gram.add(v));
        let found = Spectrum::of(&total(vec![gram], leading.as_ref())).unwrap();
        let found: Vec<f64> = found.lowered(0.0).collect();
        for (found, s) in found.iter().rev().zip(&all.s) {
            assert!((found - s).abs() <= 1e-3 * s, "{found} {s}");
        }
    }
}
