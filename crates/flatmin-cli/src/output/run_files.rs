//! The files of one run.

use std::io::Write as _;

use anyhow::Result;
use faer::Mat;
use flatmin::{Domain, Factors, SignedFactors};
use ndarray::{Array2, ArrayView1};

use super::files::OutputDir;
use super::ids::write_ids;
use super::npz::{Member, write_npz};
use super::result::{ReportData, ResultFile};
use crate::args::Centring;
use crate::completion::centre::DAMPING;
use crate::instance::{CompletionExtras, Extras};
use crate::report::{Rendered, render};

/// `report.json`, the report, and last of all `result.json`: where it stands, the rest does.
pub(crate) fn write(out: &OutputDir, result: &ResultFile, data: &ReportData) -> Result<()> {
    out.write("report.json", |file| {
        serde_json::to_writer(&mut *file, data)?;
        Ok(file.write_all(b"\n")?)
    })?;
    write_report(out, &render(result, data)?)?;
    let json = result.json()?;
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

/// `factors.npz` with these keys.
pub(crate) fn write_layers(out: &OutputDir, layers: &[(String, Array2<f64>)]) -> Result<()> {
    let members: Vec<(&str, Member<'_>)> = layers
        .iter()
        .map(|(key, layer)| (key.as_str(), layer.view().into()))
        .collect();
    out.write("factors.npz", |file| write_npz(file, &members))
}

/// `factors.npz`, and the ids where the data had any.
pub(crate) fn write_solution(out: &OutputDir, x: &Factors, domain: Domain, extras: &Extras) -> Result<()> {
    if domain.is_symmetric() {
        return write_signed(out, &SignedFactors::of(x)?);
    }
    // A zero matrix has a column too: many programs read no array without one.
    let x = x.padded(1);
    let (l, r) = (array(&x.l), array(&x.r));
    let mut members: Vec<(&str, Member<'_>)> = vec![("L", l.view().into()), ("R", r.view().into())];
    members.extend(extras.completion.iter().flat_map(centre));
    members.extend(extras.completion.iter().flat_map(ridges));
    out.write("factors.npz", |file| write_npz(file, &members))?;
    let Some(completion) = &extras.completion else {
        return Ok(());
    };
    let ids = [
        ("row_ids.csv", &completion.row_ids),
        ("column_ids.csv", &completion.column_ids),
    ];
    for (name, ids) in ids {
        if let Some(ids) = ids {
            out.write(name, |file| write_ids(file, ids))?;
        }
    }
    Ok(())
}

/// U1 and U2 of a symmetric matrix, one column at least of the former.
fn write_signed(out: &OutputDir, x: &SignedFactors) -> Result<()> {
    let x = x.padded(1, 0);
    let (positive, negative) = (array(&x.u1), array(&x.u2));
    let members: [(&str, Member<'_>); 2] = [("U1", positive.view().into()), ("U2", negative.view().into())];
    out.write("factors.npz", |file| write_npz(file, &members))
}

fn array(a: &Mat<f64>) -> Array2<f64> {
    Array2::from_shape_fn(a.shape(), |(i, j)| a[(i, j)])
}

/// What is to be added to L Rᵀ, as far as it was subtracted.
fn centre(completion: &CompletionExtras) -> Vec<(&str, Member<'_>)> {
    let centre = &completion.centre;
    let mean = ("mean", ndarray::aview0(&centre.mean).into());
    match completion.centring {
        Centring::None => vec![],
        Centring::Global => vec![mean],
        Centring::Bias => vec![
            mean,
            ("bias_ridge", ndarray::aview0(&DAMPING).into()),
            ("row_bias", ArrayView1::from(&centre.rows).into()),
            ("column_bias", ArrayView1::from(&centre.columns).into()),
        ],
    }
}

/// What rows and columns to come are to be fitted with.
fn ridges(completion: &CompletionExtras) -> Vec<(&str, Member<'_>)> {
    let Some([rows, columns]) = &completion.ridges else {
        return vec![];
    };
    [
        ("row_ridge", &rows.scale),
        ("column_ridge", &columns.scale),
        ("ridge_power", &rows.power),
    ]
    .map(|(key, number)| (key, ndarray::aview0(number).into()))
    .to_vec()
}
