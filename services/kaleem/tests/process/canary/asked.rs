//! Requests with a canary in every field that takes words.

use std::fs;

use futures::StreamExt as _;
use kaleem_proto::{
    accounts::v1::{CapAction, Plan},
    chat::v1::{
        GenerationOptions, Image, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolResult, image,
        part::Kind,
        response_format::{Format, JsonSchema},
    },
    gateway::v1::{
        ChatInput, StreamChatRequest, StreamChatResponse, gateway_service_client::GatewayServiceClient,
        stream_chat_response::Event,
    },
    quota::v1::{PutPolicyRequest, quota_service_client::QuotaServiceClient},
};
use kaleem_rpc::{Transport, remote};
use serde_json::{Value, json};
use tonic::{Request, Status, Streaming};

use crate::server::Folder;

fn part(kind: Kind) -> Part {
    Part { kind: Some(kind) }
}

fn said(role: Role, parts: Vec<Part>, name: &str) -> Message {
    Message { role: role.into(), parts, name: name.to_owned() }
}

fn text(text: &str) -> Part {
    part(Kind::Text(text.to_owned()))
}

/// One question.
pub fn question(model: &str, words: &str) -> ChatInput {
    ChatInput {
        model: model.to_owned(),
        messages: vec![said(Role::User, vec![text(words)], "")],
        ..ChatInput::default()
    }
}

/// `words` in every field of a request that leaves for a provider, or could.
pub fn everywhere(words: &str) -> ChatInput {
    let arguments = json!({"note": words, "deep": [{"phone": words}]}).to_string();
    let id = "call-layla.canary@example-mail.com".to_owned();
    let call = ToolCall {
        id: id.clone(),
        name: "note".into(),
        arguments_json: arguments.clone(),
        ..ToolCall::default()
    };
    let result = ToolResult { tool_call_id: id, parts: vec![text(&arguments), text(words)], is_error: false };
    let tool = Tool {
        name: "note".into(),
        description: words.to_owned(),
        parameters_json_schema: json!({"type": "object", "description": words}).to_string(),
        strict: false,
    };
    ChatInput {
        messages: vec![
            said(Role::System, vec![text(words)], "خالد القحطاني"),
            said(Role::User, vec![text(words)], "layla.canary@example-mail.com"),
            said(Role::Assistant, vec![part(Kind::ToolCall(call))], ""),
            said(Role::Tool, vec![part(Kind::ToolResult(result))], ""),
            said(Role::User, vec![text(words)], "+966558712039"),
        ],
        tools: vec![tool],
        options: Some(GenerationOptions {
            stop: vec!["+966558712039".into()],
            ..GenerationOptions::default()
        }),
        task: words.to_owned(),
        metadata: [
            ("user".to_owned(), "+966558712039".to_owned()),
            ("layla.canary@example-mail.com".to_owned(), String::new()),
        ]
        .into(),
        ..question("tiny-llama", words)
    }
}

/// `words` in the fields of an OpenAI request.
pub fn completion(words: &str, stream: bool) -> Value {
    json!({
        "model": "tiny-llama", "stream": stream, "user": words, "metadata": {"user": "+966558712039"}, "stop": ["layla.canary@example-mail.com"],
        "messages": [
            {"role": "system", "content": words, "name": "layla.canary@example-mail.com"},
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {
                "name": "note", "arguments": json!({"note": words}).to_string()}}]},
            {"role": "tool", "tool_call_id": "c1", "content": words},
            {"role": "user", "content": [{"type": "text", "text": words}], "name": "+966558712039"},
        ],
        "tools": [{"type": "function", "function": {"name": "note", "description": words, "parameters": {"type": "object"}}}],
    })
}

/// Asks at the front door.
pub struct Asker {
    address: String,
    key: String,
    transport: Transport,
    http: reqwest::Client,
}

impl Asker {
    pub fn new(folder: &Folder) -> Self {
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap().trim().to_owned();
        let address = read("gateway.address");
        let address = if address.starts_with("http") { address } else { format!("http://{address}") };
        let transport = remote("the gateway", &address, None).unwrap();
        Self { address, key: read("demo.key"), transport, http: kaleem_testkit::http_client() }
    }

    async fn open(
        &self,
        input: ChatInput,
        headers: &[(&'static str, String)],
    ) -> Result<Streaming<StreamChatResponse>, Status> {
        let mut request = Request::new(StreamChatRequest { input: Some(input) });
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.key).parse().unwrap());
        for (name, value) in headers {
            request.metadata_mut().insert(*name, value.parse().unwrap());
        }
        let mut client = GatewayServiceClient::new(self.transport.clone());
        Ok(client.stream_chat(request).await?.into_inner())
    }

    /// The text of an answer, or all that its failure says.
    pub async fn stream(&self, input: ChatInput) -> Result<String, String> {
        let mut events = self.open(input, &[]).await.map_err(|status| everything(&status))?;
        let mut heard = String::new();
        while let Some(event) = events.message().await.map_err(|status| everything(&status))? {
            if let Some(Event::Text(delta)) = event.event {
                heard.push_str(&delta.text);
            }
        }
        Ok(heard)
    }

    /// An answer that has shown its first text.
    pub async fn begin(&self, words: &str) -> Streaming<StreamChatResponse> {
        let mut events = self.open(question("tiny-llama", words), &[]).await.unwrap();
        while !matches!(events.message().await.unwrap().unwrap().event, Some(Event::Text(_))) {}
        events
    }

