//! The tests that the documents name are there.
#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Documents that name tests.
const DOCUMENTS: [&str; 2] = ["docs/proofs.md", "docs/crash-matrix.md"];
/// Where code lies.
const CODE: [&str; 3] = ["libs", "services", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Names in back quotes that are written like tests: several words in small letters.
fn named(document: &str) -> BTreeSet<&str> {
    let is_test = |name: &&str| {
        name.matches('_').count() >= 2
            && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    document.split('`').skip(1).step_by(2).filter(is_test).collect()
}

/// All Rust code below `folder`, but what was built.
fn code(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            code(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let root = root();
    let mut all = String::new();
    for folder in CODE {
        code(&root.join(folder), &mut all);
    }
    // A test is a function, or a line of a macro that makes one of each line.
    let words: BTreeSet<&str> = all.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).collect();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let names = named(&text);
        assert!(names.len() > 20, "{document} names no tests");
        let missing: Vec<_> = names.iter().filter(|name| !words.contains(*name)).collect();
        assert!(missing.is_empty(), "{document} names tests that are not there: {missing:?}");
    }
}
