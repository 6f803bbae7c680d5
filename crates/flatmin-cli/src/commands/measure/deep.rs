//! Layers W1, W2, … of the deep model.

use faer::Mat;
use flatmin::depth::chain::Chain;
use flatmin::{Error, Fit, Objective, Problem};

use crate::args::MeasureArgs;
use crate::commands::Ending;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, deep};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::instance::Instance;
use crate::output::run_files;

/// Measures the chain; no bound on its trace is known, but the law of the identity to hold it against.
pub(super) fn measure(run: &Run<'_>, args: &MeasureArgs) -> Result<Ending, Failure> {
    depth::check(args.model.name(), &args.run)?;
    let about = |error: Error| Failure::about(&args.data, error);
    let layers = input::read_layers(&args.factors).or_input()?;
    if let Some(asked) = args.of_model.depth.depth.filter(|asked| *asked != layers.len()) {
        return Err(usage(format!(
            "{}: found {} layers, expected {asked} as --depth says",
            args.factors.display(),
            layers.len()
        )));
    }
    let instance = run.load(args.model, &args.data, &args.of_model)?;
    let layers = layers
        .iter()
        .map(|w| Mat::from_fn(w.nrows(), w.ncols(), |i, j| w[[i, j]]))
        .collect();
    let at =
        Chain::new(layers, instance.map.shape()).map_err(|error| Failure::about(&args.factors, error))?;
    let mut result = run.result(instance.model, instance.map.shape(), instance.map.measurements());
    describe_fit(&mut result, Fit::Exact);
    let Instance { map, y, extras, .. } = instance;
    let problem = Problem::new(map, y, Fit::Exact, Objective::Nuclear).map_err(about)?;
    run.progress.stage("measuring");
    let singular_values = deep::point(&mut result, &problem, &at).map_err(about)?;
    let (x, truth) = (at.product(), extras.truth.as_ref());
    deep::errors(&mut result, &x, truth);
    let best = (!args.no_bound)
        .then(|| run.solve(&problem, &run.settings(Fit::Exact), &args.data))
        .transpose()?;
    let least = best.as_ref().and_then(deep::least);
    result.nuclear_law = Some(deep::law(&result, &problem, singular_values.iter().sum(), least));
    result.seconds = run.seconds();
    if let Some(out) = &run.out {
        let report = deep::report(&args.factors, &[], singular_values, &x, truth);
        run_files::write(out, &result, &report)?;
    }
    run.print(&result)?;
    Ok(best.map_or(Ending::Done, |best| ending(best.status)))
}
