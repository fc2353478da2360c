//! Python and C# in pieces: words, numbers, texts and marks, with their places. Comments are left out.

use super::{Source, is_python};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Number(String),
    Text(String),
    Mark(char),
}

pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    /// A text that never ends: where it begins.
    pub(super) unterminated: Option<(usize, usize)>,
}

impl Tokens {
    pub(super) fn of(file: &Source<'_>) -> Self {
        let mut reader = Reader { rest: file.text.chars().peekable(), line: 1, column: 0 };
        let python = is_python(file.name);
        let mut tokens = Self { all: Vec::new(), unterminated: None };
        while let Some(first) = reader.next() {
            let (line, column) = (reader.line, reader.column - 1);
            let kind = match first {
                '\n' => {
                    reader.line += 1;
                    reader.column = 0;
                    continue;
                }
                _ if first.is_whitespace() => continue,
                // A comment in Python, a directive in C#.
                '#' => {
                    reader.skip_line();
                    continue;
                }
                '/' if !python && reader.rest.peek() == Some(&'/') => {
                    reader.skip_line();
                    continue;
                }
                '/' if !python && reader.rest.peek() == Some(&'*') => {
                    reader.skip_comment();
                    continue;
                }
                '@' | '$' if !python && reader.opens_text() => match reader.prefixed(first) {
                    Some(text) => Kind::Text(text),
                    None => {
                        tokens.unterminated = Some((line, column));
                        break;
                    }
                },
                '"' | '\'' => match reader.text(first, python) {
                    Some(text) => Kind::Text(text),
                    None => {
                        tokens.unterminated = Some((line, column));
                        break;
                    }
                },
                _ if first.is_ascii_digit() => {
                    Kind::Number(reader.word(first, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                }
                _ if first.is_alphabetic() || first == '_' => {
                    Kind::Word(reader.word(first, |c| c.is_alphanumeric() || c == '_'))
                }
                mark => Kind::Mark(mark),
            };
            tokens.all.push(Token { kind, line, column });
        }
        tokens
    }

    /// The tokens between the parentheses of each call of one of these names.
    pub(super) fn calls<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a [Token]> {
        self.all.iter().enumerate().filter_map(move |(at, token)| {
            let Kind::Word(word) = &token.kind else { return None };
            if !names.contains(&word.as_str()) || self.all.get(at + 1)?.kind != Kind::Mark('(') {
                return None;
            }
            let inside = self.all.get(at + 2..)?;
            let mut depth = 1_usize;
            let end = inside.iter().position(|token| {
                match token.kind {
                    Kind::Mark('(') => depth += 1,
                    Kind::Mark(')') => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            inside.get(..end.unwrap_or(inside.len()))
        })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|token| match &token.kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn has_word(&self, words: &[&str]) -> bool {
        self.all.iter().any(|token| matches!(&token.kind, Kind::Word(word) if words.contains(&word.as_str())))
    }
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        self.column += 1;
        Some(next)
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
    }

    fn skip_comment(&mut self) {
        let mut last = ' ';
        while let Some(c) = self.next() {
            self.count_line(c);
            if last == '*' && c == '/' {
                return;
            }
            last = c;
        }
    }

    fn word(&mut self, first: char, belongs: impl Fn(char) -> bool) -> String {
        let mut word = String::from(first);
        while let Some(c) = self.rest.next_if(|c| belongs(*c)) {
            self.column += 1;
            word.push(c);
        }
        word
    }

    /// Whether a text of C# follows a first `@` or `$`: `@"`, `$"`, `$@"`, `@$"`, `$$"""`.
    fn opens_text(&self) -> bool {
        let ahead = self.rest.clone();
        ahead.into_iter().find(|c| !matches!(c, '@' | '$')) == Some('"')
    }

    /// A text of C# behind its prefix: in a verbatim one `\` is a plain letter, and two quotes are one.
    fn prefixed(&mut self, first: char) -> Option<String> {
        let mut verbatim = first == '@';
        while let Some(c) = self.rest.next_if(|c| matches!(c, '@' | '$')) {
            self.column += 1;
            verbatim |= c == '@';
        }
        self.next();
        if verbatim { self.verbatim() } else { self.text('"', false) }
    }

    fn verbatim(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if c == '"' {
                if self.rest.peek() != Some(&'"') {
                    return Some(text);
                }
                self.next();
            }
            self.count_line(c);
            text.push(c);
        }
        None
    }

    /// A raw text of C#, which ends with as many quotes as it began with.
    fn raw(&mut self, quotes: usize) -> Option<String> {
        let mut text = String::new();
        let mut closing = 0;
        while let Some(c) = self.next() {
            self.count_line(c);
            text.push(c);
            closing = if c == '"' { closing + 1 } else { 0 };
            if closing == quotes && self.rest.peek() != Some(&'"') {
                text.truncate(text.len() - quotes);
                return Some(text);
            }
        }
        None
    }

    fn count_line(&mut self, c: char) {
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        }
    }

    /// The text after an opening quote; `None` when it does not end where it must.
    fn text(&mut self, quote: char, python: bool) -> Option<String> {
        let mut long = false;
        if self.rest.peek() == Some(&quote) {
            self.next();
            if self.rest.peek() != Some(&quote) {
                return Some(String::new());
            }
            if !python {
                let mut quotes = 2;
                while self.rest.peek() == Some(&quote) {
                    self.next();
                    quotes += 1;
                }
                return self.raw(quotes);
            }
            self.next();
            long = true;
        }
        let mut text = String::new();
        let mut closing = 0;
        while let Some(c) = self.next() {
            match c {
                '\\' => {
                    let escaped = self.next()?;
                    self.count_line(escaped);
                    closing = 0;
                }
                '\n' if !long => return None,
                _ if c == quote => {
                    closing += 1;
                    if !long || closing == 3 {
                        return Some(text);
                    }
                }
                _ => {
                    self.count_line(c);
                    closing = 0;
                    text.push(c);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(name: &str, text: &str) -> Option<Vec<String>> {
        let tokens = Tokens::of(&Source { name, text });
        tokens.unterminated.is_none().then(|| tokens.texts().map(str::to_owned).collect())
    }

    #[test]
    fn texts_of_csharp_end_where_they_end() {
        let all = |text: &str| texts("a.cs", text).unwrap_or_else(|| panic!("unterminated: {text}"));
        assert_eq!(all(r#"x = @"C:\data\"; y = "KO";"#), [r"C:\data\", "KO"]);
        assert_eq!(all(r#"x = @"say ""hi"" now";"#), [r#"say "hi" now"#]);
        assert_eq!(all("x = @\"two\nlines\"; y = 'c';"), ["two\nlines", "c"]);
        assert_eq!(all(r#"x = $"a {b} c"; y = $@"\{d}"; z = @$"\e";"#), ["a {b} c", r"\{d}", r"\e"]);
        assert_eq!(all(r#"x = """raw "one" \ """; y = "";"#), [r#"raw "one" \ "#, ""]);
        assert_eq!(all(r#"x = "a \" b"; y = '"'; z = '\\';"#), ["a  b", "\"", ""]);
        assert_eq!(texts("a.cs", "x = @\"open"), None);
        assert_eq!(texts("a.cs", "x = \"open\n\";"), None);
        // An identifier may begin with @ too.
        assert_eq!(all(r#"var @class = "KO";"#), ["KO"]);
    }

    #[test]
    fn places_are_counted_through_texts_of_many_lines() {
        let last = |name, text| Tokens::of(&Source { name, text }).all.last().map(|token| (token.line, token.column));
        assert_eq!(last("a.cs", "x = @\"1\n2\n\";\nlast"), Some((4, 0)));
        assert_eq!(last("a.py", "x = '''1\n2\n'''\nlast"), Some((4, 0)));
    }
}
