//! Callers at the front door, who notice a death only by the answer that does not come.

use kaleem_domain::{Clock as _, RequestId};
use kaleem_proto::{
    chat::v1::{GenerationOptions, Message, Part, Role, part::Kind},
    gateway::v1::{ChatInput, ChatRequest, gateway_service_client::GatewayServiceClient},
};
use kaleem_rpc::{Fault, Transport};
use kaleem_runtime::SystemClock;
use tokio::task::JoinSet;
use tonic::{Request, metadata::MetadataValue};

/// Callers at once.
pub const CALLERS: usize = 3;
/// Questions of each, unless one is not answered.
pub const QUESTIONS: usize = 6;

/// A question that was answered, with what its caller was told.
#[derive(Debug, Clone)]
pub struct Answered {
    pub request_id: String,
    pub cost_pico: i64,
}

/// What a stream of questions came to.
#[derive(Debug, Default)]
pub struct Heard {
    pub answered: Vec<Answered>,
    /// Ids of those that were not.
    pub unanswered: Vec<String>,
}

#[derive(Clone)]
pub struct Caller {
    client: GatewayServiceClient<Transport>,
    bearer: MetadataValue<tonic::metadata::Ascii>,
}

impl Caller {
    pub fn new(transport: Transport, key: &str) -> Self {
        let bearer = format!("Bearer {}", key.trim()).parse().unwrap();
        Self { client: GatewayServiceClient::new(transport), bearer }
    }

    /// Asks under an id that the caller chose, so that it may ask the same again.
    pub async fn ask(&self, request_id: &str) -> Result<Answered, Fault> {
        let mut request = Request::new(ChatRequest { input: Some(question()) });
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request.metadata_mut().insert("x-kaleem-request-id", request_id.parse().unwrap());
        let answer = self.client.clone().chat(request).await.map_err(|status| Fault::from_status(&status))?;
        let finished = answer.into_inner().finished.unwrap();
        Ok(Answered { request_id: request_id.to_owned(), cost_pico: finished.cost_pico_usd })
    }

    /// Asks until it is answered, under a new id each time.
    pub async fn insist(&self) -> Answered {
        let asking = async {
            loop {
                if let Ok(answered) = self.ask(&new_id()).await {
                    return answered;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(crate::child::PATIENCE, asking).await.expect("an answer in the end")
    }

    /// Several callers ask so many questions, each until one of its own is not answered.
    pub async fn stream(&self, count: usize, questions: usize) -> Heard {
        let mut callers = JoinSet::new();
        for _ in 0..count {
            let caller = self.clone();
            callers.spawn(async move {
                let mut heard = Heard::default();
                for _ in 0..questions {
                    let id = new_id();
                    let Ok(answered) = caller.ask(&id).await else {
                        heard.unanswered.push(id);
                        break;
                    };
                    heard.answered.push(answered);
                }
                heard
            });
        }
        let mut all = Heard::default();
        for heard in callers.join_all().await {
            all.answered.extend(heard.answered);
            all.unanswered.extend(heard.unanswered);
        }
        all
    }
}

pub fn new_id() -> String {
    RequestId::new(SystemClock.now()).to_string()
}

fn question() -> ChatInput {
    let part = Part { kind: Some(Kind::Text("هل تشحنون إلى جدة؟".into())) };
    let message = Message { role: Role::User.into(), parts: vec![part], name: String::new() };
    let options = GenerationOptions { max_output_token_count: Some(32), ..GenerationOptions::default() };
    ChatInput {
        model: "tiny-llama".into(),
        messages: vec![message],
        options: Some(options),
        ..ChatInput::default()
    }
}
