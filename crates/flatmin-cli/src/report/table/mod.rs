//! Every number of the result with a line that says what it is.

mod optional;

use super::number::{count, long};
use crate::output::result::ResultFile;

/// A row of the table; all plain text.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) meaning: String,
}

/// The numbers, from the problem to the errors.
pub(crate) fn rows(result: &ResultFile) -> Vec<Row> {
    let groups = [
        problem,
        optimum,
        trace,
        shape_of_factors,
        conditioning,
        coherence,
        uniqueness,
        truth,
        optional::optional,
    ];
    groups.iter().flat_map(|group| group(result)).collect()
}

/// How the run came about.
pub(crate) fn provenance(r: &ResultFile) -> Vec<Row> {
    let method = r.method.as_deref().unwrap_or("–");
    vec![
        text("version", &r.version, "of flatmin"),
        text(
            "objective",
            &r.objective,
            "--objective: what is smallest at the optimum",
        ),
        text(
            "fit",
            &r.fit,
            "--exact, --epsilon or --lambda: how the data are to be met",
        ),
        text("method", method, "of the solver; – where none ran"),
        text("seed", &r.seed.to_string(), "--seed: of all random choices"),
        text("threads", &count(r.threads), "--threads: used"),
        text("iterations", &count(r.iterations), "of the solver"),
        text("seconds", &long(r.seconds), "wall-clock time of the whole run"),
    ]
}

fn problem(r: &ResultFile) -> Vec<Row> {
    let shape = format!("{} × {}", count(r.shape.0), count(r.shape.1));
    let status = r.status.as_deref().unwrap_or("–");
    vec![
        text("model", &r.model, "the kind of measurements A"),
        text("shape", &shape, "rows and columns of the matrix, d1 × d2"),
        text("measurements", &count(r.measurements), "m, the length of y"),
        text("rank", &count(r.rank), rank_meaning(r)),
        text(
            "status",
            status,
            "how the solver ended; certified: gap ≤ tolerance is proved",
        ),
    ]
}

fn rank_meaning(r: &ResultFile) -> &'static str {
    if r.model == "sparse" {
        "entries of x that are not zero"
    } else {
        "of X, to working precision"
    }
}

fn optimum(r: &ResultFile) -> Vec<Row> {
    let bound = "no bound was computed";
    let misfit = "y = 0, or not computed";
    vec![
        number("value", r.value, value_meaning(r), NOT_COMPUTED),
        number(
            "lower_bound",
            r.lower_bound,
            "proved: no admissible value is smaller",
            bound,
        ),
        number("gap", r.gap, "(value − lower_bound) / value", bound),
        number("residual", r.residual, "‖A(X) − y‖₂ / ‖y‖₂", misfit),
    ]
}

fn value_meaning(r: &ResultFile) -> &'static str {
    match (r.fit.as_str(), r.objective.as_str()) {
        ("lambda", _) if r.model == "sparse" => "half the squared misfit plus λ·Σ ‖a_l‖²|x_l|^(2 − 2/K)",
        _ if r.model == "sparse" => "Σ ‖a_l‖²|x_l|^(2 − 2/K), a_l the columns of A",
        _ if r.model == "deep" => "no convex objective belongs to a chain",
        ("lambda", _) => "the penalised objective: half the squared misfit plus λ times the norm",
        (_, "nuclear") => "the nuclear norm ‖X‖∗",
        (_, "flat") => "‖D1 X D2‖∗, the nuclear norm of the rescaled matrix",
        _ => "the nuclear norm of the matrix rescaled by powers of D1 and D2",
    }
}

