//! The deep model: y = A(X), X = W_1 ⋯ W_K. The zero-loss set is searched; nothing is proved.

use flatmin::depth::chain::{Search, solve as search};
use flatmin::solve::Record;
use flatmin::{Error, Fit, Objective, Problem};

use crate::args::FitChoice;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, deep};
use crate::failure::{Failure, usage};
use crate::instance::Instance;

/// Searches for the flattest chain.
pub(super) fn solve(run: &Run<'_>) -> Result<Outcome, Failure> {
    depth::check(run.model.name(), &run.options.run)?;
    let choice = run.options.fit.choice();
    if choice.is_some_and(|choice| choice != FitChoice::Exact) {
        return Err(usage(
            "--epsilon, --lambda: found with deep, expected --exact: flatness is measured where the loss is zero"
                .to_owned(),
        ));
    }
    let about = |error: Error| run.about(error);
    let instance = run.load()?;
    let mut result = run.result(instance.map.shape(), instance.map.measurements());
    describe_fit(&mut result, Fit::Exact);
    let Instance { map, y, extras, .. } = instance;
    let problem = Problem::new(map, y, Fit::Exact, Objective::Flat).map_err(about)?;
    let options = &run.options.of_model.depth;
    let mut wanted = Search::new(options.depth.unwrap_or(deep::DEPTH));
    wanted.width = options.width;
    wanted.random_starts = options.starts.unwrap_or(wanted.random_starts);
    wanted.seed = run.options.run.seed;
    run.progress.stage("searching");
    let record = |record: &Record| run.progress.record(record);
    let found = search(
        &problem,
        &wanted,
        &run.settings(Fit::Exact),
        &run.observer(&record),
    )
    .map_err(about)?;
    run.progress.stage("measuring");
    result.status = Some(found.status.name().to_owned());
    result.iterations = found.iterations;
    result.method = Some("augmented lagrangian".to_owned());
    let singular_values = deep::point(&mut result, &problem, &found.chain).map_err(about)?;
    let (x, truth) = (found.chain.product(), extras.truth.as_ref());
    deep::errors(&mut result, &x, truth);
    let nuclear_norm = singular_values.iter().sum();
    let report = deep::report(run.data, &found.history, singular_values, &x, truth);
    let problem = problem.with(Fit::Exact, Objective::Nuclear).map_err(about)?;
    let least = deep::least(&run.solve(&problem, &run.settings(Fit::Exact))?);
    result.nuclear_law = Some(deep::law(&result, &problem, nuclear_norm, least));
    let layers = found.chain.layers.iter().enumerate();
    Ok(Outcome {
        factors: layers
            .map(|(j, layer)| (format!("W{}", j + 1), deep::array(layer).into()))
            .collect(),
        ..Outcome::numbers(result, Some(report), ending(found.status))
    })
}
