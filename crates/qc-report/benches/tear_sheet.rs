//! How long a tear sheet of ten years of days takes: HTML, all pages as PNG, PDF.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use criterion::{Criterion, criterion_group, criterion_main};
use qc_report::{
    chart::{Form, Line, Months, Pane, Picture, Trace, Unit, Year},
    tear_sheet::{Figure, Listing, TearSheet, Value},
};
use std::hint::black_box;

const DAYS: usize = 2_520;

/// A walk that is the same on every machine.
fn walk(seed: f64) -> Vec<f64> {
    let step = |i: usize| ((seed + i as f64 * 12.9898).sin() * 43_758.545).fract() * 0.02 + 0.0003;
    let mut at = 1.0;
    (0..DAYS)
        .map(|i| {
            at *= 1.0 + step(i);
            at
        })
        .collect()
}

fn sheet() -> TearSheet {
    let labels: Vec<String> =
        (0..DAYS).map(|i| format!("{}-{:02}-{:02}", 2015 + i / 252, i / 21 % 12 + 1, i % 21 + 1)).collect();
    let line = |title: &str, panes: Vec<Pane>| {
        Picture::Line(Line { title: title.into(), labels: labels.clone(), panes, ..Line::default() })
    };
    let pane = |traces: Vec<Trace>, unit: Unit| Pane { y_label: "value".into(), unit, traces, ..Pane::default() };
    let falls: Vec<f64> = walk(3.0).iter().map(|value| -value.fract()).collect();
    let years = (2015..2025).map(|year| Year { year, months: [Some(0.0123); 12], total: 0.1 }).collect();
    TearSheet {
        title: "Ten years".into(),
        benchmark: Some("SPY".into()),
        figures: (0..24)
            .map(|i| Figure {
                beside: Some(Value::Ratio(0.5)),
                ..Figure::new(format!("figure {i}"), Value::Percent(0.1))
            })
            .collect(),
        pictures: vec![
            line(
                "Growth and falls",
                vec![
                    pane(vec![Trace::line("account", &walk(1.0)), Trace::line("SPY", &walk(2.0))], Unit::Plain),
                    pane(vec![Trace::line("account", &falls).drawn(Form::Area)], Unit::Percent),
                ],
            ),
            Picture::Months(Months { title: "Returns by month".into(), subtitle: String::new(), years }),
            line("Rolling Sharpe ratio", vec![pane(vec![Trace::line("account", &walk(4.0))], Unit::Plain)]),
            line(
                "Exposure",
                vec![pane(vec![Trace::line("long", &walk(5.0)), Trace::line("short", &falls)], Unit::Plain)],
            ),
        ],
        tables: vec![Listing {
            title: "Deepest falls".into(),
            columns: vec!["rank".into(), "depth".into()],
            rows: (0..5).map(|i| vec![Value::Count(i), Value::Percent(-0.1)]).collect(),
        }],
        ..TearSheet::default()
    }
}

fn tear_sheet(c: &mut Criterion) {
    let sheet = sheet();
    let mut group = c.benchmark_group("tear sheet of ten years");
    group.sample_size(10);
    group.bench_function("HTML", |b| b.iter(|| black_box(sheet.html().unwrap())));
    group.bench_function("PDF", |b| b.iter(|| black_box(sheet.pdf().unwrap())));
    group.bench_function("PNG of the pages", |b| {
        b.iter(|| sheet.pages().unwrap().iter().map(|page| black_box(page.png().unwrap()).len()).sum::<usize>());
    });
    group.bench_function("all of it", |b| {
        b.iter(|| {
            let pngs = sheet.pages().unwrap().iter().map(|page| black_box(page.png().unwrap()).len()).sum::<usize>();
            black_box(sheet.html().unwrap()).len() + black_box(sheet.pdf().unwrap()).len() + pngs
        });
    });
    group.finish();
}

criterion_group!(benches, tear_sheet);
criterion_main!(benches);