/// The models of K factors have K blocks, and no scaling that differs between them.
fn layers(r: &ResultFile) -> Vec<Row> {
    let layers = r.trace_layers.as_deref().unwrap_or_default();
    let each: Vec<String> = layers.iter().map(|trace| long(*trace)).collect();
    let mut rows = vec![
        text(
            "depth",
            &r.depth.map_or("–".to_owned(), count),
            "number K of factors",
        ),
        number(
            "trace",
            r.trace,
            "of the Hessian of the squared loss at the factors",
            NOT_COMPUTED,
        ),
        text(
            "trace_layers",
            &each.join(", "),
            "its parts in the blocks of the layers",
        ),
        number(
            "excess_flatness",
            r.excess_flatness,
            "trace over its proved minimum, minus 1: at most so much sharper than the flattest",
            "no minimum is proved",
        ),
        number(
            "lambda_max",
            r.lambda_max,
            "largest eigenvalue of that Hessian",
            NOT_COMPUTED,
        ),
        number(
            "squared_norm",
            r.squared_norm,
            "sum of the squares of all factors",
            NOT_COMPUTED,
        ),
    ];
    if let Some(law) = &r.nuclear_law {
        let formula = "2K·c·(d1·d2)^(1/K)·‖X‖∗^(2 − 2/K), c = Σ‖A_i‖²/(d1·d2): the least trace of any chain of this X, were A √c times an isometry";
        rows.push(number(
            "nuclear_law.at_solution",
            Some(law.at_solution),
            formula,
            NOT_COMPUTED,
        ));
        rows.push(number("nuclear_law.ratio", law.ratio, "trace over that", "X = 0"));
        rows.push(number(
            "nuclear_law.nuclear_norm",
            Some(law.nuclear_norm),
            "‖X‖∗",
            NOT_COMPUTED,
        ));
        let least = law.least_nuclear_norm;
        rows.push(number(
            "nuclear_law.least_nuclear_norm",
            least,
            "the smallest ‖X‖∗ that fits the data",
            NOT_COMPUTED,
        ));
        let at_least = law.at_least_nuclear_norm;
        rows.push(number(
            "nuclear_law.at_least_nuclear_norm",
            at_least,
            "the law at that X",
            NOT_COMPUTED,
        ));
    }
    rows
}

fn trace(r: &ResultFile) -> Vec<Row> {
    if r.depth.is_some() {
        return layers(r);
    }
    let scaled = "trace_left / d1 + trace_right / d2: the smaller, the flatter";
    let all = "of the Hessian of f(L, R) = ‖A(LRᵀ) − y‖² at the factors";
    let excess = "scaled_trace over its proved minimum, minus 1: at most so much sharper than the flattest";
    let no_minimum = "no minimum is proved";
    vec![
        number("scaled_trace", r.scaled_trace, scaled, NOT_COMPUTED),
        number("trace", r.trace, all, NOT_COMPUTED),
        number(
            "trace_left",
            r.trace_left,
            "its part in the block of L",
            NOT_COMPUTED,
        ),
        number(
            "trace_right",
            r.trace_right,
            "its part in the block of R",
            NOT_COMPUTED,
        ),
        number("excess_flatness", r.excess_flatness, excess, no_minimum),
        number(
            "lambda_max",
            r.lambda_max,
            "largest eigenvalue of that Hessian",
            NOT_COMPUTED,
        ),
    ]
}

fn shape_of_factors(r: &ResultFile) -> Vec<Row> {
    if r.depth.is_some() {
        return Vec::new();
    }
    let balance = "‖LᵀL − RᵀR‖ / ‖X‖∗ (Frobenius over nuclear norm); 0: balanced";
    vec![
        number("balancedness", r.balancedness, balance, "X = 0, or not computed"),
        number(
            "squared_norm",
            r.squared_norm,
            "‖L‖² + ‖R‖² (Frobenius)",
            NOT_COMPUTED,
        ),
    ]
}

fn conditioning(r: &ResultFile) -> Vec<Row> {
    if r.depth.is_some() {
        return Vec::new();
    }
    let left = "condition number of D1; near 1, flat and norm-minimal nearly agree";
    let no_left = singular("D1", r.unobserved_rows, "row");
    let no_right = singular("D2", r.unobserved_columns, "column");
    vec![
        number("condition_d1", r.condition_d1, left, &no_left),
        number(
            "condition_d2",
            r.condition_d2,
            "condition number of D2, likewise",
            &no_right,
        ),
    ]
}

fn coherence(r: &ResultFile) -> Vec<Row> {
    let coherence = r
        .coherence
        .map(|c| format!("{}, {}, {}", long(c.left), long(c.right), long(c.joint)));
    let regularity = r.regularity.map(|b| {
        format!(
            "{}, {}, {}",
            long(b.kappa),
            long(b.squared_norm_bound),
            long(b.imbalance_bound)
        )
    });
    vec![
        text(
            "coherence",
            coherence.as_deref().unwrap_or("–"),
            "left, right, joint: how concentrated X is on single rows, columns and entries; 1: evenly spread",
        ),
        text(
            "regularity",
            regularity.as_deref().unwrap_or("–"),
            "κ of D1 and D2; the most that ‖L‖² + ‖R‖² of flat factors exceeds its minimum, as a factor; the most that ‖LᵀL − RᵀR‖∗ can be, over ‖X‖∗; –: D1 or D2 is singular",
        ),
    ]
}

