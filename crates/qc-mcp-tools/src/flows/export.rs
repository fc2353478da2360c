//! A strategy as LEAN code: target weights on a schedule, a pair, and the container file that runs a project elsewhere.
//!
//! The programs are files of Python beside this one, checked as they are against LEAN's stubs; only the lines between their
//! marks are written anew.

use jiff::civil::Date;

use crate::{args::quote, error::ToolError, reply};

const WEIGHTS: &str = include_str!("export/target_weights.py");
const PAIRS: &str = include_str!("export/pairs.py");
const BEGIN: &str = "# Settings of export_strategy: begin\n";
const END: &str = "# Settings of export_strategy: end\n";
/// LEAN's image of the day this was written, pinned; another is named by the caller.
pub(crate) const LEAN_IMAGE: &str = "quantconnect/lean:17000";

/// When weights are traded back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rebalance {
    /// Never.
    None,
    /// On the first day of each week.
    Weekly,
    /// Of each month.
    #[default]
    Monthly,
    /// Of each quarter.
    Quarterly,
}

impl Rebalance {
    fn word(self) -> &'static str {
        match self {
            Rebalance::None => "none",
            Rebalance::Weekly => "weekly",
            Rebalance::Monthly => "monthly",
            Rebalance::Quarterly => "quarterly",
        }
    }
}

/// What both kinds of strategy have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common {
    pub(crate) start: Date,
    pub(crate) end: Date,
    pub(crate) cash: f64,
    /// Fall from the highest value at which everything is sold; 0 is none.
    pub(crate) max_loss: f64,
}

impl Common {
    fn check(&self) -> Result<(), ToolError> {
        if self.end <= self.start {
            return Err(wrong(format!("start_date {} is not before end_date {}", self.start, self.end)));
        }
        if !(1.0..=1e12).contains(&self.cash) {
            return Err(wrong(format!("cash lies between 1 and 1e12, found {}", self.cash)));
        }
        if !(0.0..1.0).contains(&self.max_loss) {
            return Err(wrong(format!("max_loss is a fraction below 1, such as 0.1, found {}", self.max_loss)));
        }
        Ok(())
    }

    fn lines(&self) -> String {
        let day = |date: Date| format!("({}, {}, {})", date.year(), date.month(), date.day());
        format!(
            "START: tuple[int, int, int] = {}\nEND: tuple[int, int, int] = {}\nCASH: int = {:.0}\nMAX_LOSS: float = {:?}\n",
            day(self.start),
            day(self.end),
            self.cash,
            self.max_loss
        )
    }
}

/// A pair with its relation.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) y: String,
    pub(crate) x: String,
    pub(crate) intercept: f64,
    pub(crate) hedge_ratio: f64,
    pub(crate) spread_std: f64,
    pub(crate) entry_z: f64,
    pub(crate) exit_z: f64,
    pub(crate) stop_z: f64,
    pub(crate) confirm_days: u32,
    pub(crate) max_days: u32,
    pub(crate) gross: f64,
}

fn wrong(message: String) -> ToolError {
    ToolError::argument(format!("{message}; nothing was written"))
}

