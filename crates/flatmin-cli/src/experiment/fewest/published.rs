//! What others found: completion of 1000 × 1000 matrices of rank 5, all methods told the rank, uniform sampling with at least
//! five entries a line; the smallest ρ at which the median of the relative error is below 10⁻³. Kümmerle and Mayrink Verdun,
//! *A scalable second order method for ill-conditioned matrix completion from few samples*, ICML 2021, arXiv 2106.02119.

use flatmin::experiment::Model;
use flatmin::experiment::fewest::{Grid, Method, Sampling};

use super::{Line, said};
use crate::experiment::statistics::spread;
use crate::report::number::short;

/// The median below which their comparison counts a method as successful.
const SUCCESS: f64 = 1e-3;

/// Methods that first succeed at the same ρ.
pub(super) struct Mark {
    pub(super) ratio: f64,
    pub(super) methods: &'static str,
}

/// For κ = 10.
const MODERATE: [Mark; 4] = [
    Mark {
        ratio: 1.5,
        methods: "MatrixIRLS, R2RILS",
    },
    Mark {
        ratio: 2.1,
        methods: "R3MC",
    },
    Mark {
        ratio: 2.3,
        methods: "RTRMC",
    },
    Mark {
        ratio: 2.7,
        methods: "LMaFit",
    },
];
/// For κ = 10⁵, where the other methods do not succeed up to ρ = 4.
const SEVERE: [Mark; 2] = [
    Mark {
        ratio: 1.9,
        methods: "MatrixIRLS",
    },
    Mark {
        ratio: 3.1,
        methods: "R2RILS",
    },
];

/// Of that protocol; none elsewhere.
pub(super) fn marks(grid: &Grid, condition: f64) -> &'static [Mark] {
    let protocol =
        (grid.model, grid.sampling, grid.n, grid.rank) == (Model::Completion, Sampling::Uniform, 1000, 5);
    match condition {
        10.0 if protocol => &MODERATE,
        1e5 if protocol => &SEVERE,
        _ => &[],
    }
}

/// By their criterion.
pub(super) fn beside(line: &Line<'_>) -> Option<String> {
    let marks = marks(line.grid, line.condition);
    let best = marks.first().filter(|_| line.method == Method::Constrained)?;
    let median = |ratio: f64| Some(spread(line.at(ratio).filter_map(|row| row.error))?.median);
    let ratios = line.ratios();
    let below = |ratio: &&f64| median(**ratio).is_some_and(|error| error < SUCCESS);
    let ours = ratios.iter().rev().take_while(below).last()?;
    let others: Vec<String> = marks
        .iter()
        .map(|mark| format!("{} {}", mark.methods, short(mark.ratio)))
        .collect();
    let first = if ours == ratios.first()? {
        " (the smallest that was run)"
    } else {
        ""
    };
    let side = match ours.total_cmp(&best.ratio) {
        std::cmp::Ordering::Less => "fewer measurements than any published method needs",
        std::cmp::Ordering::Equal => "as many as the best published method needs",
        std::cmp::Ordering::Greater => "more than the best published method needs",
    };
    Some(format!(
        "{}: the median error of {} is below {} from ρ = {} on{first}, {side} ({}; Kümmerle and Mayrink Verdun 2021).",
        line.place(),
        said(line.method),
        short(SUCCESS),
        short(*ours),
        others.join(", ")
    ))
}
