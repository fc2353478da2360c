//! Prompts: a text per natural-language task, with arguments filled in. The texts are in `prompts/*.md`.

use rmcp::{
    ErrorData,
    model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role},
};

/// One argument of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name, and `{name}` in the text.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// Used when the caller gives none; without it the argument is required.
    pub default: Option<&'static str>,
}

/// One prompt.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it asks for.
    pub arguments: &'static [Argument],
    /// The text.
    pub text: &'static str,
}

const fn argument(name: &'static str, about: &'static str, default: Option<&'static str>) -> Argument {
    Argument { name, about, default }
}

const START: Argument = argument("start_date", "First day, YYYY-MM-DD", Some("2021-01-01"));
const END: Argument = argument("end_date", "Last day, YYYY-MM-DD", Some("2023-12-31"));
const PROJECT: Argument = argument("project", "Name or id of a project", None);

/// Every prompt.
pub const PROMPTS: &[Template] = &[
    Template {
        name: "factor_portfolio",
        title: "Build a factor portfolio",
        about: "What drives these symbols, which to hold, and with what weights?",
        arguments: &[
            argument("symbols", "Tickers, separated by commas", None),
            argument("benchmark", "What to measure against", Some("SPY")),
            START,
            END,
        ],
        text: include_str!("prompts/factor_portfolio.md"),
    },
    Template {
        name: "statistical_arbitrage",
        title: "Search statistical arbitrage",
        about: "Which pairs among these symbols come back to each other, and did that last?",
        arguments: &[
            argument("symbols", "Tickers, separated by commas", None),
            START,
            argument("split_date", "Last day of the fit, YYYY-MM-DD", Some("2022-12-31")),
            END,
        ],
        text: include_str!("prompts/statistical_arbitrage.md"),
    },
    Template {
        name: "experiment_sweep",
        title: "Try values of a parameter",
        about: "Backtest a project with several values of one parameter and compare",
        arguments: &[
            PROJECT,
            argument("parameter", "Name of the parameter in the code", None),
            argument("values", "Values to try, separated by commas", None),
        ],
        text: include_str!("prompts/experiment_sweep.md"),
    },
    Template {
        name: "pair_analysis",
        title: "Analyse a pair",
        about: "Are two symbols cointegrated, and can their spread be traded?",
        arguments: &[
            argument("symbol1", "First ticker, e.g. KO", None),
            argument("symbol2", "Second ticker, e.g. PEP", None),
            START,
            END,
        ],
        text: include_str!("prompts/pair_analysis.md"),
    },
    Template {
        name: "build_and_backtest",
        title: "Build and backtest a strategy",
        about: "From an idea in words to a backtest and an honest reading of it",
        arguments: &[
            argument("idea", "The strategy in a few sentences", None),
            argument("project", "Name of the project to work in", None),
            START,
            END,
        ],
        text: include_str!("prompts/build_and_backtest.md"),
    },
    Template {
        name: "deploy_and_monitor",
        title: "Deploy a strategy and watch it",
        about: "From a tested project to a running algorithm, with a preview before anything starts",
        arguments: &[PROJECT],
        text: include_str!("prompts/deploy_and_monitor.md"),
    },
    Template {
        name: "review_live_algorithms",
        title: "Review what is running",
        about: "Every running algorithm in one table, and what needs a person",
        arguments: &[argument("tail", "Newest lines of each log to read", Some("25"))],
        text: include_str!("prompts/review_live_algorithms.md"),
    },
];

impl Template {
    pub(crate) fn listed(&self) -> Prompt {
        let arguments = self
            .arguments
            .iter()
            .map(|argument| {
                PromptArgument::new(argument.name)
                    .with_description(argument.about)
                    .with_required(argument.default.is_none())
            })
            .collect();
        Prompt::new(self.name, Some(self.about), Some(arguments)).with_title(self.title)
    }

    /// The text with the caller's arguments in it.
    fn filled(&self, given: &JsonObject) -> Result<String, ErrorData> {
        if let Some(unknown) = given.keys().find(|key| self.arguments.iter().all(|argument| argument.name != *key)) {
            let known: Vec<&str> = self.arguments.iter().map(|argument| argument.name).collect();
            return Err(ErrorData::invalid_params(
                format!("unknown argument `{}`; known: {}", crate::args::quote(unknown), known.join(", ")),
                None,
            ));
        }
        let mut text = self.text.to_owned();
        for argument in self.arguments {
            let value =
                given.get(argument.name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let value = value.filter(|value| !value.trim().is_empty()).or_else(|| argument.default.map(str::to_owned));
            let Some(value) = value else {
                return Err(ErrorData::invalid_params(
                    format!("missing argument `{}`: {}", argument.name, argument.about),
                    None,
                ));
            };
            // What a person typed holds no placeholder of ours.
            let value = plain(value.trim()).replace(['{', '}'], "");
            text = text.replace(&format!("{{{}}}", argument.name), &value);
        }
        Ok(text)
    }
}

/// Whether a prompt names a tool, so that a list which offers the prompt must offer the tool.
pub(crate) fn name(tool: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    PROMPTS.iter().any(|prompt| prompt.text.split(|c| !is_part(c)).any(|word| word == tool))
}

/// What a person typed, in one line and within reason.
fn plain(text: &str) -> String {
    /// Room for an idea in a few sentences.
    const LONGEST: usize = 2_000;
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// The prompt of that name, filled.
pub(crate) fn get(name: &str, given: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let Some(prompt) = PROMPTS.iter().find(|prompt| prompt.name == name) else {
        let known: Vec<&str> = PROMPTS.iter().map(|prompt| prompt.name).collect();
        return Err(ErrorData::invalid_params(format!("unknown prompt; known: {}", known.join(", ")), None));
    };
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, prompt.filled(given)?)])
        .with_description(prompt.about))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: serde_json::Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_placeholder_is_an_argument_and_every_argument_is_used() {
        for prompt in PROMPTS {
            for argument in prompt.arguments {
                assert!(prompt.text.contains(&format!("{{{}}}", argument.name)), "{} {}", prompt.name, argument.name);
            }
            let all: JsonObject =
                prompt.arguments.iter().map(|argument| (argument.name.to_owned(), json!("X"))).collect();
            assert!(!prompt.filled(&all).unwrap().contains('{'), "{}", prompt.name);
        }
    }

    #[test]
    fn missing_and_unknown_arguments_are_named() {
        let error = get("pair_analysis", &given(json!({"symbol1": "KO"}))).unwrap_err();
        assert!(error.message.contains("symbol2"), "{error}");
        let error = get("pair_analysis", &given(json!({"symbol1": "KO", "symbol2": "PEP", "x": 1}))).unwrap_err();
        assert!(error.message.contains("unknown argument"), "{error}");
    }
}
