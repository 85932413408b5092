//! The triangle of reconciliation: what quota counted, what the ledger booked and what the provider bills are one and the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use kaleem_domain::Clock as _;
use kaleem_proto::billing::v1::{
    GetReconciliationRequest, ImportProviderBillRequest, VerifyLedgerRequest,
    get_reconciliation_response::Difference,
};
use kaleem_runtime::SystemClock;
use kaleem_testkit::{
    ReceivedRequest,
    gemini_upstream::{ApiError, Reply, Usage},
};
use kaleem_tests::{
    Mesh, Shape, Stores,
    ask::{listen, question, streamed, whole},
};

const MODEL: &str = "gemini-2.5-flash-lite";
const CALLS: usize = 120;
const CALLS_AT_ONCE: usize = 6;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Whole,
    Streamed,
    /// Part of the prompt comes from a cache, and the model thinks.
    CachedAndThinking,
    /// Refused before it begins, which no provider bills.
    Refused,
    /// Breaks off in the middle of the answer.
    Cut,
}

impl Fate {
    fn of(call: usize) -> Self {
        match call % 10 {
            0..=4 => Self::Whole,
            5 | 6 => Self::Streamed,
            7 => Self::CachedAndThinking,
            8 => Self::Refused,
            _ => Self::Cut,
        }
    }
}

/// A row of the provider's own books.
#[derive(Debug, Clone)]
struct Row {
    response_id: String,
    usage: Usage,
}

impl Row {
    fn output(&self) -> u32 {
        self.usage.candidates + self.usage.thoughts
    }

    /// $0.10 for a million tokens in, $0.01 where they are cached, $0.40 out.
    fn cost_pico(&self) -> u64 {
        let fresh = u64::from(self.usage.prompt - self.usage.cached);
        fresh * 100_000 + u64::from(self.usage.cached) * 10_000 + u64::from(self.output()) * 400_000
    }

    fn csv(&self, day: &str) -> String {
        let (input, output) = (self.usage.prompt, self.output());
        format!("{day},{MODEL},{},{input},{output},0.{:012}\n", self.response_id, self.cost_pico())
    }
}

/// Which call a request is: its text ends with the number.
fn call_of(request: &ReceivedRequest) -> usize {
    let text = request.json["contents"][0]["parts"][0]["text"].as_str().unwrap();
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Answers calls by their fate and keeps the provider's books.
fn provider(books: Arc<Mutex<Vec<Row>>>) -> impl Fn(&ReceivedRequest) -> Reply + Send + Sync {
    move |request| {
        let call = call_of(request);
        let number = u32::try_from(call).unwrap();
        let mut usage = Usage::new(200 + number * 7, 40 + number * 3);
        let reply = Reply::text(["نعم، ", "نشحن ", "إلى ", "جدة."]);
        let reply = match Fate::of(call) {
            Fate::Refused => return Reply::error(ApiError::overloaded()),
            Fate::Cut => {
                // Billed by what it had generated: two of four pieces.
                let billed = Usage { candidates: usage.candidates / 2, ..usage };
                let books = &mut books.lock().unwrap();
                books.push(Row { response_id: format!("testkit{:017}", request.number), usage: billed });
                return Reply::text(["نعم، ", "نشحن "]).usage(billed).cut();
            }
            Fate::CachedAndThinking => {
                usage = Usage { cached: 150, thoughts: 11 + number, ..usage };
                reply
            }
            Fate::Whole | Fate::Streamed => reply,
        };
        books.lock().unwrap().push(Row { response_id: format!("testkit{:017}", request.number), usage });
        reply.usage(usage)
    }
}

/// Asks once; `true` where the answer came whole.
async fn ask(mesh: &Mesh, call: usize) -> bool {
    let input = question(MODEL, &format!("هل تشحنون إلى جدة؟ {call}"));
    match Fate::of(call) {
        Fate::Streamed | Fate::Cut => {
            let events = mesh.client().stream_chat(streamed(input)).await.unwrap().into_inner();
            listen(events).await.failure.is_none()
        }
        Fate::Whole | Fate::CachedAndThinking | Fate::Refused => {
            mesh.client().chat(whole(input)).await.is_ok()
        }
    }
}

fn today_in_pacific() -> jiff::civil::Date {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().as_millis()).unwrap();
    now.in_tz("America/Los_Angeles").unwrap().date()
}

