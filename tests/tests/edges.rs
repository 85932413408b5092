//! Who may depend on whom, and where `tonic` may be named: what ARCHITECTURE.md says, checked.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at its first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

/// Part of the workspace that a crate belongs to; its folder decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Lib,
    Service,
    Binary,
    Tests,
}

fn part(package: &Package, root: &Path) -> Part {
    let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
    let folder = folder.as_std_path().strip_prefix(root).expect("a member lies in the workspace");
    match (folder.iter().next().and_then(|first| first.to_str()), package.name.as_str()) {
        (Some("libs"), _) => Part::Lib,
        (Some("services"), "kaleem") => Part::Binary,
        (Some("services"), _) => Part::Service,
        (Some("tests"), _) => Part::Tests,
        (other, name) => panic!("{name} lies in {other:?}: crates go to libs/, services/ or tests/"),
    }
}

/// Libraries of ours that a library may use.
fn libraries_below(library: &str) -> &'static [&'static str] {
    match library {
        "kaleem-domain" | "kaleem-proto" | "kaleem-placeholder" => &[],
        "kaleem-pii" => &["kaleem-placeholder"],
        "kaleem-guard" => &["kaleem-pii"],
        "kaleem-runtime" => &["kaleem-domain", "kaleem-pii"],
        "kaleem-store" => &["kaleem-runtime"],
        "kaleem-rpc" => &["kaleem-domain", "kaleem-proto", "kaleem-runtime"],
        "kaleem-testkit" => &["kaleem-domain", "kaleem-proto"],
        new => {
            panic!("say in tests/tests/edges.rs and ARCHITECTURE.md what the new library {new} may depend on")
        }
    }
}

/// Why `from` must not depend on `to`, or `None` where it may.
fn objection(from: (&str, Part), to: (&str, Part), kind: DependencyKind) -> Option<String> {
    let ((from, from_part), (to, to_part)) = (from, to);
    let test_only = kind == DependencyKind::Development;
    if to_part == Part::Tests {
        return Some("nothing depends on the scenarios; what several tests need goes to libs/testkit".into());
    }
    if to == "kaleem-testkit" {
        let allowed = test_only || from_part == Part::Tests;
        return (!allowed).then(|| "the test kit is for [dev-dependencies] only".into());
    }
    match (from_part, to_part) {
        (Part::Tests | Part::Binary, _) | (Part::Service, Part::Lib) => None,
        (Part::Lib, Part::Lib) if libraries_below(from).contains(&to) => None,
        (Part::Lib, Part::Lib) => Some(format!(
            "{from} may use {:?}; move what it needs down, or give it in as a value",
            libraries_below(from)
        )),
        (Part::Lib, _) => Some("a library knows no service; let the service call it".into()),
        (Part::Service, Part::Binary) => Some("only tests name the composition root".into()),
        (Part::Service, _) => Some(
            "services reach each other through generated clients handed in as `Deps`, never as crates".into(),
        ),
    }
}

fn metadata() -> Metadata {
    // Without dependencies nothing needs to be downloaded, so that the check works anywhere.
    let options = ["--offline", "--locked"].map(str::to_owned);
    let mut command = MetadataCommand::new();
    command
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .other_options(options);
    command.exec().expect("cargo describes the workspace")
}

#[test]
fn crates_depend_only_downwards() {
    let metadata = metadata();
    let root = metadata.workspace_root.as_std_path();
    let members: Vec<(&Package, Part)> =
        metadata.packages.iter().map(|package| (package, part(package, root))).collect();
    let mut wrong = Vec::new();
    for (from, from_part) in &members {
        for dependency in &from.dependencies {
            let Some((to, to_part)) = members.iter().find(|(to, _)| to.name.as_str() == dependency.name)
            else {
                continue;
            };
            let from_end = (from.name.as_str(), *from_part);
            if let Some(why) = objection(from_end, (to.name.as_str(), *to_part), dependency.kind) {
                wrong.push(format!("{}: {} -> {}: {why}", from.manifest_path, from.name, to.name));
            }
        }
    }
    assert!(members.len() >= 15, "every member is seen: {}", members.len());
    assert!(wrong.is_empty(), "forbidden dependencies:\n  {}", wrong.join("\n  "));
}

/// How `package` asks for the failpoints to be armed: whether only in builds with tests in them; `None` where it does not.
fn arms_failpoints(package: &Package) -> Option<DependencyKind> {
    let armed = |dependency: &&Dependency| {
        dependency.name == "fail" && dependency.features.iter().any(|feature| feature == "failpoints")
    };
    package.dependencies.iter().find(armed).map(|dependency| dependency.kind)
}

/// With this resolver, what only tests ask for is no part of a build without tests.
#[test]
fn failpoints_are_armed_in_builds_with_tests_only() {
    let metadata = metadata();
    let arming = metadata
        .packages
        .iter()
        .filter_map(|package| arms_failpoints(package).map(|kind| (package.name.as_str(), kind)));
    assert_eq!(arming.collect::<Vec<_>>(), [("kaleem", DependencyKind::Development)]);
    let names_them = |package: &&Package| {
        package.features.values().flatten().any(|enabled| enabled.contains("failpoints"))
    };
    assert!(!metadata.packages.iter().any(|package| names_them(&package)), "no feature arms them");
    let manifest = metadata.workspace_root.as_std_path().join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the workspace has a manifest");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    assert_eq!(manifest["workspace"]["resolver"].as_str(), Some("3"));
    assert_eq!(manifest["workspace"]["dependencies"]["fail"].as_str(), Some("0.5.1"), "without features");
}

