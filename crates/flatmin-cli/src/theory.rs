//! What theory says of the instance and its solution: keys of the result that no bound or status rests on.

use flatmin::flatness::Weights;
use flatmin::theory::{Coherence, Identifiability, Isometry, Regularity};
use flatmin::{Error, Factors, Problem};

use crate::instance::Extras;
use crate::output::result::{CoherenceKeys, RegularityKeys, ResultFile};

/// Beyond this many floating-point operations, some seconds, the coherence is left unknown.
const COHERENCE_BUDGET: f64 = 1e10;

/// Fills in the keys; the rank of the result must be there already. `isometry`: with the constant, which takes a search.
pub(crate) fn describe(
    result: &mut ResultFile,
    problem: &Problem,
    flat: Option<&Weights>,
    x: &Factors,
    extras: &Extras,
    isometry: bool,
) -> Result<(), Error> {
    result.regularity = flat.and_then(Regularity::new).map(|regularity| RegularityKeys {
        kappa: regularity.kappa(),
        squared_norm_bound: regularity.squared_norm_bound(),
        imbalance_bound: regularity.imbalance_bound(),
    });
    let (d1, d2) = result.shape;
    if d1 as f64 * d2 as f64 * result.rank as f64 <= COHERENCE_BUDGET {
        result.coherence = Coherence::new(x)?.map(|coherence| CoherenceKeys {
            left: coherence.left,
            right: coherence.right,
            joint: coherence.joint,
        });
    }
    identifiability(result, problem, extras);
    if isometry {
        let found = Isometry::estimate(problem.map(), result.rank, result.seed)?;
        result.isometry_constant = found.map(|found| found.constant());
    }
    Ok(())
}

/// What the pattern of the entries leaves open at the rank of the solution: completion only.
fn identifiability(result: &mut ResultFile, problem: &Problem, extras: &Extras) {
    let (Some(entries), Some(completion)) = (problem.map().as_entries(), extras.completion.as_ref()) else {
        return;
    };
    let open = Identifiability::new(entries, result.rank);
    result.components = Some(open.components.len());
    result.under_observed_rows = Some(open.under_observed_rows.len());
    result.under_observed_columns = Some(open.under_observed_columns.len());
    let name = |index: &usize, ids: &Option<Vec<String>>| {
        ids.as_ref()
            .and_then(|ids| ids.get(*index))
            .map_or(index.to_string(), |id| format!("{id:?}"))
    };
    let row = open.under_observed_rows.first();
    let column = open.under_observed_columns.first();
    result.first_under_observed = row
        .map(|row| format!("row {}", name(row, &completion.row_ids)))
        .or_else(|| column.map(|column| format!("column {}", name(column, &completion.column_ids))));
}
