//! Numbers at the ends of their range, and matrices at the ends of theirs.

use serde_json::Value;

use super::common::{Folder, stderr};
use super::{archive, check, floats, integers, npy};

/// A small instance of each model: key, sizes, numbers.
fn instance(model: &str) -> Vec<(&'static str, Vec<usize>, Vec<f64>)> {
    let numbers = |count: usize, seed: usize| -> Vec<f64> {
        (0..count)
            .map(|i| ((i * i * 5 + 7 * i + seed * 3) % 11) as f64 - 4.5)
            .collect()
    };
    match model {
        "sensing" | "deep" => vec![
            ("A", vec![6, 2, 2], numbers(24, 1)),
            ("y", vec![6], numbers(6, 0)),
        ],
        "bilinear" => vec![
            ("a", vec![7, 2], numbers(14, 1)),
            ("b", vec![7, 3], numbers(21, 2)),
            ("y", vec![7], numbers(7, 0)),
        ],
        "covariance" | "phase" | "network" => {
            // Of M = I: positive, and met by a semidefinite matrix.
            let x = numbers(12, 1);
            let y = x.chunks(2).map(|x| x[0] * x[0] + x[1] * x[1]).collect();
            vec![("x", vec![6, 2], x), ("y", vec![6], y)]
        }
        "rpca" => vec![("Y", vec![4, 3], numbers(12, 1))],
        "sparse" => vec![("A", vec![3, 5], numbers(15, 1)), ("y", vec![3], numbers(3, 0))],
        _ => vec![("X", vec![3, 2], numbers(6, 1))],
    }
}

const MODELS: [&str; 9] = [
    "sensing",
    "bilinear",
    "completion",
    "rpca",
    "covariance",
    "phase",
    "network",
    "sparse",
    "deep",
];

fn shown(sizes: &[usize]) -> String {
    let sizes: String = sizes.iter().map(|size| format!("{size}, ")).collect();
    format!("({sizes})")
}

fn write(folder: &Folder, arrays: &[(&str, Vec<usize>, Vec<f64>)]) {
    let names: Vec<String> = arrays.iter().map(|(key, ..)| format!("{key}.npy")).collect();
    let members: Vec<(&str, Vec<u8>)> = (names.iter().zip(arrays))
        .map(|(name, (_, sizes, values))| (name.as_str(), floats(&shown(sizes), values)))
        .collect();
    folder.write("x.npz", archive(&members));
}

/// A result with finite numbers in it, or one line about the file.
fn solve(folder: &Folder, model: &str, about: &str) {
    let output = folder.run(&format!("solve {model} x.npz --max-iter 300 --threads 1 --json"));
    let about = format!("{model}, {about}");
    match output.status.code() {
        Some(0 | 3) => {
            let result: Value = serde_json::from_slice(&output.stdout).unwrap();
            let number = |key: &str| result[key].as_f64();
            let value = number("value");
            assert!(value.is_none_or(f64::is_finite), "{about}: {value:?}");
            if let (Some(value), Some(bound), Some("certified")) =
                (value, number("lower_bound"), result["status"].as_str())
            {
                assert!(bound <= value * (1.0 + 1e-6), "{about}: {bound} above {value}");
            }
        }
        Some(2) => check(&about, &output, 2, &["x.npz"]),
        code => panic!("{about}: exit {code:?}: {}", stderr(&output)),
    }
}

#[test]
fn nan_and_infinities_are_refused_where_they_stand() {
    let folder = Folder::new();
    for model in MODELS {
        let good = instance(model);
        for (at, (key, ..)) in good.iter().enumerate() {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut arrays = good.clone();
                arrays[at].2[1] = value;
                write(&folder, &arrays);
                if value.is_nan() && matches!(*key, "X" | "Y") {
                    solve(&folder, model, "one entry unobserved");
                    continue;
                }
                let output = folder.run(&format!("solve {model} x.npz"));
                let place = if matches!(*key, "X" | "Y") { "(0, 1)" } else { *key };
                check(&format!("{model} {key}"), &output, 2, &["x.npz", place, "finite"]);
            }
        }
    }
}

#[test]
fn denormal_and_huge_numbers_give_a_result_or_a_refusal() {
    let folder = Folder::new();
    for model in MODELS {
        let good = instance(model);
        for at in 0..good.len() {
            for unit in [5e-324, 1e-310, 1e-160, 1e-60, 1e60, 1e160, 1e300] {
                let mut arrays = good.clone();
                arrays[at].2.iter_mut().for_each(|v| *v *= unit);
                write(&folder, &arrays);
                solve(&folder, model, &format!("{} times {unit:e}", arrays[at].0));
            }
            let mut arrays = good.clone();
            arrays[at].2[0] = 1e-320;
            arrays[at].2[1] = f64::MAX;
            write(&folder, &arrays);
            solve(
                &folder,
                model,
                &format!("{} from 1e-320 to the largest", arrays[at].0),
            );
            arrays[at].2.fill(0.0);
            write(&folder, &arrays);
            solve(&folder, model, &format!("{} of zeros", arrays[at].0));
        }
    }
}

