use super::*;
use crate::experiment::tests::{assert_reproducible, gather};

fn tiny() -> Config {
    let methods = vec![Method::Constrained, Method::Unweighted];
    Config {
        trials: 2,
        grids: vec![
            Grid {
                methods: methods.clone(),
                ..completion(Sampling::Uniform, 20, 1, &[1e4], &[1.0, 3.0])
            },
            completion(Sampling::Uneven, 20, 1, &[10.0], &[4.0]),
            gaussian(Model::Sensing, 10, 1, &[2.0]),
            gaussian(Model::Bilinear, 10, 1, &[2.0]),
            gaussian(Model::Network, 9, 3, &[2.0]),
        ],
        ..Config::paper()
    }
}

#[test]
fn rows_depend_on_nothing_but_configuration_and_seed() {
    assert_reproducible(&tiny(), |row| row.seconds = 0.0);
}

#[test]
fn told_the_rank_few_measurements_suffice() {
    for row in gather(&tiny(), &tiny().jobs(), 2) {
        if row.ratio >= 2.0 && row.method == Method::Constrained {
            assert_eq!(row.outcome, Some(Outcome::Recovered), "{row:?}");
            assert_eq!(row.locally_unique, Some(true), "{row:?}");
            assert!(row.error <= Some(1e-8), "{row:?}");
        }
        if row.ratio == 1.0 {
            assert_ne!(row.outcome, Some(Outcome::Recovered), "{row:?}");
        }
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    let refused = |grid: Grid| {
        let config = Config {
            grids: vec![grid],
            ..Config::paper()
        };
        config.check().unwrap_err().to_string()
    };
    let grid = || completion(Sampling::Uniform, 10, 2, &[1.0], &[1.5]);
    for (grid, expected) in [
        (
            Grid {
                ratios: vec![0.5],
                ..grid()
            },
            "ratios: found 0.5",
        ),
        (
            Grid {
                ratios: vec![9.0],
                ..grid()
            },
            "ratio 9 at n = 10",
        ),
        (
            Grid {
                ratios: vec![2.0, 2.0],
                ..grid()
            },
            "twice",
        ),
        (Grid { rank: 11, ..grid() }, "n = 10 and rank = 11"),
        (
            Grid {
                model: Model::Phase,
                ..grid()
            },
            "found phase",
        ),
        (
            Grid {
                model: Model::Sensing,
                sampling: Sampling::Uneven,
                ..grid()
            },
            "uneven sampling of sensing",
        ),
    ] {
        let said = refused(grid);
        assert!(said.contains(expected), "{said}");
    }
    for config in [Config::quick(), Config::paper(), Config::large()] {
        config.check().unwrap();
    }
}