#[test]
fn the_rules_forbid_what_they_should() {
    let normal = DependencyKind::Normal;
    let (quota, billing) = (("kaleem-quota", Part::Service), ("kaleem-billing", Part::Service));
    let (rpc, domain) = (("kaleem-rpc", Part::Lib), ("kaleem-domain", Part::Lib));
    let (testkit, binary) = (("kaleem-testkit", Part::Lib), ("kaleem", Part::Binary));
    let tests = ("kaleem-tests", Part::Tests);
    for (from, to, kind) in [
        (quota, billing, normal),
        (quota, billing, DependencyKind::Development),
        (quota, binary, normal),
        (quota, testkit, normal),
        (quota, tests, DependencyKind::Development),
        (binary, testkit, normal),
        (domain, rpc, normal),
        (rpc, quota, normal),
    ] {
        assert!(objection(from, to, kind).is_some(), "{from:?} -> {to:?} ({kind:?})");
    }
    for (from, to, kind) in [
        (quota, rpc, normal),
        (quota, testkit, DependencyKind::Development),
        (binary, quota, normal),
        (tests, binary, normal),
        (tests, testkit, normal),
        (rpc, domain, normal),
    ] {
        assert_eq!(objection(from, to, kind), None, "{from:?} -> {to:?} ({kind:?})");
    }
}

/// Whether the file at `path`, relative to the workspace, may name tonic: the libraries that wrap it, the thin edges of a service,
/// the composition root, and tests.
fn may_name_tonic(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let test_file = |name: &str| name == "tests.rs" || name.ends_with("_tests.rs");
    let in_test_module =
        matches!(parts.as_slice(), [.., folder, file] if *folder == "tests" || test_file(file));
    in_test_module
        || matches!(
            parts.as_slice(),
            ["tests", ..]
                | ["libs", "proto" | "rpc" | "testkit", ..]
                | ["libs" | "services", _, "tests" | "benches" | "examples", ..]
                | ["services", "kaleem", ..]
                | ["services", _, "src", "grpc" | "clients" | "admin", ..]
                | ["services", _, "src", "grpc.rs" | "clients.rs" | "admin.rs"]
        )
}

/// Lines of `source` that name the crate tonic, without comments and without inline test modules.
fn lines_naming_tonic(source: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut lines = source.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            skip_item(&mut lines);
        } else if names_tonic(line) {
            found.push(number + 1);
        }
    }
    found
}

/// Passes over the item after an attribute; formatted code closes it at the indentation at which it began.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let Some((_, first)) = lines.find(|(_, line)| !line.trim_start().starts_with("#[")) else { return };
    if first.ends_with('{') {
        let closing = format!("{}}}", &first[..first.len() - first.trim_start().len()]);
        lines.find(|(_, line)| *line == closing);
    }
}

fn names_tonic(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let code = code.trim();
    let path = code.match_indices("tonic::").any(|(at, _)| {
        // `opentelemetry_proto::tonic::…` and `my_tonic::…` are other names.
        !code[..at].ends_with(|before: char| before == ':' || before == '_' || before.is_alphanumeric())
    });
    path || ["use tonic;", "use tonic as ", "extern crate tonic"].iter().any(|import| code.contains(import))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(folder).expect("a folder of the workspace").map(|entry| entry.expect("readable").path())
    {
        if entry.is_dir() {
            rust_files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

#[test]
fn tonic_is_named_only_at_the_edges() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = Vec::new();
    for folder in ["libs", "services"] {
        rust_files(&root.join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root).expect("below the workspace");
        if may_name_tonic(path) {
            continue;
        }
        let source = fs::read_to_string(file).expect("source is UTF-8");
        wrong.extend(lines_naming_tonic(&source).iter().map(|line| format!("{}:{line}", path.display())));
    }
    assert!(files.len() > 100, "every source file is seen: {}", files.len());
    assert!(
        wrong.is_empty(),
        "tonic is named outside the edges, so that a move to another gRPC library would touch more files. Say it with \
         kaleem_rpc::Fault, CallContext and Transport, or move it to the service's grpc.rs, clients.rs or admin.rs:\n  {}",
        wrong.join("\n  ")
    );
}

#[test]
fn the_scan_reads_code_and_not_words() {
    let source = "\
use tonic::Status;
// tonic::Status in words
use opentelemetry_proto::tonic::trace;
fn f() -> tonic::Request<()> {}
#[cfg(test)]
mod tests {
    use tonic::Code;
}
fn g(status: &tonic::Status) {}
#[cfg(test)]
mod more_tests;
use tonic as grpc;
";
    assert_eq!(lines_naming_tonic(source), [1, 4, 9, 12]);
    for (path, may) in [
        ("libs/rpc/src/fault.rs", true),
        ("services/quota/src/grpc/decode.rs", true),
        ("services/quota/src/clients.rs", true),
        ("services/quota/src/machine/tests.rs", true),
        ("services/quota/tests/tape.rs", true),
        ("services/quota/src/store/mod.rs", false),
        ("libs/runtime/src/drain.rs", false),
    ] {
        assert_eq!(may_name_tonic(Path::new(path)), may, "{path}");
    }
}
