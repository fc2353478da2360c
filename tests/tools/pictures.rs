//! Are pictures drawn from whatever may come: one point, equal values, long and hostile names, few and many symbols, and
//! are their labels really there, on a machine without fonts? With `QC_TEST_PICTURES=folder` they are written there, to
//! be looked at.

use qc_report::chart::{Chart, Form, HeatMap, Line, Mark, Pane, Picture, Scree, Trace, Unit};
use resvg::tiny_skia::Pixmap;

/// Draws a picture, renders it and (if asked) keeps it to be looked at.
fn rendered(name: &str, picture: &Picture) -> (Chart, Pixmap) {
    let chart = picture.draw().unwrap();
    let png = chart.png().unwrap();
    if let Some(folder) = std::env::var_os("QC_TEST_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), &png).unwrap();
    }
    assert!(png.len() <= 150_000, "{name}: {} bytes", png.len());
    let pixels = Pixmap::decode_png(&png).unwrap();
    (chart, pixels)
}

/// Pixels darker than the grid within a part of the picture: those of text where nothing else is drawn.
pub fn dark(pixels: &Pixmap, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> usize {
    let is_dark = |x, y| {
        pixels.pixel(x, y).is_some_and(|p| u32::from(p.red()) + u32::from(p.green()) + u32::from(p.blue()) < 480)
    };
    rows.flat_map(|y| columns.clone().map(move |x| (x, y))).filter(|(x, y)| is_dark(*x, *y)).count()
}

fn days(n: usize) -> Vec<String> {
    let first = jiff::civil::date(2020, 1, 2);
    (0..n).map(|i| first.checked_add(jiff::Span::new().days(i as i64)).unwrap().to_string()).collect()
}

fn walk(seed: f64, n: usize) -> Vec<f64> {
    let mut at = 1.0;
    (0..n)
        .map(|i| {
            let noise = ((seed + i as f64 * 12.9898).sin() * 43_758.545).fract();
            at *= 1.0 + 0.02 * noise + 0.0002;
            at
        })
        .collect()
}

fn line(title: &str, n: usize, panes: Vec<Pane>) -> Line {
    Line {
        title: title.to_owned(),
        subtitle: "SYNTHETIC data, simple returns, 2020-01-02 to 2021-12-31".to_owned(),
        labels: days(n),
        panes,
        marks: Vec::new(),
    }
}

fn pane(y_label: &str, traces: Vec<Trace>) -> Pane {
    Pane { y_label: y_label.to_owned(), traces, ..Pane::default() }
}

#[test]
fn equity_and_its_falls_are_drawn_with_legible_labels() {
    let (own, market) = (walk(1.0, 700), walk(5.0, 700));
    let mut peak = 0.0_f64;
    let falls: Vec<f64> = own
        .iter()
        .map(|v| {
            peak = peak.max(*v);
            v / peak - 1.0
        })
        .collect();
    let below = Pane { unit: Unit::Percent, ..pane("below peak", vec![Trace::line("fall", &falls).drawn(Form::Area)]) };
    let mut picture = line(
        "Growth of 1: portfolio and SPY",
        700,
        vec![pane("value of 1", vec![Trace::line("portfolio", &own), Trace::line("SPY", &market)]), below],
    );
    picture.marks.push(Mark { row: 500, text: "fitted before, held out from here".to_owned() });
    let (chart, pixels) = rendered("equity", &Picture::Line(picture));
    assert_eq!((pixels.width(), pixels.height()), (960, 540));
    assert!(400 < dark(&pixels, 20..600, 15..45), "the title");
    assert!(250 < dark(&pixels, 20..600, 46..70), "the line below it");
    assert!(100 < dark(&pixels, 0..26, 90..500), "the names of the scales");
    assert!(150 < dark(&pixels, 60..940, 500..530), "the dates");
    assert!(chart.svg().contains("−"), "falls have a minus sign on their scale");
}

#[test]
fn minus_signs_stand_on_the_left_axis() {
    let of = |sign: f64| {
        let values: Vec<f64> = (0..100).map(|i| sign * (1.0 + f64::from(i) / 25.0)).collect();
        rendered("minus", &Picture::Line(line("x", 100, vec![pane("y", vec![Trace::line("a", &values)])]))).1
    };
    let (plus, minus) = (of(1.0), of(-1.0));
    // The numbers end at the same place; the sign stands before them.
    let found = (dark(&minus, 26..80, 90..500), dark(&plus, 26..80, 90..500));
    assert!(found.1 + 20 < found.0, "{found:?}");
}

#[test]
fn spreads_have_their_bands() {
    let n = 500;
    let spread: Vec<f64> =
        walk(3.0, n).iter().enumerate().map(|(i, v)| 0.05 * (v - 1.0) - 0.02 * (i as f64 / 40.0).sin()).collect();
    let fixed =
        Pane { bands: vec![Some((0.0, 0.012)); n], ..pane("log price", vec![Trace::line("KO on PEP", &spread)]) };
    rendered(
        "spread",
        &Picture::Line(line("Spread of KO and PEP with bands of 1 and 2 standard deviations", n, vec![fixed])),
    );
    // A filter: wide at first, nothing known before.
    let bands = (0..n).map(|i| (10 <= i).then(|| (0.0, 0.01 + 3.0 / (i as f64).powi(2)))).collect();
    let moving = Pane { bands, ..pane("log price", vec![Trace::line("prediction error", &spread)]) };
    let ratio = pane("hedge ratio", vec![Trace::line("hedge ratio", &walk(9.0, n))]);
    let zone = Pane {
        levels: vec![-2.0, 2.0],
        ..pane("z", vec![Trace::line("z", &spread.iter().map(|s| s / 0.012).collect::<Vec<_>>())])
    };
    rendered("kalman", &Picture::Line(line("Prediction error of KO on PEP", n, vec![moving, ratio, zone])));
}

#[test]
fn heat_maps_of_two_and_of_sixty_names_are_labelled() {
    for (n, names) in [(2, "pair"), (8, "eight"), (60, "sixty"), (100, "hundred")] {
        let values = (0..n * n)
            .map(|at| {
                let (i, j) = (at / n, at % n);
                if i == j { 1.0 } else { ((i * j) as f64 * 0.7).sin() * 0.9 }
            })
            .collect();
        let symbols = (0..n).map(|i| format!("SYM{i}")).collect();
        let map = HeatMap {
            title: "Pearson correlation of simple returns".into(),
            subtitle: format!("{n} symbols"),
            names: symbols,
            values,
        };
        let (chart, pixels) = rendered(names, &Picture::HeatMap(map));
        assert!(100 < dark(&pixels, 20..80, 90..pixels.height()), "{n}: names of the rows");
        assert!(chart.svg().contains("SYM0<"));
    }
}

#[test]
fn screes_name_their_components() {
    for n in [1, 3, 12, 40] {
        let ratios: Vec<f64> = (0..n).map(|i| 0.6_f64.powi(i)).collect();
        let total: f64 = ratios.iter().sum();
        let ratios: Vec<f64> = ratios.iter().map(|r| r / total).collect();
        let cumulative: Vec<f64> = ratios
            .iter()
            .scan(0.0, |sum, r| {
                *sum += r;
                Some(*sum)
            })
            .collect();
        let scree = Scree {
            title: "Variance explained by principal components".into(),
            subtitle: "of 3 symbols, correlation mode".into(),
            ratios,
            cumulative,
        };
        let (_, pixels) = rendered(&format!("scree{n}"), &Picture::Scree(scree));
        assert!(20 < dark(&pixels, 60..940, 495..520), "{n}: names of the bars");
    }
}

#[test]
fn odd_series_are_drawn_and_impossible_ones_refused() {
    for (name, values) in [
        ("one", vec![3.0]),
        ("equal", vec![7.5; 30]),
        ("zero", vec![0.0; 30]),
        ("huge", vec![1e17, 1.0000001e17]),
        ("tiny", vec![-1e-9, 2e-9, 0.0]),
        ("money", vec![100_000.0, 1_234_567.0, 987_654.0]),
    ] {
        let picture = line(name, values.len(), vec![pane("value", vec![Trace::line("a", &values)])]);
        let (_, pixels) = rendered(name, &Picture::Line(picture));
        assert!(30 < dark(&pixels, 26..140, 90..500), "{name}: numbers on the scale");
    }
    let gaps = Trace { name: "gaps".into(), values: vec![None, Some(1.0), None, Some(2.0), None], form: Form::Dots };
    rendered("gaps", &Picture::Line(line("gaps", 5, vec![pane("value", vec![gaps])])));
    let refused = |values: &[f64], n: usize| {
        let picture = line("x", n, vec![pane("value", vec![Trace::line("a", values)])]);
        Picture::Line(picture).draw().unwrap_err().to_string()
    };
    assert_eq!(refused(&[1.0, f64::NAN], 2), "a line has no finite value in row 1");
    assert_eq!(refused(&[1.0], 2), "a line, one value per label needs 2 values, found 1");
    assert_eq!(refused(&[], 0), "a line has no values to draw");
    let many = HeatMap {
        title: "x".into(),
        subtitle: String::new(),
        names: vec!["A".into(); 101],
        values: vec![0.0; 101 * 101],
    };
    assert_eq!(many.draw().unwrap_err().to_string(), "at most 100 names of a heat map fit into one picture, found 101");
}

#[test]
fn hostile_and_long_names_stay_text_inside_the_picture() {
    let hostile = "</text><script>alert('x')</script><image href=\"http://evil/x.png\"/>&\u{202e}\u{1b}[31m".to_owned();
    let long = "a name of a strategy that somebody found good and nobody could stop from writing on and on and on and on and on";
    let values = walk(2.0, 50);
    let traces = vec![
        Trace::line(hostile.clone(), &values),
        Trace::line(long, &walk(3.0, 50)),
        Trace::line("SPY", &walk(4.0, 50)),
        Trace::line(long, &walk(8.0, 50)),
    ];
    let mut picture = line(&hostile, 50, vec![pane(&hostile, traces)]);
    picture.marks.push(Mark { row: 49, text: hostile.clone() });
    picture.labels[0] = hostile.clone();
    let names = vec![hostile.clone(), long.to_owned(), "SPY".to_owned()];
    let map = HeatMap {
        title: long.repeat(2),
        subtitle: hostile.clone(),
        names,
        values: vec![1.0, -0.5, 0.2, -0.5, 1.0, 0.0, 0.2, 0.0, 1.0],
    };
    for (name, picture) in [("hostile", Picture::Line(picture)), ("hostile-map", Picture::HeatMap(map))] {
        let (chart, _) = rendered(name, &picture);
        let svg = chart.svg();
        for bad in ["<script", "<image", "href", "\u{202e}", "\u{1b}", "http://evil"] {
            let inside = svg.replace("http://www.w3.org/2000/svg", "");
            assert!(!inside.contains(bad) || bad == "href" || bad == "http://evil", "{name}: {bad}");
        }
        // What looks like an element of the caller's is text: every angle bracket opens one of ours.
        let ours = ["svg", "/svg", "rect", "line", "polyline", "polygon", "circle", "text", "/text"];
        for part in svg.split('<').skip(1) {
            let word: String = part.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '/').collect();
            assert!(ours.contains(&word.trim_end_matches('/')), "{name}: <{word}");
        }
    }
}
