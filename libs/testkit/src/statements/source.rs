//! Finding the statements in sources, and putting together those that are made of several texts.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Expansion, Read, Statement, Statements, Stores,
    token::{Token, tokens},
};

const VERBS: [&str; 5] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
const KINDS: [&str; 7] = ["text", "optional_text", "number", "optional_number", "flag", "bytes", "try_get"];

/// Tokens with their lines.
type Tokens = [(Token, usize)];

/// A macro of literals with one arm: the names of its literals, and what it makes of them.
#[derive(Clone)]
struct Macro {
    name: String,
    names: Vec<String>,
    body: Vec<(Token, usize)>,
}

/// What a text can be made of.
struct Parts<'a> {
    expansions: &'a [(&'a str, Expansion)],
    macros: HashMap<String, Macro>,
    constants: HashMap<String, String>,
}

pub fn read(folder: &Path, expansions: &[(&str, Expansion)]) -> Statements {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let files: Vec<_> = files.into_iter().map(|path| (tokens(&production(&path)), path)).collect();
    // A macro may be used in another file than its own; where two have one name, the own comes first.
    let everywhere: Vec<_> = files.iter().flat_map(|(tokens, _)| macros(tokens)).collect();
    let mut found = Statements::default();
    for (tokens, path) in &files {
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        let mut parts = Parts { expansions, macros: HashMap::new(), constants: HashMap::new() };
        for found in everywhere.iter().cloned().chain(macros(tokens)) {
            parts.macros.insert(found.name.clone(), found);
        }
        parts.constants = constants(tokens, &parts);
        File { name: &name, tokens, parts: &parts }.search(&mut found);
    }
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are readable") {
        let path = entry.expect("the sources are readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// A file without its tests.
fn production(path: &Path) -> String {
    let source = fs::read_to_string(path).expect("the sources are readable");
    source.split_once("\n#[cfg(test)]\nmod tests {").map(|(before, _)| before.to_owned()).unwrap_or(source)
}

struct File<'a> {
    name: &'a str,
    tokens: &'a Tokens,
    parts: &'a Parts<'a>,
}

impl File<'_> {
    fn search(&self, found: &mut Statements) {
        let mut at = 0;
        while at < self.tokens.len() {
            if let Some(end) = definition(self.tokens, at) {
                at = end;
                continue;
            }
            if let Some(read) = self.read(at) {
                found.reads.push(read);
            }
            // A constant is found where it is made.
            let made = self
                .parts
                .text(self.tokens, at, &HashMap::new())
                .filter(|(_, end)| *end > at + 1 || matches!(self.tokens[at].0, Token::Text(_)));
            at = match made {
                Some((sql, end)) => {
                    if is_statement(&sql) {
                        self.add(at, sql, found);
                    }
                    end
                }
                None => at + 1,
            };
        }
    }

    fn add(&self, at: usize, sql: String, found: &mut Statements) {
        if sql.contains(['{', '\u{0}']) {
            return found.unresolved.push(format!("{}: {}", self.name, sql.replace('\u{0}', "…")));
        }
        let place = format!("{}:{}", self.name, self.tokens[at].1);
        let field = |name: &str| {
            at >= 2
                && self.tokens[at - 1].0 == Token::Mark(':')
                && self.tokens[at - 2].0 == Token::Word(name.to_owned())
        };
        let stores = if self.name.starts_with("sqlite") || field("sqlite") {
            Stores::Sqlite
        } else if self.name.starts_with("postgres") || field("postgres") {
            Stores::Postgres
        } else {
            Stores::Both
        };
        found.found.push(Statement { place, sql, stores });
    }

    /// `.number("column"`, at its dot.
    fn read(&self, at: usize) -> Option<Read> {
        let [
            (Token::Mark('.'), line),
            (Token::Word(kind), _),
            (Token::Mark('('), _),
            (Token::Text(column), _),
        ] = self.tokens.get(at..at + 4)?
        else {
            return None;
        };
        let place = format!("{}:{line}", self.name);
        // A session reads the one number of a statement in the same words.
        let is_read = KINDS.contains(&kind.as_str()) && !is_statement(column);
        is_read.then(|| Read { place, kind: kind.clone(), column: column.clone() })
    }
}

fn is_statement(sql: &str) -> bool {
    VERBS.iter().any(|verb| sql.trim_start().starts_with(verb))
}

