//! How to add an experiment: how often does completion recover a matrix of rank one, by the share of entries known?
//!
//! An experiment is a configuration that lists its jobs and runs one of them. Threads, the order of the jobs and what is
//! left after an interruption are then the business of `experiment::run`: the rows do not depend on them, as a job draws its
//! numbers from the stream of (seed, name, cell, trial) alone. Run it with `cargo run --release --example half_known`.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use faer::Mat;
use flatmin::experiment::{self, Experiment, Job};
use flatmin::map::Entries;
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, Status, solve};
use flatmin::{Error, Fit, Objective, Problem};
use serde::{Deserialize, Serialize};

/// What can be set. With `Serialize` and `Deserialize` it is a file, and each field a key of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Config {
    /// Of all random numbers.
    seed: u64,
    /// Repetitions of each cell.
    trials: u64,
    /// Rows and columns.
    d: usize,
    /// Shares of the entries that are known.
    shares: Vec<f64>,
}

/// One trial. What goes wrong with it is a value, here `status`, and no error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    cell: String,
    trial: u64,
    share: f64,
    /// As the solver ended; `singular` where a row or column is not seen at all.
    status: String,
    /// ‖X − M‖_F/‖M‖_F.
    error: Option<f64>,
}

impl experiment::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "half-known";

    fn quick() -> Self {
        Config {
            seed: 0,
            trials: 10,
            d: 12,
            shares: vec![0.2, 0.3, 0.4, 0.5, 0.6],
        }
    }

    fn paper() -> Self {
        Config {
            trials: 50,
            d: 30,
            ..Config::quick()
        }
    }

    fn large() -> Self {
        Config {
            trials: 200,
            ..Config::paper()
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self.shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            None => Ok(()),
            Some(share) => Err(Error::Setting {
                name: "shares",
                found: share.to_string(),
                expected: "shares from 0 to 1",
            }),
        }
    }

    fn jobs(&self) -> Vec<Job> {
        let job = |share: &f64, trial| Job {
            cell: share.to_string(),
            trial,
            rows: 1,
            cost: *share,
        };
        let trials = |share| (0..self.trials).map(move |trial| job(share, trial));
        self.shares.iter().flat_map(trials).collect()
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let share: f64 = job.cell.parse().map_err(|_| Error::Setting {
            name: "cell",
            found: job.cell.clone(),
            expected: "one of the shares",
        })?;
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let (problem, truth) = self.draw(share, &mut stream)?;
        let observer = Observer {
            interrupt: Some(interrupt),
            ..Observer::default()
        };
        let (status, error) = match solve(&problem, &Settings::default(), &observer) {
            Ok(solution) => {
                let difference = solution.factors.dense() - &truth;
                (
                    solution.status.name(),
                    Some(difference.norm_l2() / truth.norm_l2()),
                )
            }
            Err(Error::SingularRescaling { .. }) => ("singular", None),
            Err(error) => return Err(error),
        };
        Ok(vec![Row {
            cell: job.cell.clone(),
            trial: job.trial,
            share,
            status: status.to_owned(),
            error,
        }])
    }
}

impl Config {
    /// A matrix of rank one, and the problem of completing it from a share of its entries.
    fn draw(&self, share: f64, stream: &mut Stream) -> Result<(Problem<'static>, Mat<f64>), Error> {
        let (d, size) = (self.d, self.d * self.d);
        let truth = stream.low_rank((d, d), 1, 1.0);
        let places = stream.choose(size, ((share * size as f64) as usize).max(1));
        let (rows, columns): (Vec<u32>, Vec<u32>) =
            places.iter().map(|at| ((at / d) as u32, (at % d) as u32)).unzip();
        let known: Vec<f64> = places.iter().map(|at| truth[(at / d, at % d)]).collect();
        let (map, y) = Entries::new(&rows, &columns, &known, (d, d))?;
        let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?;
        Ok((problem, truth))
    }
}

/// All rows, in the order of cells and trials.
fn rows(config: &Config, threads: usize) -> Result<Vec<Row>, Error> {
    let (jobs, mut rows) = (config.jobs(), Vec::new());
    experiment::run(config, &jobs, threads, &AtomicBool::new(false), |more| {
        rows.extend(more);
        ControlFlow::Continue(())
    })?;
    rows.sort_by(|a, b| (&a.cell, a.trial).cmp(&(&b.cell, b.trial)));
    Ok(rows)
}

/// Proved and right.
fn is_recovered(row: &Row) -> bool {
    row.status == Status::Certified.name() && row.error.is_some_and(|error| error <= 1e-5)
}

fn main() -> Result<(), Error> {
    let config = Config::quick();
    config.check()?;
    for cell in rows(&config, 2)?.chunk_by(|a, b| a.cell == b.cell) {
        let recovered = cell.iter().filter(|row| is_recovered(row)).count();
        println!(
            "{} of the entries known: {recovered} of {} recovered",
            cell[0].share,
            cell.len()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Config {
        Config {
            trials: 3,
            d: 8,
            shares: vec![0.3, 0.9],
            ..Config::quick()
        }
    }

    #[test]
    fn the_rows_do_not_depend_on_the_threads() {
        assert_eq!(rows(&tiny(), 1).unwrap(), rows(&tiny(), 3).unwrap());
    }

    #[test]
    fn more_entries_recover_more() {
        let rows = rows(&tiny(), 2).unwrap();
        let recovered = |cell: &str| {
            rows.iter()
                .filter(|row| row.cell == cell && is_recovered(row))
                .count()
        };
        assert_eq!(recovered("0.9"), 3);
        assert!(recovered("0.3") < 3);
    }
}
