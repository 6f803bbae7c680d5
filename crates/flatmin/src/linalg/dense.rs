//! Dense products and decompositions, always on one thread: their bits do not depend on the number of threads.
//!
//! Parallel work happens one level up, over pieces whose number is fixed by the problem.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::matmul::{matmul, triangular};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, SvdParams, svd, svd_scratch};
use faer::{Accum, Auto, Conj, Mat, MatMut, MatRef, Par, Spec};

use super::vector::power_of_two;
use crate::error::Error;
use crate::map::gamma;

/// a·b.
pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// out ← alpha·a·b.
pub(crate) fn product_into(out: MatMut<'_, f64>, alpha: f64, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(out, Accum::Replace, a, b, alpha, Par::Seq);
}

/// out ← out + alpha·a·b.
pub(crate) fn add_product(out: MatMut<'_, f64>, alpha: f64, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(out, Accum::Add, a, b, alpha, Par::Seq);
}

/// Rows of one piece of a parallel product.
const PRODUCT_BLOCK: usize = 256;

/// out ← a·b, in pieces of the longer side of `out` that run on all threads of the pool.
pub(crate) fn parallel_product_into(out: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    use rayon::prelude::*;
    if out.nrows().max(out.ncols()) <= PRODUCT_BLOCK {
        product_into(out, 1.0, a, b);
    } else if out.nrows() >= out.ncols() {
        out.par_row_chunks_mut(PRODUCT_BLOCK)
            .enumerate()
            .for_each(|(i, rows)| {
                let own = a.subrows(i * PRODUCT_BLOCK, rows.nrows());
                matmul(rows, Accum::Replace, own, b, 1.0, Par::Seq);
            });
    } else {
        out.par_col_chunks_mut(PRODUCT_BLOCK)
            .enumerate()
            .for_each(|(j, columns)| {
                let own = b.subcols(j * PRODUCT_BLOCK, columns.ncols());
                matmul(columns, Accum::Replace, a, own, 1.0, Par::Seq);
            });
    }
}

/// a·b, as [`parallel_product_into`] forms it.
pub(crate) fn parallel_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    parallel_product_into(out.as_mut(), a, b);
    out
}

/// Columns of one piece of a parallel [`row_gram`].
const GRAM_BLOCK: usize = 96;

/// a·aᵀ, both triangles filled. Its pieces run on all threads of the pool.
pub(crate) fn row_gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), a.nrows());
    add_row_gram(&mut out, a);
    mirror_lower(&mut out);
    out
}

/// The lower triangle of out ← out + a·aᵀ. Its pieces run on all threads of the pool.
pub(crate) fn add_row_gram(out: &mut Mat<f64>, a: MatRef<'_, f64>) {
    add_symmetric_product(out, a, a);
}

/// The lower triangle of out ← out + a·bᵀ, where that is symmetric. Its pieces run on all threads of the pool.
pub(crate) fn add_symmetric_product(out: &mut Mat<f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    use faer::linalg::matmul::triangular::BlockStructure::{Rectangular, TriangularLower};
    let n = a.nrows();
    let piece = |start: usize, mut columns: MatMut<'_, f64>| {
        let width = columns.ncols();
        let (_, mut lower) = columns.as_mut().split_at_row_mut(start);
        let (diagonal, below) = lower.as_mut().split_at_row_mut(width);
        let own = a.subrows(start, width);
        let (triangle, full, turned) = (TriangularLower, Rectangular, b.subrows(start, width).transpose());
        triangular::matmul(
            diagonal,
            triangle,
            Accum::Add,
            own,
            full,
            turned,
            full,
            1.0,
            Par::Seq,
        );
        add_product(below, 1.0, a.subrows(start + width, n - start - width), turned);
    };
    if n > GRAM_BLOCK && a.ncols() > GRAM_BLOCK {
        use rayon::prelude::*;
        out.par_col_chunks_mut(GRAM_BLOCK)
            .enumerate()
            .for_each(|(i, columns)| piece(i * GRAM_BLOCK, columns));
    } else {
        piece(0, out.as_mut());
    }
}

/// Copies the lower triangle onto the upper one.
pub(crate) fn mirror_lower(a: &mut Mat<f64>) {
    for j in 0..a.ncols() {
        for i in 0..j {
            a[(i, j)] = a[(j, i)];
        }
    }
}

