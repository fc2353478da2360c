//! The sheet as one HTML file: no script, nothing loaded, colours for light and dark grounds and for print.

use std::fmt::Write;

use super::{Listing, TearSheet};
use crate::{
    chart::{
        Chart,
        svg::{FAINT, GRID, INK, escape},
    },
    error::Result,
};

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#ffffff;--ink:#222222;--faint:#6b6b6b;--grid:#e4e4e4;--tile:#f3f5f7;--notice:#fff3d6}\
@media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e8e8e8;--faint:#a3a8ae;--grid:#343a41;--tile:#20252b;--notice:#4a3a10}}\
@media print{:root{--paper:#ffffff;--ink:#222222;--faint:#6b6b6b;--grid:#e4e4e4;--tile:#f3f5f7;--notice:#fff3d6}\
section,figure,tr{break-inside:avoid}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,'DejaVu Sans',sans-serif}\
main{max-width:1000px;margin:0 auto;padding:24px 16px 48px}\
h1{font-size:1.7rem;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:28px 0 8px;overflow-wrap:anywhere}\
.sub,footer{color:var(--faint)}footer{font-size:.8rem;margin-top:32px}\
.notice{background:var(--notice);padding:8px 12px;margin:8px 0;border-radius:4px}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:20px 0}\
.tile{background:var(--tile);border-radius:6px;padding:10px 12px}.tile b{display:block;font-size:1.35rem;font-weight:600}\
.tile span,.tile small{color:var(--faint);font-size:.8rem}\
figure{margin:24px 0;overflow-x:auto}figure svg{display:block;width:100%;min-width:620px;height:auto}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}\
th,td{padding:5px 8px;text-align:right;border-top:1px solid var(--grid);white-space:nowrap}\
th{color:var(--faint);font-weight:400;border-top:0}th:first-child,td:first-child{text-align:left;padding-left:0}\
.pair td:first-child{white-space:normal}\
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:0 32px}";

pub(super) fn render(sheet: &TearSheet) -> Result<String> {
    let mut out = String::with_capacity(64 << 10);
    let title = escape(&sheet.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1><p class=\"sub\">{}</p>",
        escape(&sheet.subtitle)
    );
    for notice in &sheet.notices {
        let _ = write!(out, "<p class=\"notice\">{}</p>", escape(notice));
    }
    tiles(&mut out, sheet);
    let mut pictures = sheet.pictures.iter();
    if let Some(first) = pictures.next() {
        figure(&mut out, first.title(), &first.draw()?);
    }
    figures(&mut out, sheet);
    for picture in pictures {
        figure(&mut out, picture.title(), &picture.draw()?);
    }
    for listing in &sheet.tables {
        table(&mut out, listing);
    }
    out.push_str("<footer>");
    for line in &sheet.footer {
        let _ = write!(out, "<p>{}</p>", escape(line));
    }
    out.push_str("</footer></main></body></html>\n");
    Ok(out)
}

fn tiles(out: &mut String, sheet: &TearSheet) {
    if sheet.figures.is_empty() {
        return;
    }
    out.push_str("<section class=\"tiles\">");
    for figure in sheet.figures.iter().take(6) {
        let _ = write!(
            out,
            "<div class=\"tile\"><span>{}</span><b>{}</b>",
            escape(&figure.name),
            escape(&figure.value.shown())
        );
        if let (Some(name), Some(beside)) = (&sheet.benchmark, &figure.beside) {
            let _ = write!(out, "<small>{} {}</small>", escape(name), escape(&beside.shown()));
        }
        out.push_str("</div>");
    }
    out.push_str("</section>");
}

/// All figures, in two tables beside each other where there is room.
fn figures(out: &mut String, sheet: &TearSheet) {
    let half = sheet.figures.len().div_ceil(2);
    if half == 0 {
        return;
    }
    out.push_str("<section><h2>Figures</h2><div class=\"pair\">");
    for figures in sheet.figures.chunks(half) {
        out.push_str("<table>");
        if let Some(name) = &sheet.benchmark {
            let _ = write!(out, "<tr><th></th><th>account</th><th>{}</th></tr>", escape(name));
        }
        for figure in figures {
            let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escape(&figure.name), escape(&figure.value.shown()));
            if sheet.benchmark.is_some() {
                let beside = figure.beside.as_ref().map(|value| value.shown()).unwrap_or_default();
                let _ = write!(out, "<td>{}</td>", escape(&beside));
            }
            out.push_str("</tr>");
        }
        out.push_str("</table>");
    }
    out.push_str("</div></section>");
}

fn table(out: &mut String, listing: &Listing) {
    let _ = write!(out, "<section><h2>{}</h2><div class=\"wide\"><table><tr>", escape(&listing.title));
    for column in &listing.columns {
        let _ = write!(out, "<th>{}</th>", escape(column));
    }
    out.push_str("</tr>");
    for row in &listing.rows {
        out.push_str("<tr>");
        for value in row {
            let _ = write!(out, "<td>{}</td>", escape(&value.shown()));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div></section>");
}

/// A picture whose ground, text and grid follow the page's.
fn figure(out: &mut String, title: &str, chart: &Chart) {
    let mut svg = chart.svg().to_owned();
    for (colour, name) in [(INK, "ink"), (FAINT, "faint"), (GRID, "grid")] {
        for what in ["fill", "stroke"] {
            svg = svg.replace(&format!("{what}=\"{colour}\""), &format!("style=\"{what}:var(--{name})\""));
        }
    }
    // The first rectangle is the ground.
    svg = svg.replacen("fill=\"#ffffff\"", "style=\"fill:var(--paper)\"", 1);
    let labelled = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(title));
    let _ = write!(out, "<figure>{}</figure>", svg.replacen("<svg ", &labelled, 1));
}