#[test]
fn matrices_without_rows_are_refused_and_single_numbers_are_matrices() {
    let folder = Folder::new();
    for model in MODELS {
        let good = instance(model);
        for (at, (key, sizes, _)) in good.iter().enumerate() {
            for empty in 0..sizes.len() {
                let mut arrays = good.clone();
                arrays[at].1[empty] = 0;
                arrays[at].2.clear();
                write(&folder, &arrays);
                check(
                    &format!("{model} {key}"),
                    &folder.run(&format!("solve {model} x.npz")),
                    2,
                    &["x.npz"],
                );
            }
        }
        let single =
            |(key, sizes, _): &(&'static str, Vec<usize>, Vec<f64>)| (*key, vec![1; sizes.len()], vec![2.0]);
        let arrays: Vec<_> = good.iter().map(single).collect();
        write(&folder, &arrays);
        let exact = if model == "rpca" { "" } else { "--exact" };
        folder.done(&format!("solve {model} x.npz {exact} --out one"));
        let result: Value = serde_json::from_slice(&folder.read("one/result.json")).unwrap();
        assert!(result["value"].as_f64().is_none_or(f64::is_finite), "{model}");
    }
}

/// Numbers of 32 bits are numbers of 64 bits.
#[test]
fn the_width_of_the_numbers_does_not_matter() {
    let folder = Folder::new();
    for model in MODELS {
        let half = |values: &[f64]| values.iter().map(|v| (v / 3.0) as f32).collect::<Vec<f32>>();
        let results = [4, 8].map(|width| {
            let members: Vec<(String, Vec<u8>)> = instance(model)
                .iter()
                .map(|(key, sizes, values)| {
                    let bytes = half(values).into_iter().flat_map(|v| match width {
                        4 => v.to_le_bytes().to_vec(),
                        _ => f64::from(v).to_le_bytes().to_vec(),
                    });
                    let bytes: Vec<u8> = bytes.collect();
                    (
                        format!("{key}.npy"),
                        npy(&format!("<f{width}"), &shown(sizes), &bytes),
                    )
                })
                .collect();
            let members: Vec<(&str, Vec<u8>)> = members
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.clone()))
                .collect();
            folder.write("x.npz", archive(&members));
            let output = folder.run(&format!("solve {model} x.npz --max-iter 50 --json"));
            match output.status.code() {
                Some(0 | 3) => {
                    let mut result: Value = serde_json::from_slice(&output.stdout).unwrap();
                    result["seconds"] = Value::Null;
                    result.to_string()
                }
                code => format!("{code:?}: {}", stderr(&output)),
            }
        });
        assert_eq!(results[0], results[1], "{model}");
    }
}

#[test]
fn entries_given_twice_count_once_if_they_agree() {
    let folder = Folder::new();
    let entries = |y: &[f64]| {
        archive(&[
            ("rows.npy", integers(&[0, 0, 1, 1])),
            ("cols.npy", integers(&[0, 1, 0, 0])),
            ("shape.npy", integers(&[2, 2])),
            ("y.npy", floats("(4,)", y)),
        ])
    };
    folder.write("x.npz", entries(&[1.0, 2.0, 3.0, 3.0]));
    let output = folder.done("solve completion x.npz --exact");
    assert!(
        stderr(&output).contains("1 repeated entries"),
        "{}",
        stderr(&output)
    );
    folder.write("x.npz", entries(&[1.0, 2.0, 3.0, 4.0]));
    let words = ["entry 2 and entry 3", "3 and 4"];
    check("twice", &folder.run("solve completion x.npz --exact"), 2, &words);
}

/// No digit of the objective is left to bring down: a budget that counts steps alone would never end such a run.
#[test]
fn a_penalty_below_the_rounding_of_the_data_ends_and_claims_nothing() {
    let folder = Folder::new();
    folder.done("generate sensing --d1 4 --rank 1 --out x.npz");
    for lambda in ["1e-20", "1e-50", "1e-300"] {
        let result = folder.json(&format!("solve sensing x.npz --lambda {lambda} --time-limit 60"));
        let gap = super::common::number(&result, "gap");
        assert_eq!(result["status"] == "certified", gap <= 1e-4, "{lambda}: {result}");
    }
}