/// ⟨a, b⟩ of matrices.
pub(crate) fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    (0..a.ncols())
        .map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>())
        .sum()
}

/// ‖a‖_F, safe from overflow.
pub fn frobenius(a: MatRef<'_, f64>) -> f64 {
    a.norm_l2()
}

/// A bound on ‖QᵀQ − I‖_F, hence on the distance from Q to the nearest matrix with orthonormal columns.
pub(crate) fn orthonormality_defect(q: MatRef<'_, f64>) -> f64 {
    let mut gram = product(q.transpose(), q);
    (0..q.ncols()).for_each(|i| gram[(i, i)] -= 1.0);
    // The product errs by at most γ·‖|Q|ᵀ|Q|‖_F ≤ γ·‖Q‖_F²; the last factor covers the roundings of the norms.
    (frobenius(gram.as_ref()) + gamma(q.nrows() + 3) * frobenius(q).powi(2)) * (1.0 + 1e-6)
}

/// (I − U Uᵀ) M for orthonormal columns U.
pub(crate) fn project_off(u: MatRef<'_, f64>, m: MatRef<'_, f64>) -> Mat<f64> {
    m - product(u, product(u.transpose(), m).as_ref())
}

/// [a, b].
pub(crate) fn beside(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let (k, width) = (a.ncols(), b.ncols());
    let mut out = Mat::zeros(a.nrows(), k + width);
    out.as_mut().subcols_mut(0, k).copy_from(a);
    out.as_mut().subcols_mut(k, width).copy_from(b);
    out
}

/// a = q·t with orthonormal columns q; t is square where a is tall, and a itself is t where it is wide.
pub(crate) fn orthonormalise(a: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
    let (m, n) = a.shape();
    if m <= n {
        return (Mat::identity(m, m), a.to_owned());
    }
    thin_qr(a)
}

