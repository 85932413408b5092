//! `kaleem policy`: what happens to personal data, and why.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use kaleem_proto::redaction::v1::{
    ExplainRedactionRequest, ExplainRedactionResponse, GetPolicyRequest, GetPolicyResponse, PutPolicyRequest,
    explain_redaction_response::{Candidate, Check, evidence},
    redaction_service_client::RedactionServiceClient,
};
use serde_json::{Value, json};

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    table::{numbers_to_the_right, print},
};

#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
    #[command(flatten)]
    client: ClientArgs,
}

/// Whose policy.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Of this merchant.
    #[arg(long)]
    merchant: Option<String>,
    /// The default of all merchants that have none of their own.
    #[arg(long)]
    default: bool,
}

impl Whose {
    fn id(self) -> String {
        self.merchant.unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Shows the policy in force.
    Get {
        #[command(flatten)]
        whose: Whose,
        /// Prints only the document, to be changed and put again.
        #[arg(long, conflicts_with = "json")]
        document: bool,
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
    /// Checks a document and puts it in force everywhere within a second.
    Put {
        #[command(flatten)]
        whose: Whose,
        /// JSON as docs/guides/privacy-policy.md describes; `-` reads what is piped in.
        file: PathBuf,
        /// Only if this version is in force now; 0 for none.
        #[arg(long)]
        expect: Option<i64>,
    },
    /// Takes a policy away: the default is in force again, or the built-in policy.
    Remove {
        #[command(flatten)]
        whose: Whose,
    },
    /// Says of everything in a text that is or nearly is personal data why it is treated as it is.
    Explain {
        /// Merchant whose policy counts.
        #[arg(long)]
        merchant: String,
        /// The text; `-` reads what is piped in, at most 64 KiB.
        text: String,
        /// What the text answers.
        #[arg(long, default_value = "")]
        question: String,
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
}

type Redaction = RedactionServiceClient<Connection>;

pub(super) async fn run(args: PolicyArgs) -> anyhow::Result<()> {
    let mut redaction = RedactionServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    match args.command {
        PolicyCommand::Get { whose, document, json } => {
            let message = GetPolicyRequest { merchant_id: whose.id() };
            let policy =
                redaction.get_policy(request(message)).await.map_err(|status| failed(&status))?.into_inner();
            if document {
                return print(None, || policy.document.clone());
            }
            print(json.then(|| as_json(&policy)).transpose()?, || overview(&policy))
        }
        PolicyCommand::Put { whose, file, expect } => {
            let document = if file.as_os_str() == "-" { piped() } else { read(&file) }?;
            anyhow::ensure!(
                !document.is_empty(),
                "the document is empty; `kaleem policy remove` takes a policy away"
            );
            put(&mut redaction, whose.id(), document, expect).await
        }
        PolicyCommand::Remove { whose } => put(&mut redaction, whose.id(), String::new(), None).await,
        PolicyCommand::Explain { merchant, text, question, json } => {
            let text = if text == "-" { piped()? } else { text };
            let message = ExplainRedactionRequest { merchant_id: merchant, text: text.clone(), question };
            let explained =
                redaction.explain_redaction(request(message)).await.map_err(|status| failed(&status))?;
            let explained = explained.into_inner();
            print(json.then(|| explained_as_json(&explained)), || reasons(&explained, &text))
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn piped() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("what is piped in cannot be read")?;
    Ok(text)
}

async fn put(
    redaction: &mut Redaction,
    merchant_id: String,
    document: String,
    expected_version: Option<i64>,
) -> anyhow::Result<()> {
    let whose = name(&merchant_id);
    let message = PutPolicyRequest { merchant_id, document, expected_version };
    let written = redaction.put_policy(request(message)).await.map_err(|status| failed(&status))?;
    print(None, || format!("{whose}: version {} is in force", written.into_inner().version))
}

fn name(merchant_id: &str) -> String {
    if merchant_id.is_empty() { "all merchants without a policy".to_owned() } else { merchant_id.to_owned() }
}

fn as_json(policy: &GetPolicyResponse) -> anyhow::Result<Value> {
    let document: Value = match policy.document.as_str() {
        "" => Value::Null,
        document => serde_json::from_str(document).context("the stored policy is no JSON")?,
    };
    Ok(json!({ "merchant_id": policy.merchant_id, "version": policy.version, "document": document }))
}

/// A policy in a few lines: what differs from the built-in one.
fn overview(policy: &GetPolicyResponse) -> String {
    if policy.version == 0 {
        return "the built-in policy: everything is redacted from a score of 0.5 on".to_owned();
    }
    let document: Value = serde_json::from_str(&policy.document).unwrap_or_default();
    let mut table = Table::new();
    table.set_header(["type", "action", "threshold"]);
    let entries = |key: &str| document[key].as_object().cloned().unwrap_or_default();
    let (actions, thresholds) = (entries("actions"), entries("thresholds"));
    let mut kinds: Vec<&String> = actions.keys().chain(thresholds.keys()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let shown = |value: Option<&Value>, default: &str| {
            value.map_or_else(|| default.to_owned(), |value| value.to_string().trim_matches('"').to_owned())
        };
        table.add_row([kind.clone(), shown(actions.get(kind), "redact"), shown(thresholds.get(kind), "0.5")]);
    }
    let count = |key: &str| document[key].as_array().map_or(0, Vec::len);
    let facts = if document["answer"]["facts"].is_object() {
        "answers are checked"
    } else {
        "answers are not checked"
    };
    format!(
        "{}: version {}\n{table}\n{} values allowed, {} literals denied, {} patterns; {facts}",
        name(&policy.merchant_id),
        policy.version,
        count("allow"),
        count("deny"),
        count("patterns"),
    )
}

/// What lies between two code points of a text.
fn cut(text: &str, start: i32, end: i32) -> String {
    let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
        return "the question".to_owned();
    };
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

/// `ACTION_BLOCK` and the like in words.
fn words(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase().replace('_', " ")
}

fn reasons(explained: &ExplainRedactionResponse, text: &str) -> String {
    let mut table = Table::new();
    table.set_header([
        "value",
        "type",
        "structure",
        "check",
        "word",
        "score",
        "from",
        "decided by",
        "action",
    ]);
    for one in &explained.candidates {
        table.add_row([
            cut(text, one.start, one.end),
            one.r#type.clone(),
            format!("{:.2}", one.structure_score),
            check(one).to_owned(),
            evidence_of(one, text),
            format!("{:.2}", one.score),
            format!("{:.2}", one.threshold),
            words(one.decision().as_str_name(), "DECISION_"),
            words(one.action().as_str_name(), "REDACTION_ACTION_"),
        ]);
    }
    numbers_to_the_right(&mut table, 2..3);
    numbers_to_the_right(&mut table, 5..7);
    let left = words(explained.residual().as_str_name(), "PERSONAL_DATA_CLASS_");
    format!("{table}\npolicy version {}; personal data left: {left}", explained.policy_version)
}

fn check(one: &Candidate) -> &'static str {
    match one.check() {
        Check::Unspecified => "",
        Check::Passed => "right",
        Check::Failed => "wrong",
    }
}

fn evidence_of(one: &Candidate, text: &str) -> String {
    let Some(word) = &one.evidence else { return String::new() };
    let speaks = match word.kind() {
        evidence::Kind::Decoy => "the shop's: ",
        evidence::Kind::OtherType => "of another: ",
        evidence::Kind::Cue | evidence::Kind::Unspecified => "",
    };
    format!("{speaks}{} ({:+.2})", cut(text, word.start, word.end), word.score)
}

fn explained_as_json(explained: &ExplainRedactionResponse) -> Value {
    let candidate = |one: &Candidate| {
        let word = one.evidence.as_ref().map(|word| {
            json!({
                "kind": word.kind().as_str_name(),
                "start": word.start,
                "end": word.end,
                "score": word.score,
            })
        });
        json!({
            "type": one.r#type,
            "start": one.start,
            "end": one.end,
            "score": one.score,
            "threshold": one.threshold,
            "structure_score": one.structure_score,
            "check": one.check().as_str_name(),
            "evidence": word,
            "decision": one.decision().as_str_name(),
            "action": one.action().as_str_name(),
        })
    };
    json!({
        "policy_version": explained.policy_version,
        "residual": explained.residual().as_str_name(),
        "candidates": explained.candidates.iter().map(candidate).collect::<Vec<_>>(),
    })
}
