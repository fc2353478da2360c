//! Git-style unified diffs: read, and applied only where every line matches.

/// The changes of one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) file: String,
    hunks: Vec<Hunk>,
}

#[derive(Debug, Clone, PartialEq)]
struct Hunk {
    /// First line of the old text, counted from 1.
    start: usize,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq)]
enum Line {
    Same(String),
    Gone(String),
    New(String),
}

/// Reads a diff; it must hold at least one change.
pub(crate) fn parse(patch: &str) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    let mut old_name: Option<String> = None;
    // Lines of the old and the new text that the open hunk still has to name.
    let (mut old_left, mut new_left) = (0_usize, 0_usize);
    for line in patch.lines() {
        let hunk = changes.last_mut().and_then(|change| change.hunks.last_mut());
        match (hunk, line.chars().next()) {
            (Some(hunk), first) if 0 < old_left + new_left => {
                let text = line.get(1..).unwrap_or_default().to_owned();
                let (line, old, new) = match first {
                    // Editors strip the space of an empty line that stays.
                    Some(' ') | None => (Line::Same(text), 1, 1),
                    Some('-') => (Line::Gone(text), 1, 0),
                    Some('+') => (Line::New(text), 0, 1),
                    Some('\\') => continue,
                    Some(other) => return Err(format!("a line of a hunk begins with {other:?}")),
                };
                old_left = old_left.checked_sub(old).ok_or("a hunk is longer than its header says")?;
                new_left = new_left.checked_sub(new).ok_or("a hunk is longer than its header says")?;
                hunk.lines.push(line);
            }
            _ if line.starts_with("--- ") => old_name = Some(file_name(line)),
            _ if line.starts_with("+++ ") => {
                let new_name = file_name(line);
                let old = old_name.take().ok_or("+++ comes without ---")?;
                if old != new_name {
                    return Err(format!(
                        "{old} cannot become {new_name}: files are created and renamed by other calls"
                    ));
                }
                changes.push(Change { file: new_name, hunks: Vec::new() });
            }
            _ if line.starts_with("@@") => {
                let change = changes.last_mut().ok_or("a hunk comes before its file")?;
                let (start, old, new) = header(line).ok_or_else(|| format!("not a hunk header: {line}"))?;
                (old_left, new_left) = (old, new);
                change.hunks.push(Hunk { start, lines: Vec::new() });
            }
            _ => {}
        }
    }
    if 0 < old_left + new_left {
        return Err("the last hunk is shorter than its header says".to_owned());
    }
    if changes.iter().all(|change| change.hunks.is_empty()) {
        return Err("no hunk found".to_owned());
    }
    Ok(changes)
}

/// The new text, if every line of the old one stands where the diff says.
pub(crate) fn apply(change: &Change, text: &str) -> Result<String, String> {
    let old: Vec<&str> = text.split('\n').collect();
    let mut new: Vec<&str> = Vec::with_capacity(old.len());
    let mut at = 0;
    for hunk in &change.hunks {
        let adds_only = hunk.lines.iter().all(|line| matches!(line, Line::New(_)));
        // A hunk without old lines names the line after which it goes.
        let start = if adds_only { hunk.start } else { hunk.start.saturating_sub(1) };
        new.extend(old.get(at..start).ok_or_else(|| format!("{} has no line {}", change.file, hunk.start))?);
        at = start;
        for line in &hunk.lines {
            match line {
                Line::New(text) => new.push(text),
                Line::Same(text) | Line::Gone(text) => {
                    let found = old.get(at).copied();
                    if found.map(|found| found.trim_end_matches('\r')) != Some(text.trim_end_matches('\r')) {
                        return Err(format!("line {} of {} does not match", at + 1, change.file));
                    }
                    if matches!(line, Line::Same(_)) {
                        new.extend(found);
                    }
                    at += 1;
                }
            }
        }
    }
    new.extend(old.get(at..).unwrap_or_default());
    Ok(new.join("\n"))
}

/// `--- a/main.py` names `main.py`.
fn file_name(line: &str) -> String {
    let name = line.get(4..).unwrap_or_default();
    let name = name.split('\t').next().unwrap_or_default().trim();
    name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name).to_owned()
}

/// `@@ -3,2 +3,4 @@` is (3, 2, 4); a missing count is 1.
fn header(line: &str) -> Option<(usize, usize, usize)> {
    let mut parts = line.strip_prefix("@@ -")?.split(" @@").next()?.split(" +");
    let range = |part: &str| -> Option<(usize, usize)> {
        let (start, count) = part.split_once(',').unwrap_or((part, "1"));
        Some((start.trim().parse().ok()?, count.trim().parse().ok()?))
    };
    let (start, old) = range(parts.next()?)?;
    let (_, new) = range(parts.next()?)?;
    Some((start, old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwo\nthree\nfour\n";
    const PATCH: &str = "diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -2,2 +2,3 @@\n two\n-three\n+3\n+3.5\n";

    #[test]
    fn replaces_and_adds_lines_where_the_old_ones_match() {
        let changes = parse(PATCH).unwrap();
        assert_eq!(changes[0].file, "x.py");
        assert_eq!(apply(&changes[0], TEXT).unwrap(), "one\ntwo\n3\n3.5\nfour\n");
    }

    #[test]
    fn a_second_application_no_longer_matches() {
        let changes = parse(PATCH).unwrap();
        let once = apply(&changes[0], TEXT).unwrap();
        assert_eq!(apply(&changes[0], &once), Err("line 3 of x.py does not match".to_owned()));
    }

    #[test]
    fn adds_after_the_named_line() {
        let changes = parse("--- a/x\n+++ b/x\n@@ -4,0 +5 @@\n+five\n").unwrap();
        assert_eq!(apply(&changes[0], TEXT).unwrap(), "one\ntwo\nthree\nfour\nfive\n");
    }

    #[test]
    fn what_is_no_diff_is_refused() {
        assert!(parse("hello").is_err());
        assert!(parse("--- a/x\n+++ b/x\n@@ -1,5 +1,5 @@\n one\n").is_err());
    }
}
