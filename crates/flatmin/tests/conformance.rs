//! Every model under the same laws: the adjoint, the traces, the certificate against wrong candidates, determinism, bad input.

#[path = "conformance/depth.rs"]
mod depth;
#[path = "conformance/laws.rs"]
mod laws;
#[path = "conformance/linear.rs"]
mod linear;

use flatmin::solve::Status;

use depth::{Deep, Hadamard};
use laws::Model;
use linear::LINEAR;

fn models() -> Vec<Box<dyn Model>> {
    let mut models: Vec<Box<dyn Model>> = LINEAR
        .into_iter()
        .map(|m| Box::new(m) as Box<dyn Model>)
        .collect();
    for (name, depth) in [
        ("sparse, depth 2", 2),
        ("sparse, depth 3", 3),
        ("sparse, depth 5", 5),
    ] {
        models.push(Box::new(Hadamard { name, depth }));
    }
    models.push(Box::new(Deep));
    models
}

#[test]
fn the_adjoint_is_one() {
    for model in models() {
        let (left, right) = model.adjoint();
        let size = left.abs().max(1.0);
        assert!(
            (left - right).abs() <= 1e-12 * size,
            "{}: {left} {right}",
            model.name()
        );
    }
}

#[test]
fn traces_are_those_of_the_loss_on_and_off_solutions() {
    for model in models() {
        for (exact, differences) in [model.traces(), model.traces_at_solution()] {
            let size = exact.abs().max(1e-3);
            assert!(
                (exact - differences).abs() <= 1e-7 * size,
                "{}: {exact} and by differences {differences}",
                model.name()
            );
        }
    }
}

#[test]
fn solutions_are_certified_where_there_is_a_proof_and_nowhere_else() {
    for model in models() {
        let ended = model.solve();
        let expected = if model.is_certified() {
            Status::Certified
        } else {
            Status::Converged
        };
        assert_eq!(ended.status, expected, "{}", model.name());
        // The value may be below the bound only by what the misfit of exact data costs.
        let slack = 1e-8 * ended.value.abs();
        assert!(ended.lower_bound <= ended.value + slack, "{}", model.name());
    }
}

#[test]
fn moved_duals_prove_no_more_and_moved_solutions_nothing() {
    for model in models().iter().filter(|model| model.is_certified()) {
        let optimum = model.solve().value;
        for share in [1e-9, 1e-6, 1e-3, 0.1, 1.0] {
            let bound = model.bound_of_moved_dual(share);
            assert!(
                bound <= optimum * (1.0 + 1e-8),
                "{}, {share}: {bound} above {optimum}",
                model.name()
            );
        }
        for share in [1e-3, -1e-3, 0.1, -0.5] {
            assert!(!model.proves_moved(share), "{}: {share}", model.name());
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for model in models() {
        let runs = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| model.solve().bits)
        });
        assert_eq!(runs[0], runs[1], "{}", model.name());
    }
}

#[test]
fn bad_data_are_named_in_one_line() {
    for model in models() {
        for error in model.refusals() {
            let line = error.to_string();
            assert!(
                !line.contains('\n') && line.contains("found"),
                "{}: {line}",
                model.name()
            );
        }
    }
}
