//! The instances that files hold: one struct a model, shapes already checked.

use std::borrow::Cow;

use ndarray::Array2;

/// Matrix sensing: y_i = ⟨A_i, X⟩.
#[derive(Clone, Debug)]
pub(crate) struct SensingData<'a> {
    /// m × d1 × d2, C order: one A_i contiguous. Arrays in memory stay where they are: these are the largest there are.
    pub(crate) a: Cow<'a, [f64]>,
    /// (d1, d2).
    pub(crate) shape: (usize, usize),
    /// m.
    pub(crate) y: Vec<f64>,
    /// d1 × d2.
    pub(crate) truth: Option<Array2<f64>>,
}

/// Sparse: y = A x.
#[derive(Clone, Debug)]
pub(crate) struct SparseData {
    /// m × d, C order.
    pub(crate) a: Array2<f64>,
    /// m.
    pub(crate) y: Vec<f64>,
    /// d.
    pub(crate) truth: Option<Vec<f64>>,
}

/// Bilinear sensing: y_i = a_iᵀ X b_i.
#[derive(Clone, Debug)]
pub(crate) struct BilinearData {
    /// m × d1, C order.
    pub(crate) a: Array2<f64>,
    /// m × d2, C order.
    pub(crate) b: Array2<f64>,
    /// m.
    pub(crate) y: Vec<f64>,
    /// d1 × d2.
    pub(crate) truth: Option<Array2<f64>>,
}

/// Matrix completion: y_i = X[rows_i, cols_i].
#[derive(Clone, Debug)]
pub(crate) struct CompletionData {
    /// 0-based, one an entry.
    pub(crate) rows: Vec<u32>,
    /// 0-based, one an entry.
    pub(crate) cols: Vec<u32>,
    /// The observed values.
    pub(crate) y: Vec<f64>,
    /// (d1, d2).
    pub(crate) shape: (usize, usize),
    /// d1 × d2.
    pub(crate) truth: Option<Array2<f64>>,
    /// The ids of the rows as they stood in the file, where they were not 0-based numbers.
    pub(crate) row_ids: Option<Vec<String>>,
    /// The ids of the columns likewise.
    pub(crate) col_ids: Option<Vec<String>>,
}

/// Symmetric models (covariance, phase, network): y_i = x_iᵀ M x_i.
#[derive(Clone, Debug)]
pub(crate) struct SymmetricData {
    /// m × d, C order.
    pub(crate) x: Array2<f64>,
    /// m.
    pub(crate) y: Vec<f64>,
    /// d × d, symmetric.
    pub(crate) truth: Option<Array2<f64>>,
}

/// Robust PCA: Y, a few entries of which are far off.
#[derive(Clone, Debug)]
pub(crate) struct RobustData {
    /// d1 × d2, NaN where nothing was observed.
    pub(crate) y: Array2<f64>,
    /// d1 × d2.
    pub(crate) truth: Option<Array2<f64>>,
    /// Where the columns of Y are pictures.
    pub(crate) frames: Option<Frames>,
}

/// The pictures that the columns of a matrix are: pixels row after row, grey from 0 to 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frames {
    /// The names of the files without their endings, one a column.
    pub(crate) names: Vec<String>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}
