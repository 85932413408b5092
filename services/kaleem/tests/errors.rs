//! `docs/errors.md` names every reason that the sources give, with its domain and code, and no other.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at its first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A reason as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    domain: String,
    reason: String,
    code: String,
}

/// `Fault::from_status` names a foreign status without details, whatever its code; the scan sees only reasons beside a code.
const FOREIGN: (&str, &str, &str) = ("rpc.kaleem", "UNKNOWN", "any");

/// Enums whose names cross the wire in answers and metadata instead of as a failure: section of the catalogue and source.
const INSIDE_ANSWERS: [(&str, &str); 2] = [
    ("Results of RecordUsage", "services/billing/src/event.rs"),
    ("Gates of the router", "services/router/src/gate.rs"),
];

#[test]
fn the_catalogue_is_what_the_sources_give() {
    let (mut given, unreadable) = given_by_sources();
    assert!(
        unreadable.is_empty(),
        "write the reason as a literal beside its `Code::…`, so that it can be catalogued: {unreadable:?}"
    );
    assert!(given.len() > 50, "the scan found only {} reasons; has `Fault::new` changed?", given.len());
    let (domain, reason, code) = FOREIGN;
    given.insert(Given { domain: domain.to_owned(), reason: reason.to_owned(), code: code.to_owned() });

    let catalogue = Catalogue::read();
    let listed = catalogue.failures();
    let missing: Vec<_> = given.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&given).collect();
    assert!(missing.is_empty(), "add a row under the heading of its domain in docs/errors.md: {missing:#?}");
    assert!(gone.is_empty(), "no source gives this any more; take it out of docs/errors.md: {gone:#?}");
}

#[test]
fn every_row_says_when_and_who_tries_again() {
    let catalogue = Catalogue::read();
    let failures = catalogue.0.iter().filter(|(heading, _)| heading.ends_with(".kaleem"));
    for (heading, row) in failures.flat_map(|(heading, rows)| rows.iter().map(move |row| (heading, row))) {
        assert_eq!(row.len(), 4, "{heading}: needs reason, code, when and who retries: {row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{heading}: an empty cell in {row:?}");
        let known = ["nobody", "caller", "gateway, caller", "gateway, operator", "operator"];
        assert!(known.contains(&row[3].as_str()), "{heading}: `{}` is none of {known:?}", row[3]);
    }
}

#[test]
fn reasons_inside_answers_are_listed() {
    let catalogue = Catalogue::read();
    for (heading, source) in INSIDE_ANSWERS {
        let tokens = tokens(&fs::read_to_string(root().join(source)).unwrap());
        let named: BTreeSet<String> = tokens.windows(6).filter_map(named_variant).collect();
        let listed =
            catalogue.0.get(heading).unwrap_or_else(|| panic!("docs/errors.md has no section {heading:?}"));
        let listed: BTreeSet<String> = listed.iter().map(|row| row[0].clone()).collect();
        assert!(!named.is_empty(), "{source} names nothing any more");
        assert_eq!(listed, named, "docs/errors.md, section {heading:?}, against {source}");
    }
}

/// `Self::Variant => "NAME"`.
fn named_variant(window: &[Token]) -> Option<String> {
    match window {
        [
            Token::Word(own),
            Token::Mark(':'),
            Token::Mark(':'),
            Token::Word(_),
            Token::Arrow,
            Token::Text(name),
        ] if own == "Self" && is_reason(name) => Some(name.clone()),
        _ => None,
    }
}

/// Tables of the catalogue by heading; cells are without backticks.
struct Catalogue(BTreeMap<String, Vec<Vec<String>>>);

impl Catalogue {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/errors.md")).expect("docs/errors.md");
        let mut sections: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        let mut heading = String::new();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title.replace('`', "");
            }
            let Some(cells) = line.strip_prefix("| `") else { continue };
            let cells = cells.trim_end_matches('|').split('|');
            let row = cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
            sections.entry(heading.clone()).or_default().push(row);
        }
        Self(sections)
    }

    fn failures(&self) -> BTreeSet<Given> {
        let domains = self.0.iter().filter(|(heading, _)| heading.ends_with(".kaleem"));
        let given = |domain: &str, row: &[String]| Given {
            domain: domain.to_owned(),
            reason: row[0].clone(),
            code: row[1].clone(),
        };
        domains.flat_map(|(domain, rows)| rows.iter().map(move |row| given(domain, row))).collect()
    }
}

/// Every (domain, reason, code) of the services and libraries, and the calls whose reason the scan cannot read.
fn given_by_sources() -> (BTreeSet<Given>, Vec<String>) {
    let (mut given, mut unreadable) = (BTreeSet::new(), Vec::new());
    for package in packages() {
        let files: Vec<_> = sources(&package.join("src"));
        let read = |file: &PathBuf| (file.clone(), without_tests(tokens(&fs::read_to_string(file).unwrap())));
        let files: Vec<(PathBuf, Vec<Token>)> = files.iter().map(read).collect();
        let name = package.file_name().unwrap().to_string_lossy().into_owned();
        let domains: BTreeMap<String, String> =
            files.iter().flat_map(|(_, tokens)| domains(tokens)).collect();
        let of = |constant: &str| domains.get(constant).cloned().unwrap_or_else(|| format!("{name}.kaleem"));
        for (file, tokens) in &files {
            for start in 0..tokens.len() {
                if let Some((code, domain, reason)) = beside_code(&tokens[start..]) {
                    let domain = domain.unwrap_or_else(|| "DOMAIN".to_owned());
                    let domain = if domain.ends_with(".kaleem") { domain } else { of(&domain) };
                    given.insert(Given { domain, reason, code });
                }
                if makes_fault(&tokens[start..]) && !is_readable(&tokens[start + 5..]) {
                    unreadable.push(format!(
                        "{}: {:?}",
                        file.display(),
                        &tokens[start..tokens.len().min(start + 14)]
                    ));
                }
            }
        }
    }
    (given, unreadable)
}

