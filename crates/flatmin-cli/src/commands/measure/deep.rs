//! Layers W1, W2, … of the deep model.

use faer::Mat;
use flatmin::depth::chain::Chain;
use flatmin::{Error, Fit, Objective, Problem};

use super::Asked;
use crate::commands::Ending;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, deep};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::instance::Instance;

/// Measures the chain; no bound on its trace is known, but the law of the identity to hold it against.
pub(super) fn measure(run: &Run<'_>, asked: &Asked<'_>) -> Result<Outcome, Failure> {
    depth::check(run.model.name(), &run.options.run)?;
    let about = |error: Error| run.about(error);
    let layers = input::read_layers(asked.factors).or_input()?;
    if let Some(depth) = run
        .options
        .of_model
        .depth
        .depth
        .filter(|depth| *depth != layers.len())
    {
        return Err(usage(format!(
            "{}found {} layers, expected {depth} as --depth says",
            asked.factors.prefix(),
            layers.len()
        )));
    }
    let instance = run.load()?;
    let layers = layers
        .iter()
        .map(|w| Mat::from_fn(w.nrows(), w.ncols(), |i, j| w[[i, j]]))
        .collect();
    let at =
        Chain::new(layers, instance.map.shape()).map_err(|error| Failure::about(asked.factors, error))?;
    let mut result = run.result(instance.map.shape(), instance.map.measurements());
    describe_fit(&mut result, Fit::Exact);
    let Instance { map, y, extras, .. } = instance;
    let problem = Problem::new(map, y, Fit::Exact, Objective::Nuclear).map_err(about)?;
    run.progress.stage("measuring");
    let singular_values = deep::point(&mut result, &problem, &at).map_err(about)?;
    let (x, truth) = (at.product(), extras.truth.as_ref());
    deep::errors(&mut result, &x, truth);
    let best = (!asked.no_bound)
        .then(|| run.solve(&problem, &run.settings(Fit::Exact)))
        .transpose()?;
    let least = best.as_ref().and_then(deep::least);
    result.nuclear_law = Some(deep::law(&result, &problem, singular_values.iter().sum(), least));
    let report = deep::report(asked.factors, &[], singular_values, &x, truth);
    let end = best.map_or(Ending::Done, |best| ending(best.status));
    Ok(Outcome::numbers(result, Some(report), end))
}
