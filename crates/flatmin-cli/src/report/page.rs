//! The page: headline, figures, table, provenance. One file that asks nobody for anything.

use super::figures::Panel;
use super::headline::headline;
use super::html::escape;
use super::table::{Row, provenance, rows};
use crate::output::result::{ReportData, ResultFile};

const STYLE: &str = include_str!("style.css");

/// A panel with its SVG, where it is drawn.
pub(crate) type Drawn = (Panel, Option<String>);

/// The report of a run.
pub(crate) fn page(result: &ResultFile, data: &ReportData, panels: &[Drawn]) -> String {
    let title = format!("flatmin: {} ({})", result.model, result.objective);
    let body = [
        words(result, data),
        figures(panels),
        section("Numbers", &table(&rows(result))),
        section("Provenance", &table(&provenance(result))),
    ];
    document(&title, &body.concat())
}

/// A page of these parts.
pub(crate) fn document(title: &str, body: &str) -> String {
    let (title, style) = (escape(title), STYLE.trim_end());
    [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n",
        &format!("<title>{title}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n<main>\n"),
        body,
        "</main>\n</body>\n</html>\n",
    ]
    .concat()
}

fn words(result: &ResultFile, data: &ReportData) -> String {
    let headline = headline(result);
    let source = if data.source.is_empty() {
        String::new()
    } else {
        format!(" · {}", escape(&data.source))
    };
    let kind = escape(&format!(
        "{} · {} · {}",
        result.model, result.objective, result.fit
    ));
    let rest: Vec<String> = headline.rest.iter().map(|sentence| escape(sentence)).collect();
    format!(
        "<header>\n<p class=\"kind\">{kind}{source}</p>\n<h1>{}</h1>\n<p>{}</p>\n</header>\n",
        escape(&headline.lead),
        rest.join(" ")
    )
}

/// The figures with their captions, then why others are left out.
pub(crate) fn figures(panels: &[Drawn]) -> String {
    let (drawn, left_out): (Vec<_>, Vec<_>) = panels.iter().partition(|(_, svg)| svg.is_some());
    let figures: String = drawn
        .iter()
        .map(|(panel, svg)| figure(panel, svg.as_deref().unwrap_or_default()))
        .collect();
    let notes: String = left_out.iter().map(|(panel, _)| note(panel)).collect();
    section(
        "Figures",
        &format!("<div class=\"figures\">\n{figures}</div>\n{notes}"),
    )
}

fn figure(panel: &Panel, svg: &str) -> String {
    format!(
        "<figure id=\"{}\">\n<div class=\"card\">{}</div>\n<figcaption><b>{}.</b> {}</figcaption>\n</figure>\n",
        panel.name,
        svg.trim_end(),
        escape(panel.title),
        escape(&panel.caption)
    )
}

fn note(panel: &Panel) -> String {
    format!(
        "<p class=\"note\"><b>{}.</b> {}</p>\n",
        escape(panel.title),
        escape(&panel.caption)
    )
}

fn table(rows: &[Row]) -> String {
    let lines: String = rows.iter().map(line).collect();
    format!(
        "<table class=\"keys\">\n<thead><tr><th>Key</th><th>Value</th><th>Meaning</th></tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n"
    )
}

fn line(row: &Row) -> String {
    format!(
        "<tr><th scope=\"row\"><code>{}</code></th><td class=\"value\">{}</td><td>{}</td></tr>\n",
        escape(row.key),
        escape(&row.value),
        escape(&row.meaning)
    )
}

/// A part of the page under a heading.
pub(crate) fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}