/// Why a condition number is missing.
fn singular(name: &str, unobserved: Option<usize>, what: &str) -> String {
    match unobserved {
        Some(1..) => format!("infinite: {name} is singular, for some {what} has no observation"),
        _ => format!("{name} is singular, or it was not computed"),
    }
}

fn uniqueness(r: &ResultFile) -> Vec<Row> {
    let unique = match r.unique {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    };
    let margin = "the smaller of the two margins that decide it; the larger, the clearer";
    vec![
        text(
            "unique",
            unique,
            "whether this matrix is the only solution; –: not decided",
        ),
        number("unique_margin", r.unique_margin, margin, "not measured"),
        text(
            "locally_unique",
            match r.locally_unique {
                Some(true) => "yes",
                Some(false) => "no",
                None => "–",
            },
            "whether it is the only matrix of its rank nearby that fits; –: not asked",
        ),
    ]
}

fn truth(r: &ResultFile) -> Vec<Row> {
    let relative = "‖X − truth‖ / ‖truth‖ (Frobenius)";
    let none = "no truth was given";
    vec![
        number("error", r.error, "‖X − truth‖ (Frobenius)", none),
        number("relative_error", r.relative_error, relative, none),
    ]
}

const NOT_COMPUTED: &str = "not computed";

fn text(key: &'static str, value: &str, meaning: &str) -> Row {
    let (value, meaning) = (value.to_owned(), meaning.to_owned());
    Row { key, value, meaning }
}

/// A dash and the reason where the number is unknown.
fn number(key: &'static str, value: Option<f64>, meaning: &str, why_unknown: &str) -> Row {
    match value.filter(|value| value.is_finite()) {
        Some(value) => text(key, &long(value), meaning),
        None => text(key, "–", &format!("{meaning} (unknown: {why_unknown})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::result::NuclearLaw;
    use crate::report::sample;

    fn row(result: &ResultFile, key: &str) -> Option<(String, String)> {
        let row = rows(result).into_iter().find(|row| row.key == key)?;
        Some((row.value, row.meaning))
    }

    #[test]
    fn unknown_numbers_are_dashes_with_a_reason() {
        let result = ResultFile {
            gap: None,
            unobserved_rows: Some(2),
            condition_d1: None,
            test_rmse: Some(f64::NAN),
            ..sample::result()
        };
        let (value, meaning) = row(&result, "gap").unwrap();
        assert_eq!(value, "–");
        assert!(meaning.ends_with("(unknown: no bound was computed)"), "{meaning}");
        assert!(
            row(&result, "condition_d1")
                .unwrap()
                .1
                .contains("infinite: D1 is singular")
        );
        assert_eq!(row(&result, "test_rmse"), None);
        assert_eq!(row(&result, "unobserved_rows").unwrap().0, "2");
    }

    /// A key added to the result must not be forgotten here.
    #[test]
    fn every_key_of_the_result_has_a_row() {
        let some = Some(1.0);
        let result = ResultFile {
            epsilon: some,
            lambda: some,
            train_rmse: some,
            test_rmse: some,
            test_mae: some,
            generalization_error: Some(1.0),
            test_count: Some(1),
            test_relative_error: some,
            center: Some("none".into()),
            unobserved_rows: Some(0),
            unobserved_columns: Some(0),
            under_observed_rows: Some(0),
            under_observed_columns: Some(0),
            components: Some(1),
            isometry_constant: some,
            theta: some,
            radius: some,
            outliers: Some(1),
            failure_probability: Some(1e-12),
            missing_columns: Some(0),
            restarts: Some(0),
            locally_unique_margin: some,
            ..sample::result()
        };
        let deep = ResultFile {
            depth: Some(3),
            trace_layers: Some(vec![1.0; 3]),
            nuclear_law: Some(NuclearLaw::default()),
            ..sample::result()
        };
        let shown: Vec<&str> = rows(&result)
            .into_iter()
            .chain(rows(&deep))
            .chain(provenance(&result))
            // A key of a key has a row of its own.
            .map(|row| row.key.split('.').next().unwrap())
            .collect();
        let keys = serde_json::to_value(&result).unwrap();
        for key in keys.as_object().unwrap().keys() {
            assert!(shown.contains(&key.as_str()), "{key}");
        }
    }
}
