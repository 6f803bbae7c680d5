//! Robust PCA: both parts are recovered and written, from every format; what makes no sense is refused.

mod common;

use common::{Folder, names, number, stderr};
use ndarray::Array2;

/// A matrix that `solve` wrote as `.npy`.
fn npy(folder: &Folder, name: &str) -> Array2<f64> {
    let bytes = folder.read(name);
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let head = String::from_utf8(bytes[10..start].to_vec()).unwrap();
    let sizes = head
        .split_once("'shape': (")
        .unwrap()
        .1
        .split(')')
        .next()
        .unwrap();
    let sizes: Vec<usize> = sizes
        .split(',')
        .map(|size| size.trim().parse().unwrap())
        .collect();
    let values = bytes[start..]
        .chunks(8)
        .map(|word| f64::from_le_bytes(word.try_into().unwrap()));
    Array2::from_shape_vec((sizes[0], sizes[1]), values.collect()).unwrap()
}

#[test]
fn both_parts_are_recovered_written_and_measured() {
    for (shape, fit) in [
        ("--d1 50 --d2 40", ""),
        ("--d1 30 --d2 60", ""),
        ("--d1 45", "--radius"),
    ] {
        let folder = Folder::new();
        folder.done(&format!(
            "generate rpca {shape} --rank 2 --outliers 0.06 --seed 3 --out x.npz"
        ));
        let (y, truth) = (folder.matrix("x.npz", "Y"), folder.matrix("x.npz", "truth"));
        let outliers = (&y - &truth).mapv(|s| if s.abs() > 0.5 { s } else { 0.0 });
        let radius = outliers.iter().map(|s| s.abs()).sum::<f64>();
        let fit = if fit.is_empty() {
            String::new()
        } else {
            format!("--radius {radius}")
        };
        let result = folder.json(&format!("solve rpca x.npz {fit} --out run"));
        assert_eq!(result["status"], "certified");
        assert_eq!((&result["rank"], &result["unique"]), (&2.into(), &true.into()));
        assert!(number(&result, "relative_error") < 1e-9);
        assert!((number(&result, "radius") - radius).abs() < 1e-8 * radius);
        assert_eq!(
            number(&result, "outliers") as usize,
            outliers.iter().filter(|s| **s != 0.0).count()
        );
        assert!(number(&result, "excess_flatness").abs() < 1e-7);
        let (low_rank, sparse) = (npy(&folder, "run/low_rank.npy"), npy(&folder, "run/sparse.npy"));
        assert!((&low_rank - &truth).iter().all(|d| d.abs() < 1e-9));
        assert!((&sparse - &outliers).iter().all(|d| d.abs() < 1e-9));
        // The value is what the contract says, and the scaled trace that of the local model, 4‖X‖_* for balanced factors.
        let nuclear = number(&result, "scaled_trace") / 4.0;
        let value = match result["theta"].as_f64() {
            Some(theta) => nuclear + theta * radius,
            None => nuclear,
        };
        assert!((number(&result, "value") / value - 1.0).abs() < 1e-9);
        assert!(
            (number(&result, "scaled_trace") / (2.0 * number(&result, "squared_norm")) - 1.0).abs() < 1e-9
        );
        let measured = folder.json("measure rpca x.npz run/factors.npz");
        assert!(measured["status"].is_null());
        assert!(number(&measured, "excess_flatness").abs() < 1e-7);
        assert!((number(&measured, "value") / nuclear - 1.0).abs() < 1e-9);
        assert!(names(&folder.path("run")).contains(&"figures/sparse.svg".to_owned()));
    }
}

