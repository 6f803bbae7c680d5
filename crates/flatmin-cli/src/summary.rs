//! The result in a dozen aligned lines, for people.

use std::path::Path;

use crate::output::result::ResultFile;
use crate::report::number::{at_most, count, counted, long, short};

/// A label and what belongs to it.
type Line = (&'static str, String);

/// The text that is printed; `out` is the folder that was written.
pub(crate) fn summary(result: &ResultFile, out: Option<&Path>) -> String {
    let lines = [
        Some(("result", ending(result))),
        Some((found(result), matrix(result))),
        Some(("problem", problem(result))),
        proof(result),
        flatness(result),
        outliers(result),
        law(result),
        result
            .residual
            .filter(|_| result.outliers.is_none())
            .map(|residual| ("residual", format!("{} of ‖y‖", share(residual)))),
        Some(("unique", unique(result))),
        result
            .locally_unique
            .map(|unique| ("nearby", nearby(result, unique))),
        undetermined(result),
        result.isometry_constant.map(|constant| {
            (
                "isometry",
                format!("constant at least {} at this rank", short(constant)),
            )
        }),
        held_out(result),
        truth(result),
        Some(("time", time(result))),
        out.map(|out| ("files", format!("{}", out.join("report.html").display()))),
    ];
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    lines
        .iter()
        .map(|(label, text)| format!("{label:<10} {text}\n"))
        .collect()
}

/// The status in words.
fn ending(r: &ResultFile) -> String {
    let objective = if matches!(r.fit.as_str(), "lambda" | "theta") {
        "penalised objective"
    } else {
        "norm"
    };
    match r.status.as_deref() {
        Some("certified") => format!("certified: no smaller {objective} is possible, to the gap below"),
        Some("converged") if r.model == "deep" => {
            "stationary: the flattest end of several searches; nothing is proved".to_owned()
        }
        Some("converged") => {
            "converged; what is proved is the gap below, not the tolerance asked for".to_owned()
        }
        Some("budget") if misses(r) => {
            "nothing found with so few columns that meets the data: the nearest, no solution".to_owned()
        }
        Some("budget") => "stopped by the budget of steps or time: the best found".to_owned(),
        Some("interrupted") => "interrupted: the best found".to_owned(),
        Some(other) => other.to_owned(),
        None => "the factors given, measured".to_owned(),
    }
}

/// Whether a search for few columns ended beside the data.
fn misses(r: &ResultFile) -> bool {
    r.method.as_deref() == Some("elimination") && r.residual.is_some_and(|residual| residual > 1e-6)
}

/// What was sought.
fn found(r: &ResultFile) -> &'static str {
    if r.model == "sparse" { "vector" } else { "matrix" }
}

fn matrix(r: &ResultFile) -> String {
    let (rows, columns) = r.shape;
    if r.model == "sparse" {
        return format!(
            "{} entries, {} of them not zero, from {} measurements",
            count(rows),
            count(r.rank),
            count(r.measurements)
        );
    }
    let what = if matches!(r.model.as_str(), "completion" | "rpca") {
        "entries"
    } else {
        "measurements"
    };
    format!(
        "{} × {} of rank {}, from {} {what}",
        count(rows),
        count(columns),
        r.rank,
        count(r.measurements)
    )
}

fn problem(r: &ResultFile) -> String {
    let fit = match (r.fit.as_str(), r.epsilon, r.lambda) {
        ("epsilon", Some(epsilon), _) => format!("misfit at most {}", short(epsilon)),
        ("lambda", _, Some(lambda)) => format!("λ = {}", short(lambda)),
        ("theta", ..) => format!("θ = {}", short(r.theta.unwrap_or(f64::NAN))),
        ("radius", ..) => "at most this ‖S‖_1".to_owned(),
        _ => "exact fit".to_owned(),
    };
    let centre = match r.center.as_deref() {
        Some("global") => ", after subtracting the mean",
        Some("bias") => ", after subtracting row and column means",
        _ => "",
    };
    let depth = r
        .depth
        .map_or(String::new(), |depth| format!(" of depth {depth}"));
    format!("{}{depth}, {}, {fit}{centre}", r.model, r.objective)
}

fn proof(r: &ResultFile) -> Option<Line> {
    let (value, bound, gap) = (r.value?, r.lower_bound?, r.gap?);
    let chance = r.failure_probability.map_or(String::new(), |chance| {
        format!(", but for a chance of {}", short(chance))
    });
    let missing = match r.missing_columns {
        Some(missing @ 1..) => format!("; the optimum has more columns, at least {}", count(missing)),
        _ => String::new(),
    };
    let text = format!(
        "{} (value {}, proved lower bound {}{chance}){missing}",
        short(gap),
        long(value),
        long(bound)
    );
    Some(("gap", text))
}