/// a = q·t with n orthonormal columns q and an upper triangle t, for m ≥ n.
pub(crate) fn thin_qr(a: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
    let (m, n) = a.shape();
    let (block, mut packed) = (recommended_block_size::<f64>(m, n), a.to_owned());
    let mut coefficients = Mat::zeros(block, n);
    let scratch = qr_in_place_scratch::<f64>(m, n, block, Par::Seq, Default::default());
    qr_in_place(
        packed.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    let mut q = Mat::identity(m, n);
    let scratch = apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(m, block, n);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        packed.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    let triangle = Mat::from_fn(n, n, |i, j| if i <= j { packed[(i, j)] } else { 0.0 });
    (q, triangle)
}

/// a = u·diag(s)·vᵀ, s descending.
#[derive(Clone, Debug)]
pub struct Svd {
    /// Left singular vectors, one a column.
    pub u: Mat<f64>,
    /// Singular values, largest first.
    pub s: Vec<f64>,
    /// Right singular vectors, one a column.
    pub v: Mat<f64>,
}

/// Decompositions square their entries: where those are very large or very small, the power of two to divide by first,
/// which changes no digit.
fn out_of_range(a: MatRef<'_, f64>) -> Option<f64> {
    let largest = a.norm_max();
    (largest > 0.0 && largest.is_finite() && !(1e-60..1e60).contains(&largest)).then(|| power_of_two(largest))
}

/// `decomposition` of a over a power of two, its values multiplied back.
fn over(
    a: MatRef<'_, f64>,
    unit: f64,
    decomposition: impl Fn(MatRef<'_, f64>) -> Result<Svd, Error>,
) -> Result<Svd, Error> {
    let divided = Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / unit);
    let mut out = decomposition(divided.as_ref())?;
    out.s.iter_mut().for_each(|s| *s *= unit);
    Ok(out)
}

/// Divide and conquer pays from here on; faer's own 128 is .73 times as fast at n = 100.
const RECURSION: usize = 32;

/// A decomposition that misses its matrix by more than this share is done again: backward stable ones miss a few ε·√n.
const MISSED: f64 = 1e-13;

fn svd_params(recursion_threshold: usize) -> Spec<SvdParams, f64> {
    let mut params = <SvdParams as Auto<f64>>::auto();
    params.recursion_threshold = recursion_threshold;
    params.into()
}

/// The thin singular value decomposition.
pub fn thin_svd(a: MatRef<'_, f64>) -> Result<Svd, Error> {
    decompose(a, a.nrows().min(a.ncols()), a.nrows().min(a.ncols()))
}

/// The singular value decomposition with square u and v.
pub(crate) fn full_svd(a: MatRef<'_, f64>) -> Result<Svd, Error> {
    decompose(a, a.nrows(), a.ncols())
}

fn decompose(a: MatRef<'_, f64>, u_columns: usize, v_columns: usize) -> Result<Svd, Error> {
    if let Some(unit) = out_of_range(a) {
        return over(a, unit, |a| decompose(a, u_columns, v_columns));
    }
    let size = a.nrows().min(a.ncols());
    let found = decompose_by(a, u_columns, v_columns, RECURSION)?;
    // Divide and conquer is off by up to 1e-3 on some graded matrices, such as a product of factors with half
    // of their columns near zero: look, and where it does, iterate on the whole instead.
    if size > RECURSION && missed(a, &found) > MISSED * size as f64 {
        return decompose_by(a, u_columns, v_columns, usize::MAX);
    }
    Ok(found)
}

/// ‖a − u·diag(s)·vᵀ‖_F / ‖a‖_F.
fn missed(a: MatRef<'_, f64>, svd: &Svd) -> f64 {
    let size = svd.s.len();
    let scaled = Mat::from_fn(a.nrows(), size, |i, j| svd.u[(i, j)] * svd.s[j]);
    let mut rest = a.to_owned();
    add_product(
        rest.as_mut(),
        -1.0,
        scaled.as_ref(),
        svd.v.as_ref().subcols(0, size).transpose(),
    );
    let (rest, whole) = (frobenius(rest.as_ref()), frobenius(a));
    if rest == 0.0 { 0.0 } else { rest / whole }
}

fn decompose_by(
    a: MatRef<'_, f64>,
    u_columns: usize,
    v_columns: usize,
    recursion_threshold: usize,
) -> Result<Svd, Error> {
    let (rows, cols) = a.shape();
    let size = rows.min(cols);
    let mut s = Diag::<f64>::zeros(size);
    let (mut u, mut v) = (Mat::zeros(rows, u_columns), Mat::zeros(cols, v_columns));
    let kind = if u_columns == size && v_columns == size {
        ComputeSvdVectors::Thin
    } else {
        ComputeSvdVectors::Full
    };
    let params = svd_params(recursion_threshold);
    let mut memory = MemBuffer::new(svd_scratch::<f64>(rows, cols, kind, kind, Par::Seq, params));
    let stack = MemStack::new(&mut memory);
    svd(
        a,
        s.as_mut(),
        Some(u.as_mut()),
        Some(v.as_mut()),
        Par::Seq,
        stack,
        params,
    )
    .map_err(|_| Error::Numerical("singular value decomposition"))?;
    Ok(Svd {
        u,
        s: s.column_vector().iter().copied().collect(),
        v,
    })
}

/// The singular values, largest first: by iteration on the whole, for divide and conquer without vectors is off by up to 1e-4
/// on graded matrices, and nothing shows it.
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, Error> {
    if out_of_range(a).is_some() {
        return Ok(thin_svd(a)?.s);
    }
    let (rows, cols) = a.shape();
    let mut s = Diag::<f64>::zeros(rows.min(cols));
    let none = ComputeSvdVectors::No;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(
        rows,
        cols,
        none,
        none,
        Par::Seq,
        svd_params(usize::MAX),
    ));
    svd(
        a,
        s.as_mut(),
        None,
        None,
        Par::Seq,
        MemStack::new(&mut memory),
        svd_params(usize::MAX),
    )
    .map_err(|_| Error::Numerical("singular values"))?;
    Ok(s.column_vector().iter().copied().collect())
}

/// Eigenvalues (ascending) and eigenvectors of a symmetric matrix; the lower triangle is read.
pub fn symmetric_eigen(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), Error> {
    if let Some(unit) = out_of_range(a) {
        let turned = |a: MatRef<'_, f64>| {
            let (s, u) = symmetric_eigen(a)?;
            Ok(Svd { v: u.clone(), s, u })
        };
        let out = over(a, unit, turned)?;
        return Ok((out.s, out.u));
    }
    let n = a.nrows();
    let (mut s, mut u) = (Diag::<f64>::zeros(n), Mat::zeros(n, n));
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    self_adjoint_evd(
        a,
        s.as_mut(),
        Some(u.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| Error::Numerical("symmetric eigenvalue decomposition"))?;
    Ok((s.column_vector().iter().copied().collect(), u))
}

