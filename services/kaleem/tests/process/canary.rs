//! Invented personal data in every field of a request, on good ways and failing ones, and then a search of everything that the
//! process wrote, exported and sent.

mod asked;

use std::{fmt::Write as _, path::Path, time::Duration};

use kaleem_testkit::{
    gemini_upstream::{self as gemini, GeminiUpstream},
    openai_upstream::{OpenAiUpstream, Reply, WorkerError},
    otlp::OtlpCollector,
};
use serde_json::json;

use super::server::{Folder, Server, kaleem};
use asked::Asker;

/// Nobody's, all of it: what a caller may write.
const CANARY: &str = "اسمي خالد القحطاني وجوالي +966558712039 وبريدي layla.canary@example-mail.com، \
                      آيباني SA0380000000608010167519 وبطاقتي 4539 5787 6362 1486 ومفتاحي sk-proj-Zq81mVc7TtY5uRw3Xe9LkPb2Nd4Gh6Js8Fa0";
/// What may be found of it nowhere, in any spelling of ours.
const NEEDLES: [&str; 7] = [
    "القحطاني",
    "558712039",
    "layla.canary",
    "0380000000608010167519",
    "4539 5787",
    "4539578763621486",
    "Zq81mVc7TtY5uRw3Xe9LkPb2",
];
/// What the model makes up: the caller may read it, and nobody else.
const MADE_UP: &str = "501234999";
/// Panics once: the first text of the first stream.
const PANIC: &str = "gateway::stream::text=1*panic(the customer is +966558712039)->off";

/// Everything around one running binary.
struct Place {
    folder: Folder,
    worker: OpenAiUpstream,
    gemini: GeminiUpstream,
    collector: OtlpCollector,
    server: Server,
}

impl Place {
    fn start(format: &str) -> Self {
        let folder = Folder::new();
        let (worker, gemini, collector) =
            (OpenAiUpstream::start(), GeminiUpstream::start(), OtlpCollector::start());
        let config = format!(
            "[provider_gemini]\nbase_url = '{}'\napi_key = '{}'\n[provider_local.timeouts]\nprobe_interval = '100ms'\n\
             [[provider_local.workers]]\nname = 'double'\nbase_url = '{}'\nkind = 'vllm'\n[router]\nrefresh_interval = '50ms'\n\
             [telemetry]\nlog_format = '{format}'\nlog_filter = 'info,kaleem=trace'\notlp_endpoint = '{}'\n",
            gemini.url(),
            gemini::API_KEY,
            worker.url(),
            collector.endpoint(),
        );
        std::fs::write(folder.path().join("kaleem.toml"), config).unwrap();
        let args = ["up", "--listen", "127.0.0.1:0", "--config", "kaleem.toml"];
        let server = Server::start_telling(folder.path(), &args, PANIC, &folder.path().join("said.log"));
        let place = Self { folder, worker, gemini, collector, server };
        place.wait(|| place.folder.path().join("gateway.address").exists());
        for model in ["provider-local/tiny-llama", "provider-gemini/gemini-2.5-flash-lite"] {
            place.wait(|| kaleem(&place.folder, &["doctor"]).stdout.contains(&format!("{model} serves")));
        }
        place
    }

    fn wait(&self, mut condition: impl FnMut() -> bool) {
        self.server.wait_until(Duration::from_secs(30), || condition().then_some(()));
    }

    fn asker(&self) -> Asker {
        Asker::new(&self.folder)
    }

    /// Bodies and headers of everything that a provider was sent.
    fn sent(&self) -> String {
        let mut sent = String::new();
        for request in self.worker.received().all().iter().chain(&self.gemini.received().all()) {
            let body = String::from_utf8_lossy(&request.body);
            writeln!(sent, "{} {:?} {body}", request.uri, request.headers).unwrap();
        }
        sent
    }

    /// Every file that it has while an answer streams.
    async fn files_in_flight(&self) -> Vec<(String, Vec<u8>)> {
        self.worker.push(Reply::text([MADE_UP]).stall());
        let streaming = self.asker().begin(CANARY).await;
        let mut found = Vec::new();
        files(self.folder.path(), &mut found);
        drop(streaming);
        found
    }

    /// Lets it end in order; what it left behind, by name.
    async fn end(self) -> Vec<(String, Vec<u8>)> {
        let Self { folder, worker, gemini, collector, server } = self;
        assert_eq!(server.terminate(), Some(0));
        drop((worker, gemini));
        let spans = collector.wait_for(|spans| spans.iter().any(|span| span.name == "settle")).await;
        let mut left = vec![
            ("spans".to_owned(), format!("{spans:?}").into_bytes()),
            ("exported metrics".to_owned(), format!("{:?}", collector.metrics()).into_bytes()),
        ];
        files(folder.path(), &mut left);
        left
    }
}