async fn reconciliation(mesh: &Mesh, period: &str) -> Vec<Difference> {
    let request = GetReconciliationRequest { period: period.into(), ..GetReconciliationRequest::default() };
    mesh.billing().get_reconciliation(request).await.unwrap().into_inner().differences
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_ledger_and_the_providers_bill_agree_to_the_token() {
    agree_to_the_token(Mesh::start(Shape::Split).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_ledger_and_the_providers_bill_agree_on_production_stores() {
    agree_to_the_token(Mesh::start(Shape::Split.on(Stores::Production)).await).await;
}

async fn agree_to_the_token(mesh: Mesh) {
    let books = Arc::new(Mutex::new(Vec::new()));
    mesh.gemini.respond_with(provider(Arc::clone(&books)));

    let answered: Vec<_> = futures::stream::iter(0..CALLS)
        .map(|call| {
            let mesh = &mesh;
            async move { (Fate::of(call), ask(mesh, call).await) }
        })
        .buffer_unordered(CALLS_AT_ONCE)
        .collect()
        .await;
    for (fate, came_whole) in answered {
        assert_eq!(came_whole, !matches!(fate, Fate::Refused | Fate::Cut), "{fate:?}");
    }
    mesh.nothing_held().await;
    let rows = books.lock().unwrap().clone();

    // Quota against the ledger.
    let ledger = mesh.ledger_with(i64::try_from(rows.len()).unwrap()).await;
    assert_eq!(ledger.request_count, i64::try_from(rows.len()).unwrap(), "one event a call that is billed");
    let usage = ledger.usage.unwrap();
    let tokens = usage.input_fresh_count
        + usage.input_cache_read_count
        + usage.output_text_count
        + usage.output_reasoning_count;
    assert_eq!(mesh.quota_of("month_tokens").await.posted, tokens);
    assert_eq!(mesh.quota_of("day_requests").await.posted, ledger.request_count);
    let over = mesh.quota_of("month_cost_nano_usd").await.posted * 1_000 - ledger.sell_pico_usd;
    assert!(
        (0..ledger.request_count * 1_000).contains(&over),
        "quota rounds up by less than a nano an event"
    );

    // The ledger against the provider.
    let billed: u64 = rows.iter().map(Row::cost_pico).sum();
    assert_eq!(u64::try_from(ledger.cost_pico_usd).unwrap(), billed, "to the pico-dollar");
    let day = today_in_pacific();
    let period = day.strftime("%Y%m").to_string();
    let rows: String = rows.iter().map(|row| row.csv(&day.to_string())).collect();
    let document = format!("day,model,provider_request_id,input_tokens,output_tokens,cost_usd\n{rows}");
    let bill =
        ImportProviderBillRequest { target: "provider-gemini".into(), document: document.clone().into() };
    mesh.billing().import_provider_bill(bill).await.unwrap();
    assert_eq!(reconciliation(&mesh, &period).await, []);

    // A triangle that could not open would prove nothing: a call that the provider bills and nobody recorded is found.
    let stranger = Row { response_id: "testkit-stranger".into(), usage: Usage::new(1_000, 1_000) };
    let document = document + &stranger.csv(&day.to_string());
    let bill = ImportProviderBillRequest { target: "provider-gemini".into(), document: document.into() };
    mesh.billing().import_provider_bill(bill).await.unwrap();
    let differences = reconciliation(&mesh, &period).await;
    assert!(differences.iter().any(|found| found.subject.contains("testkit-stranger")), "{differences:?}");

    let verdict = mesh.billing().verify_ledger(VerifyLedgerRequest {}).await.unwrap().into_inner();
    assert_eq!(verdict.faults, Vec::<String>::new());
    mesh.stop().await;
}
