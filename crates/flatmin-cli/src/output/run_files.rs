//! The files of one run.

use std::io::Write as _;

use anyhow::Result;
use faer::Mat;
use flatmin::{Domain, Factors, SignedFactors};
use ndarray::{Array1, Array2, arr0};

use super::files::{OutputDir, Stage};
use super::ids::write_ids;
use super::npz::{Member, write_npz};
use super::separated;
use crate::args::Centring;
use crate::commands::outcome::Outcome;
use crate::completion::centre::DAMPING;
use crate::instance::{CompletionExtras, Extras};
use crate::report::{Rendered, render};

/// The last file: where it stands, the rest does, of the same run.
const LAST: &str = "result.json";
/// The ids of the rows and columns of the factors, where the data had any.
const IDS: [&str; 2] = ["row_ids.csv", "column_ids.csv"];

/// All files. Until they are all on the disk those of an earlier run stay.
pub(crate) fn write(out: &OutputDir, outcome: &Outcome) -> Result<()> {
    let mut stage = out.stage();
    let mut gone = vec![LAST];
    for (name, ids) in IDS.into_iter().zip(&outcome.ids) {
        match ids {
            Some(ids) => stage.add(name, |file| write_ids(file, ids))?,
            // Those of an earlier run would be taken for the ids of these factors.
            None if !outcome.factors.is_empty() => gone.push(name),
            None => {}
        }
    }
    if !outcome.factors.is_empty() {
        stage.add("factors.npz", |file| write_npz(file, &outcome.factors))?;
    }
    if let Some(separated) = &outcome.separated {
        separated::add(&mut stage, separated)?;
    }
    if let Some(data) = &outcome.report {
        stage.add("report.json", |file| {
            serde_json::to_writer(&mut *file, data)?;
            Ok(file.write_all(b"\n")?)
        })?;
        add_report(&mut stage, &render(&outcome.result, data)?)?;
    }
    let json = outcome.result.json()?;
    stage.add(LAST, |file| Ok(file.write_all(json.as_bytes())?))?;
    stage.commit(&gone)
}

/// `report.html` and its figures.
pub(crate) fn write_report(out: &OutputDir, rendered: &Rendered) -> Result<()> {
    let mut stage = out.stage();
    add_report(&mut stage, rendered)?;
    stage.commit(&[])
}

fn add_report(stage: &mut Stage<'_>, rendered: &Rendered) -> Result<()> {
    for figure in &rendered.figures {
        let name = |extension| format!("figures/{}.{extension}", figure.name);
        stage.add(&name("svg"), |file| Ok(file.write_all(figure.svg.as_bytes())?))?;
        stage.add(&name("png"), |file| Ok(file.write_all(&figure.png)?))?;
    }
    stage.add(
        "report.html",
        |file| Ok(file.write_all(rendered.html.as_bytes())?),
    )
}

/// The members of `factors.npz`: X, and what belongs to it.
pub(crate) fn solution(
    x: &Factors,
    domain: Domain,
    extras: &Extras,
) -> Result<Vec<(String, Member<'static>)>> {
    if domain.is_symmetric() {
        // One column at least of U1: many programs read no array without one.
        let x = SignedFactors::of(x)?.padded(1, 0);
        return Ok(named([("U1", array(&x.u1).into()), ("U2", array(&x.u2).into())]));
    }
    // A zero matrix has a column too.
    let x = x.padded(1);
    let mut members = named([("L", array(&x.l).into()), ("R", array(&x.r).into())]);
    members.extend(extras.completion.iter().flat_map(centre));
    members.extend(extras.completion.iter().flat_map(ridges));
    Ok(members)
}

fn named<const N: usize>(members: [(&str, Member<'static>); N]) -> Vec<(String, Member<'static>)> {
    members.map(|(key, member)| (key.to_owned(), member)).into()
}

fn array(a: &Mat<f64>) -> Array2<f64> {
    Array2::from_shape_fn(a.shape(), |(i, j)| a[(i, j)])
}

fn number(value: f64) -> Member<'static> {
    arr0(value).into()
}

/// What is to be added to L Rᵀ, as far as it was subtracted.
fn centre(completion: &CompletionExtras) -> Vec<(String, Member<'static>)> {
    let centre = &completion.centre;
    match completion.centring {
        Centring::None => vec![],
        Centring::Global => named([("mean", number(centre.mean))]),
        Centring::Bias => named([
            ("mean", number(centre.mean)),
            ("bias_ridge", number(DAMPING)),
            ("row_bias", Array1::from(centre.rows.clone()).into()),
            ("column_bias", Array1::from(centre.columns.clone()).into()),
        ]),
    }
}

/// What rows and columns to come are to be fitted with.
fn ridges(completion: &CompletionExtras) -> Vec<(String, Member<'static>)> {
    let Some([rows, columns]) = &completion.ridges else {
        return vec![];
    };
    named([
        ("row_ridge", number(rows.scale)),
        ("column_ridge", number(columns.scale)),
        ("ridge_power", number(rows.power)),
    ])
}