/// Every file below `folder`: logs, journals, stores with their write-ahead logs. A journal that is used up may go meanwhile.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn nothing_of(needles: &[&str], name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for needle in needles {
        let at = text.find(needle);
        let around = at.map(|at| &text[text.floor_char_boundary(at.saturating_sub(300))..at]);
        assert!(at.is_none(), "{needle} is in {name} behind {around:?}");
    }
}

/// Asks in every way; what came back of those that failed. The files of the time between come into `left`.
async fn ask_in_every_way(place: &Place, left: &mut Vec<(String, Vec<u8>)>) -> Vec<String> {
    let asker = place.asker();
    place.worker.respond_with(|_| Reply::echo().then_text([format!(" واتصل على +966{MADE_UP}")]));
    let mut failures =
        vec![asker.stream(asked::everywhere(CANARY)).await.expect_err("the first text panics")];
    let heard = asker.stream(asked::everywhere(CANARY)).await.expect("an answer");
    for restored in ["القحطاني", "+966558712039", "layla.canary", "4539 5787 6362 1486", MADE_UP] {
        assert!(heard.contains(restored), "{restored} is missing in {heard}");
    }
    assert!(!heard.contains("sk-proj-"), "a secret is never restored: {heard}");
    let external = asker.stream(asked::question("gemini-2.5-flash-lite", CANARY)).await;
    assert!(external.is_ok_and(|heard| heard.contains("القحطاني")));
    assert!(asker.http(&asked::completion(CANARY, false)).await.1.contains("القحطاني"));
    assert!(asker.http(&asked::completion(CANARY, true)).await.1.contains("القحطاني"));

    asker.leave_at_the_first_text(CANARY).await;
    failures.extend(asker.refused_over_grpc(CANARY).await);
    failures.extend(asker.refused_over_http(CANARY).await);
    let body = json!({"error": {"message": CANARY, "type": "InternalServerError", "code": 500}}).to_string();
    for (piece, error) in [("", 500), ("", 400), ("نصف", 500)] {
        let said = Reply::text(Some(piece).filter(|piece| !piece.is_empty()));
        place.worker.push(said.fail(WorkerError::Other { status: error, body: body.clone() }));
        failures
            .push(asker.stream(asked::question("tiny-llama", CANARY)).await.expect_err("the worker failed"));
    }
    left.extend(place.files_in_flight().await);
    asker.cap_the_day(&place.folder).await;
    let refused = asker.stream(asked::question("tiny-llama", CANARY)).await.expect_err("the day is spent");
    assert!(refused.contains("QUOTA_EXCEEDED"), "{refused}");
    failures.push(refused);
    failures
}

async fn nothing_personal_is_left_anywhere(format: &str) {
    let place = Place::start(format);
    let mut left = Vec::new();
    let failures = ask_in_every_way(&place, &mut left).await;
    for failure in &failures {
        nothing_of(&NEEDLES, "a failure", failure.as_bytes());
    }
    nothing_of(&NEEDLES, "what providers were sent", place.sent().as_bytes());
    assert!(place.sent().contains("[[PHONE:") && place.sent().contains("[[SECRET:"), "{}", place.sent());
    let metrics = place.asker().metrics().await;
    nothing_of(&[&NEEDLES[..], &[MADE_UP]].concat(), "/metrics", metrics.as_bytes());
    assert!(metrics.contains("kaleem_gateway_requests_total"), "{metrics}");
    let masked: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("kaleem_log_personal_data_masked_total")).collect();
    assert!(masked.is_empty(), "something had to be masked: {masked:?}");
    left.extend(place.end().await);
    for sink in ["said.log", "gateway/journal", "billing", "quota", "accounts"] {
        assert!(
            left.iter().any(|(name, bytes)| name.contains(sink) && !bytes.is_empty()),
            "{sink} was not looked at"
        );
    }
    for (name, bytes) in &left {
        nothing_of(&[&NEEDLES[..], &[MADE_UP]].concat(), name, bytes);
    }
    let log = left.iter().find(|(name, _)| name.ends_with("said.log")).map(|(_, bytes)| bytes).unwrap();
    assert!(String::from_utf8_lossy(log).contains("text withheld"), "the panic is in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_left_with_logs_as_text() {
    nothing_personal_is_left_anywhere("pretty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_left_with_logs_as_json() {
    nothing_personal_is_left_anywhere("json").await;
}