fn flatness(r: &ResultFile) -> Option<Line> {
    let best = "the flattest that fit as well";
    let proved = match r.excess_flatness {
        Some(excess) if excess > 1.0 => format!(", at most {} times that of {best}", at_most(1.0 + excess)),
        Some(excess) if excess > 0.0 => format!(", within {} (relative) of {best}", at_most(excess)),
        Some(_) => format!(", that of {best}, to rounding"),
        None if r.model == "deep" => String::new(),
        None => "; nothing is proved about the smallest possible".to_owned(),
    };
    let trace = match (r.scaled_trace, r.trace) {
        (Some(scaled), _) if r.depth.is_none() => format!("scaled trace {}", short(scaled)),
        (_, trace) => format!("trace {}", short(trace?)),
    };
    Some(("flatness", trace + &proved))
}

fn law(r: &ResultFile) -> Option<Line> {
    let law = r.nuclear_law.as_ref()?;
    let least = law.at_least_nuclear_norm.map_or(String::new(), |least| {
        format!("; at the smallest ‖X‖∗ that fits, {}", short(least))
    });
    Some((
        "law",
        format!(
            "{} at this X for an isometry: the trace is {} times that{least}",
            short(law.at_solution),
            short(law.ratio?)
        ),
    ))
}

fn unique(r: &ResultFile) -> String {
    let margin = r
        .unique_margin
        .map_or(String::new(), |margin| format!(" (margin {})", short(margin)));
    match r.unique {
        Some(true) => format!("yes{margin}"),
        Some(false) => "no: others do as well".to_owned(),
        None => "not decided".to_owned(),
    }
}

/// Of a search for few columns.
fn nearby(r: &ResultFile, unique: bool) -> String {
    let margin = r
        .locally_unique_margin
        .map_or(String::new(), |margin| format!(" (margin {})", short(margin)));
    let verdict = if unique {
        format!("no other matrix of its rank fits{margin}")
    } else {
        format!("other matrices of its rank fit{margin}: the data do not determine it")
    };
    match r.restarts.unwrap_or(0) {
        0 => verdict,
        restarts => format!("{verdict}; started again {}", counted(restarts, "time")),
    }
}

/// What the pattern of the entries leaves open, where it does.
fn undetermined(r: &ResultFile) -> Option<Line> {
    let components = r
        .components
        .filter(|components| *components > 1)
        .map(|components| {
            format!(
                "the entries fall into {} components that share no row or column",
                count(components)
            )
        });
    let (rows, columns) = (
        r.under_observed_rows.unwrap_or(0),
        r.under_observed_columns.unwrap_or(0),
    );
    let few = r.first_under_observed.as_ref().map(|first| {
        let rest = match rows + columns - 1 {
            0 => "has".to_owned(),
            others => format!("and {} have", counted(others, "other")),
        };
        format!("{first} {rest} fewer entries than the rank: the objective decides there")
    });
    let open: Vec<String> = components.into_iter().chain(few).collect();
    (!open.is_empty()).then(|| ("open", open.join("; ")))
}

/// S of robust PCA.
fn outliers(r: &ResultFile) -> Option<Line> {
    let (count, radius) = (r.outliers?, r.radius?);
    let share = 100.0 * count as f64 / r.measurements as f64;
    Some((
        "outliers",
        format!("{} ({share:.2} %), ‖S‖_1 = {}", self::count(count), short(radius)),
    ))
}

fn held_out(r: &ResultFile) -> Option<Line> {
    let (rmse, entries) = (r.test_rmse?, r.test_count?);
    let mae = r
        .test_mae
        .map_or(String::new(), |mae| format!(", MAE {}", short(mae)));
    let relative = r.test_relative_error.map_or(String::new(), |relative| {
        format!(", {} of their size", share(relative))
    });
    let entries = match (r.model.as_str(), entries) {
        ("network", _) => counted(entries, "example"),
        (_, 1) => "1 entry".to_owned(),
        _ => format!("{} entries", count(entries)),
    };
    Some((
        "held out",
        format!("{entries}: RMSE {}{mae}{relative}", short(rmse)),
    ))
}

fn truth(r: &ResultFile) -> Option<Line> {
    r.relative_error
        .map(|error| ("truth", format!("missed by {} of its size", share(error))))
}

fn time(r: &ResultFile) -> String {
    let method = r
        .method
        .as_deref()
        .map_or(String::new(), |method| format!(" ({method})"));
    format!(
        "{:.2} s, {}{method}, {}",
        r.seconds,
        counted(r.iterations, "step"),
        counted(r.threads, "thread")
    )
}

/// Percent where that reads better than a power of ten.
fn share(value: f64) -> String {
    if (1e-3..10.0).contains(&value) {
        format!("{:.2} %", 100.0 * value)
    } else {
        short(value)
    }
}