/// `Code::Name`, perhaps a domain, then a reason: `Fault::new(Code::X, DOMAIN, "R", …)`, `fault(Code::X, "R")`, `(Code::X, "R")`
/// and `Code::X => "R"`.
fn beside_code(tokens: &[Token]) -> Option<(String, Option<String>, String)> {
    let [Token::Word(kind), Token::Mark(':'), Token::Mark(':'), Token::Word(code), rest @ ..] = tokens else {
        return None;
    };
    let code = (kind == "Code").then(|| screaming(code))?;
    match rest {
        [Token::Mark(',') | Token::Arrow, Token::Text(reason), ..] if is_reason(reason) => {
            Some((code, None, reason.clone()))
        }
        [Token::Mark(','), Token::Text(domain), Token::Mark(','), Token::Text(reason), ..]
            if is_reason(reason) =>
        {
            Some((code, Some(domain.clone()), reason.clone()))
        }
        [Token::Mark(','), path @ ..] => {
            let end = path.iter().position(|token| !matches!(token, Token::Word(_) | Token::Mark(':')))?;
            match (&path[..end], &path[end..]) {
                ([.., Token::Word(constant)], [Token::Mark(','), Token::Text(reason), ..])
                    if is_reason(reason) =>
                {
                    Some((code, Some(constant.clone()), reason.clone()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn makes_fault(tokens: &[Token]) -> bool {
    let [Token::Word(kind), Token::Mark(':'), Token::Mark(':'), Token::Word(function), Token::Mark('('), ..] =
        tokens
    else {
        return false;
    };
    kind == "Fault" && function == "new"
}

/// The arguments of a call are readable if the reason stands beside the code, or both came from a pair that was scanned.
fn is_readable(arguments: &[Token]) -> bool {
    let code =
        arguments.iter().take(4).position(|token| matches!(token, Token::Word(word) if word == "Code"));
    match code {
        Some(code) => beside_code(&arguments[code..]).is_some(),
        None => match arguments {
            [Token::Word(code), Token::Mark(','), _, Token::Mark(','), Token::Word(reason), ..] => {
                code == "code" && reason == "reason"
            }
            _ => false,
        },
    }
}

/// `const NAME: &str = "….kaleem";`
fn domains(tokens: &[Token]) -> Vec<(String, String)> {
    let constant = |window: &[Token]| match window {
        [
            Token::Word(name),
            Token::Mark(':'),
            Token::Mark('&'),
            Token::Word(_),
            Token::Mark('='),
            Token::Text(domain),
        ] if domain.ends_with(".kaleem") => Some((name.clone(), domain.clone())),
        _ => None,
    };
    tokens.windows(6).filter_map(constant).collect()
}

fn is_reason(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `InvalidArgument` as `INVALID_ARGUMENT`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Packages whose faults reach callers. The test kit's own imitate upstreams.
fn packages() -> Vec<PathBuf> {
    let folders = ["services", "libs"].map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let paths = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.join("src").is_dir() && !path.ends_with("testkit")).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && stem != "tests"
            && !stem.ends_with("_tests")
        {
            found.push(path);
        }
    }
    found
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Arrow,
    Mark(char),
}

/// What stands before the module of the file's own tests, which comes last by convention.
fn without_tests(mut tokens: Vec<Token>) -> Vec<Token> {
    let word = |token: &Token, text: &str| matches!(token, Token::Word(word) if word == text);
    let starts = |window: &[Token]| {
        word(&window[0], "cfg")
            && word(&window[2], "test")
            && word(&window[5], "mod")
            && window[7] == Token::Mark('{')
    };
    if let Some(start) = tokens.windows(8).position(starts) {
        tokens.truncate(start);
    }
    tokens
}

/// Words, texts and marks of Rust source, without comments; enough to find calls with their literals.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (token, len) = match first {
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '"' => text(rest, 1, false),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => raw(rest),
            '\'' => (None, quoted(rest)),
            '=' if rest.starts_with("=>") => (Some(Token::Arrow), 2),
            _ if is_word(first) => {
                let len = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                (Some(Token::Word(rest[..len].to_owned())), len)
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Mark(first)), first.len_utf8()),
        };
        tokens.extend(token);
        rest = &rest[len..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text that starts `from` bytes into `rest` and ends at the next quote.
fn text(rest: &str, from: usize, is_raw: bool) -> (Option<Token>, usize) {
    let mut escaped = false;
    for (at, c) in rest[from..].char_indices() {
        match c {
            '"' if !escaped => return (Some(Token::Text(rest[from..from + at].to_owned())), from + at + 1),
            '\\' if !is_raw => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (None, rest.len())
}

fn raw(rest: &str) -> (Option<Token>, usize) {
    if rest.starts_with("r\"") {
        return text(rest, 2, true);
    }
    let end = rest[3..].find("\"#").map_or(rest.len(), |end| 3 + end + 2);
    (Some(Token::Text(rest[3..end.saturating_sub(2).max(3)].to_owned())), end)
}

/// Length of a character literal, or of the quote of a lifetime.
fn quoted(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(rest.len(), |end| 3 + end + 1),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}
