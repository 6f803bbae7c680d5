//! What a `solve` or a `measure` gives, before anything of it is written or printed.

use ndarray::Array2;

use super::Ending;
use crate::input::instance::Frames;
use crate::output::npz::Member;
use crate::output::result::{ReportData, ResultFile};

/// The numbers of a run and, of `solve`, its solution.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: ResultFile,
    /// What the report is drawn from, where one is wanted.
    pub(crate) report: Option<ReportData>,
    /// The members of `factors.npz`; of `measure` none.
    pub(crate) factors: Vec<(String, Member<'static>)>,
    /// The ids of the rows and of the columns, where the data have any (completion).
    pub(crate) ids: [Option<Vec<String>>; 2],
    /// X and S (robust PCA), where files are wanted.
    pub(crate) separated: Option<Separated>,
    pub(crate) ending: Ending,
}

/// The two parts of a matrix that robust PCA separates.
#[derive(Debug)]
pub(crate) struct Separated {
    /// d1 × d2.
    pub(crate) low_rank: Array2<f64>,
    /// d1 × d2, zero where nothing was observed.
    pub(crate) sparse: Array2<f64>,
    /// Where the columns are pictures.
    pub(crate) frames: Option<Frames>,
}

impl Outcome {
    /// Numbers and no solution.
    pub(crate) fn numbers(result: ResultFile, report: Option<ReportData>, ending: Ending) -> Self {
        Outcome {
            result,
            report,
            factors: Vec::new(),
            ids: [None, None],
            separated: None,
            ending,
        }
    }
}
