//! The report of one run: a self-contained page and its figures as files.
//!
//! Everything here is a pure function of `result.json` and `report.json`: the same files give the same bytes.

use anyhow::Context as _;

use crate::output::result::{ReportData, ResultFile};

mod check;
pub(crate) mod draw;
pub(crate) mod figures;
mod headline;
pub(crate) mod html;
pub(crate) mod number;
pub(crate) mod page;
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
    pub(crate) name: String,
    pub(crate) svg: String,
    pub(crate) png: Vec<u8>,
}

/// Draws the report; fails only on data that contradict themselves.
pub(crate) fn render(result: &ResultFile, data: &ReportData) -> anyhow::Result<Rendered> {
    check::data(data)?;
    let font = draw::text::Font::load()?;
    let (panels, figures) = print_panels(figures::panels(result, data, &font), &font)?;
    Ok(Rendered {
        html: page::page(result, data, &panels),
        figures,
    })
}

/// Every panel with the SVG of its scene, and the figures as files.
pub(crate) fn print_panels(
    panels: Vec<figures::Panel>,
    font: &draw::text::Font,
) -> anyhow::Result<(Vec<page::Drawn>, Vec<Figure>)> {
    let (mut drawn, mut figures) = (Vec::new(), Vec::new());
    for panel in panels {
        let figure = print(&panel, font).with_context(|| format!("figure `{}`", panel.name))?;
        drawn.push((panel, figure.as_ref().map(|figure| figure.svg.clone())));
        figures.extend(figure);
    }
    Ok((drawn, figures))
}

fn print(panel: &figures::Panel, font: &draw::text::Font) -> anyhow::Result<Option<Figure>> {
    let Some(scene) = &panel.scene else {
        return Ok(None);
    };
    Ok(Some(Figure {
        name: panel.name.clone(),
        svg: draw::svg::print(scene)?,
        png: draw::png::print(scene, font)?,
    }))
}
