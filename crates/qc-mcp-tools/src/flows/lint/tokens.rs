//! Python and C# in pieces: words, texts, numbers and marks with their lines; comments are left out. The expressions
//! inside formatted texts are pieces too. Enough to see calls and assignments; not a parser.

/// A piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word(String),
    /// A text, without its quotes.
    Text(String),
    /// A number.
    Number,
    /// Any other character.
    Mark(char),
}

/// A piece and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The language of a file, as far as its comments and texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Python,
    CSharp,
}

/// Most formatted texts inside formatted texts.
const MOST_LEVELS: usize = 4;

/// The pieces of `code`. Never fails: a text without an end runs to the end of its line or of the file.
pub(super) fn of(code: &str, dialect: Dialect) -> Vec<Token> {
    let mut tokens = Vec::new();
    Reader { chars: code.chars().collect(), at: 0, line: 1, dialect }.run(&mut tokens, 0);
    tokens
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    dialect: Dialect,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied()?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn run(&mut self, tokens: &mut Vec<Token>, level: usize) {
        let python = self.dialect == Dialect::Python;
        while let Some(c) = self.peek(0) {
            let line = self.line;
            if c.is_whitespace() {
                self.next();
            } else if c == '#' || (!python && c == '/' && self.peek(1) == Some('/')) {
                // A comment in Python, a directive in C#.
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.next();
                }
            } else if !python && c == '/' && self.peek(1) == Some('*') {
                self.skip_block();
            } else if let Some(prefix) = self.text_ahead() {
                self.text(prefix, line, tokens, level);
            } else if c.is_alphabetic() || c == '_' {
                let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
                tokens.push(Token { kind: Kind::Word(word), line });
            } else if c.is_ascii_digit() {
                self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '.');
                tokens.push(Token { kind: Kind::Number, line });
            } else {
                self.next();
                tokens.push(Token { kind: Kind::Mark(c), line });
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek(0).filter(|c| keep(*c)) {
            taken.push(c);
            self.next();
        }
        taken
    }

    fn skip_block(&mut self) {
        let mut last = ' ';
        self.at += 2;
        while let Some(c) = self.next() {
            if last == '*' && c == '/' {
                break;
            }
            last = c;
        }
    }

    /// The letters before an opening quote (`rf` of `rf"..."`, `$@` of C#), if a text begins here.
    fn text_ahead(&self) -> Option<String> {
        let mut prefix = String::new();
        loop {
            let c = self.peek(prefix.chars().count())?;
            if c == '"' || (c == '\'' && (self.dialect == Dialect::Python || prefix.is_empty())) {
                return Some(prefix);
            }
            let known = match self.dialect {
                Dialect::Python => "rRbBfFuU".contains(c),
                Dialect::CSharp => "$@".contains(c),
            };
            if !known || 2 <= prefix.len() {
                return None;
            }
            prefix.push(c);
        }
    }

    fn text(&mut self, prefix: String, line: usize, tokens: &mut Vec<Token>, level: usize) {
        self.at += prefix.chars().count();
        let Some(quote) = self.next() else { return };
        let prefix = prefix.to_lowercase();
        let triple = self.peek(0) == Some(quote) && self.peek(1) == Some(quote);
        if triple {
            self.at += 2;
        }
        let raw = prefix.contains('r') || prefix.contains('@');
        let long = triple || prefix.contains('@');
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            let ends = c == quote && (!triple || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote)));
            if ends {
                self.at += if triple { 3 } else { 1 };
                break;
            }
            if c == '\n' && !long {
                break;
            }
            self.next();
            text.push(c);
            if c == '\\' && !raw {
                text.extend(self.next());
            }
        }
        let formatted = prefix.contains('f') || prefix.contains('$');
        tokens.push(Token { kind: Kind::Text(text.clone()), line });
        if formatted && level < MOST_LEVELS {
            for expression in expressions(&text) {
                let mut inner = Reader { chars: expression.chars().collect(), at: 0, line, dialect: self.dialect };
                inner.run(tokens, level + 1);
            }
        }
    }
}

/// What stands between braces in a formatted text, without the format behind a colon; `{{` is a brace.
fn expressions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '{' || chars.next_if_eq(&'{').is_some() {
            continue;
        }
        let mut inside = String::new();
        let mut depth = 0usize;
        for c in chars.by_ref() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            inside.push(c);
        }
        found.push(inside);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(code: &str, dialect: Dialect) -> Vec<String> {
        of(code, dialect).iter().filter_map(Token::word).map(str::to_owned).collect()
    }

    #[test]
    fn comments_and_plain_texts_hold_no_words() {
        let code = "x = 1 # close\n'''log(close)\n'''\ny = \"price\" + r'\\' + z";
        assert_eq!(words(code, Dialect::Python), ["x", "y", "z"]);
        let code = "var x = 1; // close\n/* price */ var y = @\"a \\\" + z;";
        assert_eq!(words(code, Dialect::CSharp), ["var", "x", "var", "y", "z"]);
    }

    #[test]
    fn formatted_texts_hold_their_expressions() {
        assert_eq!(words("f'{{no}} {bar.close:.2f} {d[\"k\"]}'", Dialect::Python)[..2], ["bar", "close"]);
        assert_eq!(words("$\"{bar.Close}\"", Dialect::CSharp), ["bar", "Close"]);
    }

    #[test]
    fn lines_are_counted_and_broken_texts_end() {
        let tokens = of("a\n'x\nb\n'''\n\n", Dialect::Python);
        let lines: Vec<usize> = tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn any_bytes_end() {
        for code in ["\"", "f\"{", "f'{f\"{f'{f\"{f'{x}'}\"}'}\"}'", "'''", "/*", "\\", "é'\u{0}", "rb'", "$@\"{"] {
            of(code, Dialect::Python);
            of(code, Dialect::CSharp);
        }
    }
}