/// a = l·lᵀ of a positive definite matrix.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    l: Mat<f64>,
}

impl Cholesky {
    /// Factors the lower triangle of `a`; `None` if a pivot is not positive.
    pub(crate) fn new(mut a: Mat<f64>) -> Option<Self> {
        let n = a.nrows();
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
        let mut memory = MemBuffer::new(scratch);
        let stack = MemStack::new(&mut memory);
        llt::factor::cholesky_in_place(
            a.as_mut(),
            Default::default(),
            Par::Seq,
            stack,
            Default::default(),
        )
        .ok()?;
        // A NaN pivot compares false with everything: look at the result.
        (0..n).all(|i| a[(i, i)] > 0.0).then_some(Cholesky { l: a })
    }

    /// l, with zeros above its diagonal.
    pub(crate) fn into_lower(mut self) -> Mat<f64> {
        for j in 1..self.l.ncols() {
            self.l.col_as_slice_mut(j)[..j].fill(0.0);
        }
        self.l
    }

    /// x ← a⁻¹·x.
    pub(crate) fn solve(&self, x: &mut [f64]) {
        let n = self.l.nrows();
        self.solve_matrix(MatMut::from_column_major_slice_mut(x, n, 1));
    }

    /// X ← a⁻¹·X.
    pub(crate) fn solve_matrix(&self, x: MatMut<'_, f64>) {
        llt::solve::solve_in_place(
            self.l.as_ref(),
            x,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(faer::dyn_stack::StackReq::EMPTY)),
        );
    }

    /// The smallest over the largest diagonal entry of l: its square is at least the reciprocal condition of a.
    pub(crate) fn diagonal_ratio(&self) -> f64 {
        let diagonal = (0..self.l.nrows()).map(|i| self.l[(i, i)]);
        let (low, high) = diagonal.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), d| {
            (low.min(d), high.max(d))
        });
        low / high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudo_random(rows: usize, cols: usize, seed: usize) -> Mat<f64> {
        use rand::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed as u64);
        Mat::from_fn(rows, cols, |_, _| StandardNormal.sample(&mut rng))
    }

    #[test]
    fn decompositions_of_graded_matrices_are_accurate() {
        for seed in 0..40 {
            for n in [40, 57, 100, 130] {
                let half = n / 2;
                let small = 10f64.powi(-(seed as i32 % 16));
                let basis = |s| orthonormalise(pseudo_random(2 * n, n, s).as_ref()).1;
                let (left, right) = (basis(2 * seed), basis(2 * seed + 1));
                let graded = |i: usize| if i < half { 1.0 } else { small };
                let a = Mat::from_fn(n, n, |i, j| {
                    graded(i) * (left[(i, j)] + right[(j, i)]) * graded(j)
                });
                for (a, what) in [
                    (a.clone(), "two-sided"),
                    (product(left.as_ref(), a.as_ref()), "one-sided"),
                ] {
                    let svd = thin_svd(a.as_ref()).unwrap();
                    let error = missed(a.as_ref(), &svd);
                    assert!(
                        error <= MISSED * n as f64,
                        "{what}, n {n}, {small:e}, seed {seed}: {error:e}"
                    );
                    for q in [&svd.u, &svd.v] {
                        assert!(
                            orthonormality_defect(q.as_ref()) <= 1e-10,
                            "{what}, n {n}, {small:e}"
                        );
                    }
                    let plain = singular_values(a.as_ref()).unwrap();
                    let apart = plain.iter().zip(&svd.s).map(|(p, s)| (p - s).abs());
                    let apart = apart.fold(0.0, f64::max) / svd.s[0];
                    assert!(
                        apart <= MISSED * n as f64,
                        "{what}, n {n}, {small:e}, values: {apart:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn orthonormal_factors_multiply_to_the_matrix() {
        for (rows, cols) in [(50, 7), (300, 60), (5, 5), (4, 9), (6, 0)] {
            let a = pseudo_random(rows, cols, 3);
            let (q, t) = orthonormalise(a.as_ref());
            let error = frobenius((product(q.as_ref(), t.as_ref()) - &a).as_ref());
            assert!(error <= 1e-13 * (1.0 + frobenius(a.as_ref())), "{rows} x {cols}");
            assert!(orthonormality_defect(q.as_ref()) <= 1e-10, "{rows} x {cols}");
        }
    }
}
