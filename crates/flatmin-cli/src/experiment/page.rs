//! The report of an experiment: what was found, the figures, the table, the configuration, the machine.

use anyhow::Result;

use super::{Shown, Table, config};
use crate::report::draw::text::Font;
use crate::report::html::escape;
use crate::report::page::{document, figures, section};
use crate::report::{Rendered, print_panels};

/// Draws the report from the rows.
pub(super) fn render<E: Shown>(experiment: &E, rows: &[E::Row]) -> Result<Rendered> {
    let font = Font::load()?;
    let (panels, drawn) = print_panels(experiment.panels(rows, &font), &font)?;
    let findings = experiment.findings(rows);
    let (lead, rest) = match findings.split_first() {
        Some((lead, rest)) => (lead.as_str(), rest),
        None => ("No trial is done yet.", &[][..]),
    };
    let items: String = rest
        .iter()
        .map(|finding| format!("<li>{}</li>\n", escape(finding)))
        .collect();
    let header = format!(
        "<header>\n<p class=\"kind\">experiment · {}</p>\n<h1>{}</h1>\n<ul>\n{items}</ul>\n</header>\n",
        E::NAME,
        escape(lead)
    );
    let configuration = format!("<pre>{}</pre>\n", escape_lines(&config::text(experiment)?));
    let body = [
        header,
        figures(&panels),
        section("Numbers", &table(&experiment.table(rows))),
        section("Configuration", &configuration),
        section("Provenance", &table(&provenance(rows.len()))),
    ]
    .concat();
    Ok(Rendered {
        html: document(&format!("flatmin: {}", E::TITLE), &body),
        figures: drawn,
    })
}

/// Escapes text but keeps its lines.
fn escape_lines(text: &str) -> String {
    text.lines().map(|line| escape(line) + "\n").collect()
}

fn table(table: &Table) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        cells
            .map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)))
            .collect()
    };
    let head = cells("th", &mut table.head.iter().copied());
    let rows: String = table
        .rows
        .iter()
        .map(|row| format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(String::as_str))))
        .collect();
    format!(
        "<div class=\"scroll\">\n<table class=\"columns\">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

/// Where the rows come from.
fn provenance(rows: usize) -> Table {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let machine = format!(
        "{} on {}, {threads} logical cores",
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    Table {
        head: vec!["what", "value"],
        rows: vec![
            vec!["flatmin".to_owned(), env!("CARGO_PKG_VERSION").to_owned()],
            vec!["machine that drew this page".to_owned(), machine],
            vec!["rows".to_owned(), rows.to_string()],
        ],
    }
}
