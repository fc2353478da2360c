//! What an answer tells its reader to call next, held against what this caller can call: a short list of tools or a low
//! mode must not send anybody to a tool that is not there.

use std::{collections::BTreeMap, sync::LazyLock};

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

use super::QcServer;
use crate::{caller::Caller, shelf::Group, tools};

/// Every tool there is, whatever the settings, with its group.
static ALL: LazyLock<BTreeMap<String, Group>> = LazyLock::new(|| {
    let of = |shelf: &crate::shelf::Shelf| {
        let group = shelf.group;
        (shelf.tools)().list_all().into_iter().map(move |tool| (tool.name.into_owned(), group))
    };
    tools::SHELVES.iter().flat_map(of).collect()
});

/// The member of an answer that says what to call next.
const NEXT: &str = "next";

impl QcServer {
    /// Takes out of an answer what sends its reader to tools that this caller does not have; of an error, says so.
    pub(super) fn keep_to_offered(&self, caller: &Caller, result: &mut CallToolResult) {
        if result.is_error == Some(true) {
            self.explain_missing(caller, result);
            return;
        }
        let Some(ContentBlock::Text(text)) = result.content.first_mut() else { return };
        // The facts stand in a line of their own, before anything from elsewhere.
        let Some(line) = text.text.lines().take(4).find(|line| line.starts_with('{')) else { return };
        if !line.contains("\"next\":") {
            return;
        }
        let Ok(Value::Object(mut facts)) = serde_json::from_str::<Value>(line) else { return };
        let Some(next) = facts.get(NEXT).and_then(Value::as_str) else { return };
        if named(next).all(|tool| self.can_be_called(caller, tool)) {
            return;
        }
        facts.shift_remove(NEXT);
        let (before, after) = (line.to_owned(), Value::Object(facts).to_string());
        text.text = text.text.replacen(&before, &after, 1);
        if let Some(Value::Object(structured)) = &mut result.structured_content {
            structured.shift_remove(NEXT);
        }
    }

    fn explain_missing(&self, caller: &Caller, result: &mut CallToolResult) {
        let Some(ContentBlock::Text(text)) = result.content.first_mut() else { return };
        let hints: Vec<&str> = text.text.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
        let missing: Vec<(&str, Group)> = hints
            .iter()
            .flat_map(|hint| named(hint))
            .filter(|tool| !self.can_be_called(caller, tool))
            .filter_map(|tool| Some((tool, *ALL.get(tool)?)))
            .collect();
        let mut said = String::new();
        for (tool, group) in missing {
            let why = match self.settings().toolsets.offers(group, tool) {
                true => "needs a higher mode (QC_MCP_MODE)".to_owned(),
                false => format!("is not offered here: its group `{}` can be named in QC_MCP_TOOLSETS", group.id()),
            };
            if !said.contains(&format!("`{tool}`")) {
                said.push_str(&format!("\n`{tool}` {why}"));
            }
        }
        text.text.push_str(&said);
    }

    /// Whether this caller can call a tool, by its own name or through those that call others.
    fn can_be_called(&self, caller: &Caller, tool: &str) -> bool {
        self.callable(caller, tool).is_some()
    }
}

/// The tools that a text of ours names.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.contains('_') && ALL.contains_key(*word))
}
