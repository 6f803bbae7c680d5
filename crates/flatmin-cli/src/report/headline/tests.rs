use super::*;
use crate::report::sample;

fn lead(change: impl FnOnce(&mut ResultFile)) -> String {
    let mut result = sample::result();
    change(&mut result);
    headline(&result).lead
}

/// The lead and the rest as one text.
fn text(change: impl FnOnce(&mut ResultFile)) -> String {
    let mut result = sample::result();
    change(&mut result);
    let Headline { lead, rest } = headline(&result);
    format!("{lead} {}", rest.join(" "))
}

fn set_gap(result: &mut ResultFile, gap: Option<f64>) {
    (result.gap, result.excess_flatness) = (gap, gap);
}

fn set_status(result: &mut ResultFile, status: &str) {
    result.status = Some(status.into());
}

#[test]
fn certified() {
    assert_eq!(
        lead(|_| ()),
        "The factorisation found is proved to be within 3·10⁻¹⁰ (relative) of the flattest possible one. It is the only one."
    );
    assert!(!lead(|r| r.unique = None).contains("only one"));
    assert!(!lead(|r| r.unique = Some(false)).contains("only one"));
}

#[test]
fn certified_without_a_gap_claims_nothing() {
    for gap in [None, Some(f64::NAN), Some(1.0), Some(-0.5)] {
        let text = text(|r| set_gap(r, gap));
        assert!(
            text.starts_with("The run is marked as certified, but its numbers do not show it."),
            "{text}"
        );
        assert!(
            !text.contains("found is proved to be") && !text.contains("only one"),
            "{text}"
        );
        assert!(text.contains("which this one is not proved to be"), "{text}");
    }
}

#[test]
fn other_statuses_say_how_the_run_ended_and_what_is_proved() {
    let bound =
        "The factorisation found is proved to be within 0.021 (relative) of the flattest possible one.";
    for (status, start) in [
        (
            "converged",
            "The solver converged, without the proof that was asked for. ",
        ),
        (
            "budget",
            "The budget of time or iterations ran out; this is the best found. ",
        ),
        ("interrupted", "The run was interrupted; this is the best found. "),
        ("lost", "The run ended with the unknown status “lost”. "),
    ] {
        let with_bound = lead(|r| {
            set_status(r, status);
            set_gap(r, Some(0.0201));
        });
        assert_eq!(with_bound, format!("{start}{bound}"));
        let without = lead(|r| {
            set_status(r, status);
            set_gap(r, None);
        });
        assert!(
            without.starts_with(start) && without.contains("Nothing is proved"),
            "{without}"
        );
    }
}

#[test]
fn measured_factors_are_spoken_of_as_given() {
    let measured = |excess: Option<f64>| {
        text(move |r| {
            r.status = None;
            r.excess_flatness = excess;
        })
    };
    assert!(measured(Some(0.4)).starts_with("The given factorisation is proved to be within 0.4 (relative)"));
    assert!(measured(Some(3.21)).starts_with(
        "The given factorisation is proved to be at most 4.3 times as sharp as the flattest possible one."
    ));
    assert!(
        measured(None).starts_with("The flattest factorisation of the matrix of the given factors is proved")
    );
    assert!(!measured(None).contains("found"));
}

#[test]
fn every_objective_and_fit_names_what_is_smallest() {
    let of = |objective: &'static str, fit: &'static str| {
        lead(move |r| {
            (r.objective, r.fit) = (objective.into(), fit.into());
            r.gap = Some(0.5);
        })
    };
    let twice = "(relative) of its smallest possible value";
    assert!(of("nuclear", "exact").starts_with(&format!(
        "The norm ‖X‖∗ of the matrix found is proved to be within 1 {twice}."
    )));
    assert!(of("smoothed:0.5", "exact").starts_with("The norm ‖D1^0.5 X D2^0.5‖∗ of the matrix found"));
    assert!(of("nuclear", "epsilon").contains("its smallest possible value within the misfit allowed."));
    assert!(of("flat", "epsilon").contains("the flattest possible one within the misfit allowed."));
    // The excess of the factors says nothing about the penalised objective.
    let penalised = of("flat", "lambda");
    assert!(
        penalised.starts_with("The penalised objective, ½‖A(X) − y‖² + λ·‖D̃1 X D̃2‖∗, at the matrix found"),
        "{penalised}"
    );
    assert!(!penalised.contains("flattest"));
}

#[test]
fn a_value_just_below_the_bound_is_agreement() {
    let agrees = lead(|r| r.gap = Some(-2.0e-12));
    assert!(
        agrees.contains("agree with the flattest possible one to 2·10⁻¹² (relative)"),
        "{agrees}"
    );
}

#[test]
fn a_misfit_limits_the_comparison() {
    assert!(text(|_| ()).contains("It meets the data, up to a relative residual of 2·10⁻¹²."));
    assert!(text(|r| r.residual = Some(0.01)).contains("It does not meet the data exactly"));
    for residual in [None, Some(0.01)] {
        assert!(!lead(|r| r.residual = residual).contains("only one"));
    }
    assert!(text(|r| r.residual = None).contains("How well it meets the data is not known."));
    let epsilon = text(|r| (r.fit, r.epsilon, r.residual) = ("epsilon".into(), Some(0.5), Some(0.01)));
    assert!(epsilon.contains("a misfit ‖A(X) − y‖₂ of 0.5 was allowed"));
    assert!(text(|r| (r.fit, r.lambda) = ("lambda".into(), Some(3.0))).contains("The penalty λ = 3"));
}

#[test]
fn uniqueness_needs_optimality() {
    let loose = text(|r| set_gap(r, Some(0.1)));
    assert!(
        !loose.contains("only one") && loose.contains("not proved to be"),
        "{loose}"
    );
    assert!(text(|_| ()).contains("with a margin of 0.31"));
    let uncertified = text(|r| set_status(r, "budget"));
    assert!(
        uncertified.contains("which this one is not proved to be"),
        "{uncertified}"
    );
    assert!(text(|r| r.unique = Some(false)).contains("It is not the only solution (margin 0.31)"));
    assert!(text(|r| r.unique = None).contains("was not decided"));
}

#[test]
fn unobserved_and_singular_are_said() {
    let unobserved = text(|r| {
        (r.unobserved_rows, r.unobserved_columns) = (Some(1), Some(2000));
        (r.condition_d1, r.condition_d2) = (None, None);
    });
    assert!(unobserved.contains("1 row and 2,000 columns of the matrix have no observation"));
    assert!(!unobserved.contains("condition number"));
    assert!(text(|r| r.unobserved_rows = Some(1)).contains("1 row of the matrix has no observation"));
    let nuclear = text(|r| (r.objective, r.condition_d2) = ("nuclear".into(), None));
    assert!(!nuclear.contains("condition number"), "{nuclear}");
    let singular = text(|r| r.condition_d2 = None);
    assert!(
        singular.contains("D2 has no known condition number; if singular,"),
        "{singular}"
    );
}

#[test]
fn held_out_entries_and_truth() {
    let scored = text(|r| (r.test_rmse, r.test_mae, r.test_count) = (Some(0.91), Some(0.72), Some(20_000)));
    assert!(scored.contains(
        "On the 20,000 entries held out, it has a root mean square error of 0.91 and a mean absolute error of 0.72."
    ));
    assert!(
        text(|_| ())
            .contains("It differs from the true matrix by 1.5·10⁻⁹ (relative, in the Frobenius norm).")
    );
    assert!(!text(|r| (r.error, r.relative_error) = (None, None)).contains("true matrix"));
}