    /// Hangs up in the middle, over gRPC and over HTTP.
    pub async fn leave_at_the_first_text(&self, words: &str) {
        drop(self.begin(words).await);
        let posted = self.post(completion(words, true).to_string(), &[]).await;
        posted.bytes_stream().next().await.unwrap().unwrap();
    }

    /// What is refused before it reaches a model.
    pub async fn refused_over_grpc(&self, words: &str) -> Vec<String> {
        let image = Image {
            source: Some(image::Source::Uri("https://example.com/layla.canary?phone=+966558712039".into())),
            media_type: String::new(),
        };
        let picture = said(Role::User, vec![part(Kind::Image(image))], "");
        let call = ToolCall { arguments_json: format!("{{{words}"), ..ToolCall::default() };
        let schema = JsonSchema { schema_json: words.to_owned(), name: words.to_owned(), strict: true };
        let broken = ChatInput {
            messages: vec![said(Role::Assistant, vec![part(Kind::ToolCall(call))], words)],
            ..question("tiny-llama", words)
        };
        let mut failures = Vec::new();
        for input in [
            ChatInput { messages: vec![picture], ..question("tiny-llama", words) },
            ChatInput { conversation_id: words.to_owned(), ..question("tiny-llama", words) },
            ChatInput { guardrail_policy_json: words.to_owned(), ..question("tiny-llama", words) },
            ChatInput {
                metadata: [(words.repeat(2), words.repeat(2))].into(),
                ..question("tiny-llama", words)
            },
            ChatInput {
                tools: vec![Tool { name: words.to_owned(), ..Tool::default() }],
                ..question("tiny-llama", words)
            },
            ChatInput {
                response_format: Some(ResponseFormat { format: Some(Format::JsonSchema(schema)) }),
                ..question("gemini-2.5-flash-lite", words)
            },
            broken,
        ] {
            failures.extend(self.stream(input).await.err());
        }
        assert!(failures.len() >= 5, "{failures:?}");
        for (name, value) in [
            ("x-kaleem-request-id", "+966558712039"),
            ("x-kaleem-merchant", "layla.canary@example-mail.com"),
            ("authorization", "Bearer sk-proj-Zq81mVc7TtY5uRw3Xe9LkPb2Nd4Gh6Js8Fa0"),
            ("traceparent", "layla.canary@example-mail.com"),
        ] {
            let opened = self.open(question("tiny-llama", words), &[(name, value.to_owned())]).await;
            failures.extend(opened.err().map(|status| everything(&status)));
        }
        failures
    }

    /// The same over HTTP: bodies that are no requests, paths that are not there, keys that are none.
    pub async fn refused_over_http(&self, words: &str) -> Vec<String> {
        let mut broken = completion(words, false);
        broken["temperature"] = words.into();
        let mut picture = completion(words, false);
        picture["messages"][0] = json!({"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://example.com/layla.canary?phone=+966558712039"}}]});
        let mut failures = Vec::new();
        for body in [
            format!("{{\"messages\": {words}"),
            json!(words).to_string(),
            broken.to_string(),
            picture.to_string(),
        ] {
            let posted = self.post(body, &[]).await;
            assert!(posted.status().is_client_error());
            failures.push(posted.text().await.unwrap());
        }
        let unknown = self.http.get(format!("{}/v1/558712039/layla.canary", self.address));
        failures.push(unknown.send().await.unwrap().text().await.unwrap());
        for (name, value) in
            [("x-kaleem-request-id", "+966558712039"), ("user-agent", "layla.canary@example-mail.com")]
        {
            let posted = self.post(completion(words, false).to_string(), &[(name, value)]).await;
            if !posted.status().is_success() {
                failures.push(posted.text().await.unwrap());
            }
        }
        failures
    }

    /// Leaves the demonstration merchant no request today.
    pub async fn cap_the_day(&self, folder: &Folder) {
        let key = fs::read_to_string(folder.path().join("admin.key")).unwrap();
        let plan = Plan {
            plan_id: "spent".into(),
            day_request_cap: 1,
            month_token_cap: 1_000_000,
            month_cost_nano_usd_cap: 1_000_000_000,
            concurrent_request_cap: 10,
            on_cap: CapAction::Suspend.into(),
            ..Plan::default()
        };
        let policy = PutPolicyRequest {
            merchant_id: "demo-shop".into(),
            plan: Some(plan),
            time_zone: "Asia/Riyadh".into(),
        };
        let mut request = Request::new(policy);
        request.metadata_mut().insert("authorization", format!("Bearer {}", key.trim()).parse().unwrap());
        QuotaServiceClient::new(self.transport.clone()).put_policy(request).await.unwrap();
    }

    async fn post(&self, body: String, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request =
            self.http.post(format!("{}/v1/chat/completions", self.address)).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// Status and body of a completion; the text of a stream is put together.
    pub async fn http(&self, body: &Value) -> (u16, String) {
        let posted = self.post(body.to_string(), &[]).await;
        let (status, said) = (posted.status().as_u16(), posted.text().await.unwrap());
        let chunks = said.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let pieces = chunks.filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok()).map(|chunk| {
            let choice = &chunk["choices"][0];
            let content = choice["delta"]["content"].as_str().or(choice["message"]["content"].as_str());
            content.unwrap_or_default().to_owned()
        });
        (status, pieces.collect())
    }

    pub async fn metrics(&self) -> String {
        self.http.get(format!("{}/metrics", self.address)).send().await.unwrap().text().await.unwrap()
    }
}

/// Message, details and metadata of a failure.
fn everything(status: &Status) -> String {
    format!("{} {:?} {}", status.message(), status.metadata(), String::from_utf8_lossy(status.details()))
}
