use super::*;
use crate::experiment::Row as _;
use std::ops::ControlFlow;

fn tiny() -> Config {
    Config {
        trials: 2,
        d: 6,
        rank: 1,
        m: 28,
        network_d: 6,
        network_rank: 2,
        network_m: 18,
        steps: 3000,
        settle: 1000,
        records: 8,
        starts: 3,
        displacements: 3,
        batch: 4,
        ..Config::quick()
    }
}

fn rows(config: &Config, jobs: &[Job], threads: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    super::super::run(config, jobs, threads, &AtomicBool::new(false), |mut more| {
        more.iter_mut().for_each(|row: &mut Row| row.seconds = 0.0);
        rows.extend(more);
        ControlFlow::Continue(())
    })
    .unwrap();
    rows.sort_by(|a, b| (&a.cell, a.trial).cmp(&(&b.cell, b.trial)));
    rows
}

#[test]
fn rows_depend_on_nothing_but_configuration_and_seed() {
    let config = tiny();
    let jobs = config.jobs();
    let all = rows(&config, &jobs, 2);
    assert_eq!(all.len(), jobs.iter().map(|job| job.rows).sum::<usize>());
    let alone = rows(&config, &jobs[1..2], 1);
    let same: Vec<Row> = all
        .iter()
        .filter(|row| row.job() == alone[0].job())
        .cloned()
        .collect();
    assert_eq!(alone, same);
}

#[test]
fn label_noise_and_sharpness_awareness_end_flatter_than_gradient_descent() {
    let config = tiny();
    let all = rows(&config, &config.jobs(), 2);
    for row in &all {
        assert_eq!(row.flat, "certified", "{row:?}");
        if row.kind == "end" {
            assert_eq!(row.status, "exact", "{row:?}");
            // Proved: no zero-loss point is flatter.
            assert!(row.excess.unwrap() >= -1e-9, "{row:?}");
            assert!(row.loss.unwrap() < 1e-20);
        }
    }
    let end = |method: &str, cell: &str, trial: u64| {
        all.iter()
            .find(|row| row.kind == "end" && row.method == method && row.job() == (cell, trial))
            .unwrap()
    };
    for job in config.jobs() {
        let of = |method: &str| end(method, &job.cell, job.trial);
        let plain = of("gd");
        for method in ["label-noise", "sam"] {
            assert!(of(method).excess < plain.excess, "{:?} {plain:?}", of(method));
            assert!(of(method).error < plain.error);
        }
    }
}

#[test]
fn a_run_that_diverges_says_so() {
    let config = Config {
        models: vec![Model::Sensing],
        methods: vec![Training::Gd],
        rate: 50.0,
        trials: 1,
        starts: 1,
        ..tiny()
    };
    let all = rows(&config, &config.jobs(), 1);
    let last = all.iter().rfind(|row| row.kind == "record").unwrap();
    assert_eq!((last.status.as_str(), last.loss), ("diverged", None));
    let known = |value: Option<f64>| value.is_none_or(f64::is_finite);
    assert!(all.iter().all(|row| known(row.loss) && known(row.excess)));
}

#[test]
fn looks_are_rising_and_reach_the_end() {
    let looks = tiny().looks();
    assert!(looks.is_sorted_by(|a, b| a < b));
    assert_eq!((looks[0], looks.last()), (0, Some(&3000)));
}

#[test]
fn what_cannot_be_run_is_named() {
    let named = |config: Config| match config.check() {
        Err(Error::Setting { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(Config { d: 0, ..tiny() }), "d");
    assert_eq!(named(Config { m: 37, ..tiny() }), "m");
    assert_eq!(
        named(Config {
            settle: 3001,
            ..tiny()
        }),
        "settle"
    );
    assert_eq!(named(Config { batch: 19, ..tiny() }), "batch");
    assert_eq!(
        named(Config {
            noise: f64::NAN,
            ..tiny()
        }),
        "noise"
    );
    let models = vec![Model::Phase];
    assert_eq!(named(Config { models, ..tiny() }), "models");
    for preset in [Config::quick(), Config::paper(), Config::large()] {
        preset.check().unwrap();
    }
}
