//! One file per tool: a change of a tool shows in the diff, and nobody changes one by accident.

use crate::everything;
use serde_json::json;
use support::snapshot::Snapshots;

#[test]
fn tools_are_as_accepted() {
    let mut snapshots = Snapshots::open("tests/surface/snapshots");
    for (facts, tool) in everything().tools() {
        let value = json!({"group": facts.group.id(), "access": facts.access.id(), "tool": tool});
        snapshots.json(&facts.name, &value);
    }
    snapshots.finish();
}
