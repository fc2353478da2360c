//! The first obvious mistake of a file: what a build would stop at.

use super::tokens::{Kind, Tokens};
use super::{BuildError, Source, is_code, is_python};

/// The first obvious mistake of each code file.
pub(crate) fn check(files: &[Source<'_>]) -> Vec<BuildError> {
    files.iter().filter(|file| is_code(file.name)).filter_map(check_file).collect()
}

fn check_file(file: &Source<'_>) -> Option<BuildError> {
    let python = is_python(file.name);
    let error = |line: usize, column: usize, message: String| {
        Some(BuildError { file: file.name.to_owned(), line, column, message })
    };
    let tokens = Tokens::of(file);
    let mut open: Vec<(char, usize, usize)> = Vec::new();
    for token in &tokens.all {
        match &token.kind {
            Kind::Mark(c @ ('(' | '[' | '{')) => open.push((*c, token.line, token.column)),
            Kind::Mark(c @ (')' | ']' | '}')) => match open.pop() {
                Some((opening, ..)) if closes(opening) == *c => {}
                Some((opening, line, _)) => {
                    return error(
                        token.line,
                        token.column,
                        format!(
                            "closing parenthesis '{c}' does not match opening parenthesis '{opening}' on line {line}"
                        ),
                    );
                }
                None => return error(token.line, token.column, format!("unmatched '{c}'")),
            },
            Kind::Word(word) if word == "SYNTAX_ERROR" => {
                return error(token.line, token.column, "invalid syntax".to_owned());
            }
            _ => {}
        }
    }
    if let Some((line, column)) = tokens.unterminated {
        return error(line, column, "unterminated string literal".to_owned());
    }
    if let Some((opening, line, column)) = open.pop() {
        return error(line, column, format!("'{opening}' was never closed"));
    }
    if python {
        missing_colon(&tokens).and_then(|(line, column)| error(line, column, "expected ':'".to_owned()))
    } else {
        None
    }
}

fn closes(opening: char) -> char {
    match opening {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// A line that begins a block but has no colon anywhere outside brackets.
fn missing_colon(tokens: &Tokens) -> Option<(usize, usize)> {
    let mut depth = 0_i32;
    let mut block: Option<(usize, usize, bool)> = None;
    let mut line = 0;
    for token in &tokens.all {
        if token.line != line && depth == 0 {
            if let Some((line, column, false)) = block {
                return Some((line, column));
            }
            block = match &token.kind {
                Kind::Word(word)
                    if ["def", "class", "if", "elif", "else", "for", "while", "try"].contains(&word.as_str()) =>
                {
                    Some((token.line, token.column, false))
                }
                _ => None,
            };
        }
        // Inside brackets a statement goes on over the end of its line.
        line = token.line;
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            Kind::Mark(':') if depth == 0 => {
                if let Some((_, _, seen)) = &mut block {
                    *seen = true;
                }
            }
            // A continued line keeps its statement open.
            Kind::Mark('\\') => line = token.line + 1,
            _ => {}
        }
    }
    block.and_then(|(line, column, seen)| (!seen).then_some((line, column)))
}
