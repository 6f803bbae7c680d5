//! The files of one run.

use std::io::Write as _;

use anyhow::Result;
use faer::Mat;
use flatmin::{Domain, Factors, SignedFactors};
use ndarray::{Array1, Array2, arr0};

use super::files::OutputDir;
use super::ids::write_ids;
use super::npz::{Member, write_npz};
use super::separated;
use crate::args::Centring;
use crate::commands::outcome::Outcome;
use crate::completion::centre::DAMPING;
use crate::instance::{CompletionExtras, Extras};
use crate::report::{Rendered, render};

/// All files, and last of them `result.json`: where it stands, the rest does.
pub(crate) fn write(out: &OutputDir, outcome: &Outcome) -> Result<()> {
    if !outcome.factors.is_empty() {
        out.write("factors.npz", |file| write_npz(file, &outcome.factors))?;
    }
    for (name, ids) in ["row_ids.csv", "column_ids.csv"].iter().zip(&outcome.ids) {
        if let Some(ids) = ids {
            out.write(name, |file| write_ids(file, ids))?;
        }
    }
    if let Some(separated) = &outcome.separated {
        separated::write(out, separated)?;
    }
    if let Some(data) = &outcome.report {
        out.write("report.json", |file| {
            serde_json::to_writer(&mut *file, data)?;
            Ok(file.write_all(b"\n")?)
        })?;
        write_report(out, &render(&outcome.result, data)?)?;
    }
    let json = outcome.result.json()?;
    out.write("result.json", |file| Ok(file.write_all(json.as_bytes())?))
}

/// `report.html` and its figures.
pub(crate) fn write_report(out: &OutputDir, rendered: &Rendered) -> Result<()> {
    for figure in &rendered.figures {
        let name = |extension| format!("figures/{}.{extension}", figure.name);
        out.write(&name("svg"), |file| Ok(file.write_all(figure.svg.as_bytes())?))?;
        out.write(&name("png"), |file| Ok(file.write_all(&figure.png)?))?;
    }
    out.write(
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
