//! The report of one run: a self-contained page and its figures as files.
//!
//! Everything here is a pure function of `result.json` and `report.json`: the same files give the same bytes.

use anyhow::Context as _;

use crate::output::result::{ReportData, ResultFile};

mod check;
mod draw;
mod figures;
mod headline;
mod html;
pub(crate) mod number;
mod page;
mod redraw;
#[cfg(test)]
mod sample;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use redraw::redraw;

/// A report, ready to be written: `report.html`, `figures/NAME.svg` and `figures/NAME.png`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) figures: Vec<Figure>,
}

/// One figure in its two forms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// File stem.
    pub(crate) name: &'static str,
    pub(crate) svg: String,
    pub(crate) png: Vec<u8>,
}

/// Draws the report; fails only on data that contradict themselves.
pub(crate) fn render(result: &ResultFile, data: &ReportData) -> anyhow::Result<Rendered> {
    check::data(data)?;
    let font = draw::text::Font::load()?;
    let mut figures = Vec::new();
    let mut panels = Vec::new();
    for panel in figures::panels(result, data, &font) {
        let figure = print(&panel, &font).with_context(|| format!("figure `{}`", panel.name))?;
        panels.push((panel, figure.as_ref().map(|figure| figure.svg.clone())));
        figures.extend(figure);
    }
    Ok(Rendered {
        html: page::page(result, data, &panels),
        figures,
    })
}

fn print(panel: &figures::Panel, font: &draw::text::Font) -> anyhow::Result<Option<Figure>> {
    let Some(scene) = &panel.scene else {
        return Ok(None);
    };
    Ok(Some(Figure {
        name: panel.name,
        svg: draw::svg::print(scene)?,
        png: draw::png::print(scene, font)?,
    }))
}