#[test]
fn every_format_holds_the_same_matrix() {
    let folder = Folder::new();
    folder.done("generate rpca --d1 20 --d2 15 --seed 1 --out x.npz");
    let y = folder.matrix("x.npz", "Y");
    let line =
        |row: ndarray::ArrayView1<'_, f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    folder.write(
        "x.csv",
        y.rows()
            .into_iter()
            .map(|row| line(row) + "\n")
            .collect::<String>(),
    );
    let column_major: String = y.t().iter().map(|v| format!("{v}\n")).collect();
    folder.write(
        "x.mtx",
        format!("%%MatrixMarket matrix array real general\n20 15\n{column_major}"),
    );
    folder.done("solve rpca x.npz --out run");
    let expected = folder.json("solve rpca x.npz");
    for name in ["x.csv", "x.mtx"] {
        let found = folder.json(&format!("solve rpca {name}"));
        assert_eq!(found["value"], expected["value"], "{name}");
    }
    // Without a fifth of the entries, the rest are fitted.
    let mut gaps = y;
    gaps.iter_mut().step_by(5).for_each(|v| *v = f64::NAN);
    folder.write(
        "gaps.csv",
        gaps.rows()
            .into_iter()
            .map(|row| line(row) + "\n")
            .collect::<String>(),
    );
    let found = folder.json("solve rpca gaps.csv --theta 0.3");
    assert_eq!(
        (number(&found, "measurements"), &found["objective"]),
        (240.0, &"nuclear".into())
    );
    assert_eq!(found["status"], "certified");
    assert!(found["excess_flatness"].is_null());
}

#[test]
fn a_film_comes_back_as_two_films() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("film")).unwrap();
    // A grey wedge, and a bright square that walks across it.
    for frame in 0..24u32 {
        let pixel = |x: u32, y: u32| {
            let square = (y / 3 == 1) && (x / 2 == frame % 12);
            format!("{} ", if square { 250 } else { 40 + 4 * x + 2 * y })
        };
        let rows: String = (0..8).flat_map(|y| (0..24).map(move |x| pixel(x, y))).collect();
        folder.write(&format!("film/f{frame:02}.pgm"), format!("P2 24 8 255\n{rows}"));
    }
    let result = folder.json("solve rpca film --out run");
    assert_eq!(result["status"], "certified");
    assert_eq!(result["rank"], 1);
    assert_eq!(number(&result, "outliers"), 24.0 * 6.0);
    let files = names(&folder.path("run"));
    for part in ["low_rank", "sparse"] {
        assert_eq!(
            files
                .iter()
                .filter(|name| name.starts_with(&format!("{part}/f")))
                .count(),
            24
        );
    }
    let pixel = |name: &str, x, y| image::open(folder.path(name)).unwrap().to_luma8().get_pixel(x, y)[0];
    assert_eq!(
        pixel("run/low_rank/f03.png", 6, 4),
        40 + 24 + 8,
        "what the square hid"
    );
    assert_eq!(pixel("run/sparse/f03.png", 0, 0), 128, "no change");
    assert!(pixel("run/sparse/f03.png", 6, 4) > 200);
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let folder = Folder::new();
    folder.done("generate rpca --d1 9 --d2 8 --out x.npz");
    folder.done("generate sensing --d1 5 --out s.npz");
    folder.write("words.csv", "1,2\n3,four\n");
    folder.write("none.csv", "NaN,\nNA,NaN\n");
    std::fs::create_dir(folder.path("empty")).unwrap();
    for (arguments, expected) in [
        ("solve rpca x.npz --epsilon 1", "expected --theta V or --radius T"),
        (
            "solve rpca x.npz --theta 1 --radius 2",
            "--theta: found with --radius",
        ),
        ("solve rpca x.npz --theta 0", "expected"),
        (
            "solve sensing s.npz --theta 1",
            "--theta: found with sensing, expected only with rpca",
        ),
        ("solve rpca s.npz", "expected \"Y\""),
        (
            "solve rpca words.csv",
            "line 2, field 2: found \"four\", expected a number",
        ),
        ("solve rpca none.csv", "found NaN everywhere"),
        ("solve rpca empty", "found no image"),
        ("solve rpca missing.npy", "missing.npy: found nothing there"),
        ("solve rpca x.txt", "x.txt: found nothing there"),
        (
            "generate rpca --m 5 --out y.npz",
            "--m: found 5, expected none with rpca",
        ),
        (
            "generate sensing --outliers 0.1 --out y.npz",
            "--outliers: found with sensing",
        ),
        (
            "solve rpca x.npz --rank 1",
            "below which robust PCA is another problem",
        ),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(expected),
            "{arguments}: {}",
            stderr(&output)
        );
    }
}