impl Parts<'_> {
    /// The text that starts at `at`, and where it ends. What cannot be known of it is a NUL.
    fn text(&self, tokens: &Tokens, at: usize, literals: &HashMap<&str, String>) -> Option<(String, usize)> {
        match (&tokens.get(at)?.0, tokens.get(at + 1).map(|next| &next.0)) {
            (Token::Text(text), _) => Some((text.clone(), at + 1)),
            (Token::Mark('$'), Some(Token::Word(name))) => {
                literals.get(name.as_str()).map(|text| (text.clone(), at + 2))
            }
            (Token::Word(name), Some(Token::Mark('!'))) => self.call(name, tokens, at + 2, literals),
            (Token::Word(name), _) => self.constants.get(name).map(|text| (text.clone(), at + 1)),
            _ => None,
        }
    }

    /// What the call of a macro makes, whose bracket is at `open`.
    fn call(
        &self,
        name: &str,
        tokens: &Tokens,
        open: usize,
        literals: &HashMap<&str, String>,
    ) -> Option<(String, usize)> {
        let end = closing(tokens, open)?;
        let mut arguments = Vec::new();
        let mut at = open + 1;
        while at < end {
            let (text, next) =
                self.text(tokens, at, literals).map_or((None, at + 1), |(text, next)| (Some(text), next));
            arguments.extend(text);
            at = next;
        }
        let expansion = self.expansions.iter().find(|(expansion, _)| *expansion == name);
        let made = match (name, expansion) {
            ("concat", _) => arguments.concat(),
            ("format", _) => self.formatted(arguments.first()?),
            (_, Some((_, expand))) => expand(&arguments),
            _ => {
                let Macro { names, body, .. } = self.macros.get(name)?;
                let literals = names.iter().map(String::as_str).zip(arguments).collect();
                self.text(body, 0, &literals)?.0
            }
        };
        Some((made, end + 1))
    }

    /// `template` with the constants that it names.
    fn formatted(&self, template: &str) -> String {
        let filled = self
            .constants
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        filled.replace("{}", "\u{0}")
    }
}

/// The constants of a file that are texts.
fn constants(tokens: &Tokens, parts: &Parts<'_>) -> HashMap<String, String> {
    let mut constants = HashMap::new();
    for at in 0..tokens.len() {
        let (Token::Word(word), Some((Token::Word(name), _))) = (&tokens[at].0, tokens.get(at + 1)) else {
            continue;
        };
        let Some(equals) = (word == "const")
            .then(|| tokens[at..].iter().take(12).position(|(token, _)| *token == Token::Mark('=')))
            .flatten()
        else {
            continue;
        };
        if let Some((text, _)) = parts.text(tokens, at + equals + 1, &HashMap::new()) {
            constants.insert(name.clone(), text);
        }
    }
    constants
}

/// The end of the definition of a macro at `at`.
fn definition(tokens: &Tokens, at: usize) -> Option<usize> {
    let is_definition = tokens[at].0 == Token::Word("macro_rules".to_owned());
    is_definition.then(|| closing(tokens, at + 3)).flatten().map(|end| end + 1)
}

/// The macros of a file, as far as their first arm goes.
fn macros(tokens: &Tokens) -> Vec<Macro> {
    let mut all = Vec::new();
    for at in 0..tokens.len() {
        let (Some(_), Some((Token::Word(name), _))) = (definition(tokens, at), tokens.get(at + 2)) else {
            continue;
        };
        let pattern = at + 4;
        let Some(pattern_end) = closing(tokens, pattern) else { continue };
        // The arrow is two marks.
        let body = pattern_end + 3;
        let Some(body_end) = closing(tokens, body) else { continue };
        let names = tokens[pattern..pattern_end].windows(2).filter_map(|pair| match pair {
            [(Token::Mark('$'), _), (Token::Word(name), _)] => Some(name.clone()),
            _ => None,
        });
        let (name, names) = (name.clone(), names.collect());
        all.push(Macro { name, names, body: tokens[body + 1..body_end].to_vec() });
    }
    all
}

/// Where the bracket at `open` is closed.
fn closing(tokens: &Tokens, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        const COLUMNS: &str = "SELECT a, b FROM t";
        macro_rules! select { ($which:literal) => { concat!("SELECT a FROM t ", $which) }; }
        const JOINED: &str = concat!("SELECT ", sums!("a" as "x"), " FROM t");
        const KEYS: ByKey = ByKey { sqlite: "SELECT 1", postgres: "SELECT 2" };
        fn one() {
            run(select!("WHERE a = $1"), |row| Ok((row.number("a")?, row.optional_text("b")?)));
            run(AssertSqlSafe(format!("{COLUMNS} LIMIT 1")), "no SELECT");
            run(format!("INSERT INTO {name} VALUES {}", tuples));
        }
"#;

    #[test]
    fn statements_are_put_together_and_what_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("file.rs"),
            format!("{SOURCE}\n#[cfg(test)]\nmod tests {{ \"SELECT no\" }}"),
        )
        .unwrap();
        let found = read(folder.path(), &[("sums", |texts| format!("sum({}) AS {}", texts[0], texts[1]))]);
        let statements: Vec<_> = found.found.iter().map(|found| (found.sql.as_str(), found.stores)).collect();
        let expected = [
            ("SELECT a, b FROM t", Stores::Both),
            ("SELECT sum(a) AS x FROM t", Stores::Both),
            ("SELECT 1", Stores::Sqlite),
            ("SELECT 2", Stores::Postgres),
            ("SELECT a FROM t WHERE a = $1", Stores::Both),
            ("SELECT a, b FROM t LIMIT 1", Stores::Both),
        ];
        assert_eq!(statements, expected);
        assert_eq!(found.unresolved, ["file.rs: INSERT INTO {name} VALUES …"]);
        let reads: Vec<_> =
            found.reads.iter().map(|read| (read.kind.as_str(), read.column.as_str())).collect();
        assert_eq!(reads, [("number", "a"), ("optional_text", "b")]);
        assert_eq!(found.found[0].place, "file.rs:2");
    }
}