/// A ticker as it may stand in code: nothing that could be more than a name.
fn ticker(text: &str) -> Result<String, ToolError> {
    let name = text.trim().to_ascii_uppercase();
    let plain =
        reply::is_ticker(&name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if plain { Ok(name) } else { Err(wrong(format!("`{}` is no ticker of a US share", quote(text)))) }
}

fn finite(name: &str, value: f64) -> Result<f64, ToolError> {
    if value.is_finite() { Ok(value) } else { Err(wrong(format!("{name} is no number"))) }
}

/// The program that holds weights.
///
/// # Errors
/// Names that are no tickers, weights that are none, nothing to hold.
pub(crate) fn target_weights(
    weights: &[(String, f64)],
    rebalance: Rebalance,
    benchmark: Option<&str>,
    common: &Common,
) -> Result<String, ToolError> {
    /// More cannot be subscribed to in minutes, and no account needs them here.
    const MOST: usize = 500;
    const MOST_GROSS: f64 = 4.0;
    common.check()?;
    let held: Vec<(String, f64)> = weights
        .iter()
        .filter(|(_, weight)| *weight != 0.0)
        .map(|(name, weight)| Ok((ticker(name)?, finite("a weight", *weight)?)))
        .collect::<Result<_, ToolError>>()?;
    if held.is_empty() || MOST < held.len() {
        return Err(wrong(format!("1 to {MOST} weights other than zero are needed, found {}", held.len())));
    }
    if let Some(twice) = (1..held.len()).find(|at| {
        held.get(..*at)
            .is_some_and(|before| before.iter().any(|(name, _)| Some(name) == held.get(*at).map(|(name, _)| name)))
    }) {
        return Err(wrong(format!(
            "{} has two weights",
            held.get(twice).map_or("a ticker", |(name, _)| name.as_str())
        )));
    }
    let gross: f64 = held.iter().map(|(_, weight)| weight.abs()).sum();
    if MOST_GROSS < gross {
        return Err(wrong(format!("the weights have a gross exposure of {gross:.2}, {MOST_GROSS} is the most")));
    }
    let benchmark = match benchmark {
        Some(name) => ticker(name)?,
        None => "SPY".to_owned(),
    };
    let rows: Vec<String> = held.iter().map(|(name, weight)| format!("    \"{name}\": {weight:?},\n")).collect();
    let settings = format!(
        "WEIGHTS: dict[str, float] = {{\n{}}}\nREBALANCE: str = \"{}\"\nBENCHMARK: str = \"{benchmark}\"\n{}",
        rows.concat(),
        rebalance.word(),
        common.lines()
    );
    Ok(filled(WEIGHTS, &settings))
}

/// The program that trades a pair.
///
/// # Errors
/// Names that are no tickers, a relation or thresholds that cannot be.
pub(crate) fn pairs(pair: &Pair, common: &Common) -> Result<String, ToolError> {
    common.check()?;
    let (y, x) = (ticker(&pair.y)?, ticker(&pair.x)?);
    if y == x {
        return Err(wrong(format!("a pair is of two tickers, found {y} twice")));
    }
    for (name, value) in [("intercept", pair.intercept), ("hedge_ratio", pair.hedge_ratio)] {
        finite(name, value)?;
    }
    if pair.hedge_ratio == 0.0 {
        return Err(wrong("hedge_ratio is 0: that is no pair".into()));
    }
    if !(pair.spread_std.is_finite() && 0.0 < pair.spread_std) {
        return Err(wrong(format!("spread_std is above 0, found {}", pair.spread_std)));
    }
    let in_order = pair.exit_z < pair.entry_z && pair.entry_z < pair.stop_z;
    if ![pair.exit_z, pair.entry_z, pair.stop_z].into_iter().all(f64::is_finite) || !in_order || pair.entry_z <= 0.0 {
        return Err(wrong(format!(
            "exit_z < entry_z < stop_z with entry_z above 0 is needed, found {}, {}, {}",
            pair.exit_z, pair.entry_z, pair.stop_z
        )));
    }
    if !(0.0 < pair.gross && pair.gross <= 4.0) {
        return Err(wrong(format!("gross lies above 0 and at most 4, found {}", pair.gross)));
    }
    if pair.confirm_days == 0 || pair.max_days == 0 {
        return Err(wrong("confirm_days and max_days are at least 1".into()));
    }
    let settings = format!(
        "Y: str = \"{y}\"\nX: str = \"{x}\"\nINTERCEPT: float = {:?}\nHEDGE_RATIO: float = {:?}\nSPREAD_STD: float = {:?}\n\
         ENTRY_Z: float = {:?}\nEXIT_Z: float = {:?}\nSTOP_Z: float = {:?}\nCONFIRM_DAYS: int = {}\nMAX_DAYS: int = {}\n\
         GROSS: float = {:?}\n{}",
        pair.intercept,
        pair.hedge_ratio,
        pair.spread_std,
        pair.entry_z,
        pair.exit_z,
        pair.stop_z,
        pair.confirm_days,
        pair.max_days,
        pair.gross,
        common.lines()
    );
    Ok(filled(PAIRS, &settings))
}

/// The program with other settings.
fn filled(program: &str, settings: &str) -> String {
    let (head, rest) = program.split_once(BEGIN).unwrap_or((program, ""));
    let tail = rest.split_once(END).map_or("", |(_, tail)| tail);
    format!("{head}{BEGIN}{settings}{END}{tail}")
}

/// A container that runs a project's code in LEAN, with the commands a user gives.
///
/// # Errors
/// A word that is no image.
pub(crate) fn dockerfile(image: Option<&str>) -> Result<String, ToolError> {
    let image = image.map(str::trim).filter(|image| !image.is_empty()).unwrap_or(LEAN_IMAGE);
    let plain =
        image.len() <= 200 && image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/:.-_@".contains(&byte));
    if !plain || !image.contains([':', '@']) {
        return Err(wrong(format!("`{}` is no image with a tag or digest, such as {LEAN_IMAGE}", quote(image))));
    }
    Ok(format!(
        "# Written by export_strategy. Build it beside a folder `project` with the project's files (sync_project brings them)\n\
         # and run it with a LEAN data folder of your own:\n\
         #   docker build -t strategy .\n\
         #   docker run --rm -v /path/to/data:/Lean/Data:ro -v \"$PWD/results:/Results\" strategy\n\
         FROM {image}\n\
         COPY project/ /Lean/Algorithm.Python/\n\
         WORKDIR /Lean/Launcher/bin/Debug\n\
         ENTRYPOINT [\"dotnet\", \"QuantConnect.Lean.Launcher.dll\", \"--algorithm-location\", \"/Lean/Algorithm.Python/main.py\", \\\n\
         \x20   \"--algorithm-language\", \"Python\", \"--data-folder\", \"/Lean/Data\", \"--results-destination-folder\", \"/Results\", \\\n\
         \x20   \"--close-automatically\", \"true\"]\n"
    ))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const COMMON: Common = Common { start: date(2020, 1, 1), end: date(2021, 1, 1), cash: 1e5, max_loss: 0.1 };

    fn pair() -> Pair {
        Pair {
            y: "ko".into(),
            x: "PEP".into(),
            intercept: 0.1,
            hedge_ratio: 0.8,
            spread_std: 0.02,
            entry_z: 2.0,
            exit_z: 0.5,
            stop_z: 4.0,
            confirm_days: 2,
            max_days: 10,
            gross: 1.0,
        }
    }

    #[test]
    fn only_the_settings_differ_from_what_was_checked() {
        let weights = [("spy".to_owned(), 0.6), ("BRK.B".to_owned(), -0.25), ("X".to_owned(), 0.0)];
        let code = target_weights(&weights, Rebalance::Quarterly, Some("iwm"), &COMMON).unwrap();
        for line in [
            "    \"SPY\": 0.6,",
            "    \"BRK.B\": -0.25,",
            "REBALANCE: str = \"quarterly\"",
            "BENCHMARK: str = \"IWM\"",
            "CASH: int = 100000",
            "MAX_LOSS: float = 0.1",
        ] {
            assert!(code.lines().any(|known| known == line), "{line}\n{code}");
        }
        assert!(!code.contains("\"X\""));
        let outside = |text: &str| {
            let (head, rest) = text.split_once(BEGIN).unwrap();
            head.to_owned() + rest.split_once(END).unwrap().1
        };
        assert_eq!(outside(&code), outside(WEIGHTS));
        let code = pairs(&pair(), &COMMON).unwrap();
        assert!(code.contains("Y: str = \"KO\"") && code.contains("CONFIRM_DAYS: int = 2"));
        assert_eq!(outside(&code), outside(PAIRS));
        // The settings that are written are those the program has.
        let names = |text: &str| -> Vec<String> {
            let inside = text.split_once(BEGIN).unwrap().1.split_once(END).unwrap().0;
            inside
                .lines()
                .filter_map(|line| line.split_once(':'))
                .filter(|(name, _)| !name.starts_with(' '))
                .map(|(name, _)| name.to_owned())
                .collect()
        };
        assert_eq!(names(&code), names(PAIRS));
    }

    #[test]
    fn text_that_could_be_code_is_refused() {
        for bad in ["SPY\"; import os", "A B", "", "SPY\\n", "S'PY"] {
            assert!(target_weights(&[(bad.to_owned(), 1.0)], Rebalance::None, None, &COMMON).is_err(), "{bad}");
            assert!(pairs(&Pair { y: bad.to_owned(), ..pair() }, &COMMON).is_err(), "{bad}");
        }
        let one = |weight| target_weights(&[("SPY".to_owned(), weight)], Rebalance::None, None, &COMMON);
        for bad in [f64::NAN, 0.0, 9.0] {
            assert!(one(bad).is_err(), "{bad}");
        }
        let twice = [("SPY".to_owned(), 0.5), ("spy".to_owned(), 0.5)];
        assert!(target_weights(&twice, Rebalance::None, None, &COMMON).unwrap_err().message.contains("two weights"));
        for bad in [
            Pair { hedge_ratio: 0.0, ..pair() },
            Pair { spread_std: -1.0, ..pair() },
            Pair { exit_z: 2.0, ..pair() },
            Pair { x: "KO".into(), ..pair() },
            Pair { gross: 9.0, ..pair() },
            Pair { max_days: 0, ..pair() },
        ] {
            assert!(pairs(&bad, &COMMON).is_err(), "{bad:?}");
        }
        assert!(pairs(&pair(), &Common { max_loss: 1.0, ..COMMON }).is_err());
        assert!(dockerfile(Some("lean; rm -rf /")).is_err() && dockerfile(Some("lean")).is_err());
        assert!(dockerfile(None).unwrap().contains(&format!("FROM {LEAN_IMAGE}\n")));
    }
}
