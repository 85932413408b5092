//! `kaleem chat`.

use std::io::{IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use clap::Args;
use kaleem_domain::Pico;
use kaleem_proto::{
    chat::v1::{GenerationOptions, Message, Part, Role, part::Kind},
    gateway::v1::{
        ChatInput, Finished, Started, StreamChatRequest, gateway_service_client::GatewayServiceClient,
        stream_chat_response::Event,
    },
    redaction::v1::{RedactRequest, redaction_service_client::RedactionServiceClient},
};
use kaleem_rpc::convert;

use super::{
    ClientArgs,
    client::{KeyKind, failed, request},
};

#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// The question; `-` or nothing reads it from standard input.
    prompt: Option<String>,
    /// Model to ask by name; by default the router chooses.
    #[arg(long, short)]
    model: Option<String>,
    /// Task tag for the router: faq, summarize, classify, reason.
    #[arg(long)]
    task: Option<String>,
    /// Instructions of the shop, sent as the system message.
    #[arg(long)]
    system: Option<String>,
    /// Upper bound on output tokens.
    #[arg(long, allow_negative_numbers = true)]
    max_tokens: Option<i64>,
    /// Sampling temperature, 0 to 2.
    #[arg(long, allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Shows the model's reasoning where it has any.
    #[arg(long)]
    reasoning: bool,
    /// Shows what leaves the gateway after redaction (needs the operator's key).
    #[arg(long)]
    show_redacted: bool,
    /// Merchant to act for, with an act-as key.
    #[arg(long)]
    merchant: Option<String>,
    /// Only the answer, nothing about it.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl ChatArgs {
    fn input(&self) -> anyhow::Result<ChatInput> {
        let prompt = match self.prompt.as_deref() {
            Some(prompt) if prompt != "-" => prompt.to_owned(),
            _ if std::io::stdin().is_terminal() => {
                anyhow::bail!("no question: kaleem chat \"هل تشحنون إلى جدة؟\"")
            }
            _ => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("the question is not UTF-8")?;
                text
            }
        };
        let message = |role: Role, text: &str| Message {
            role: role.into(),
            parts: vec![Part { kind: Some(Kind::Text(text.to_owned())) }],
            name: String::new(),
        };
        let system = self.system.iter().map(|text| message(Role::System, text));
        Ok(ChatInput {
            model: self.model.clone().unwrap_or_default(),
            messages: system.chain([message(Role::User, prompt.trim_end())]).collect(),
            task: self.task.clone().unwrap_or_default(),
            options: Some(GenerationOptions {
                temperature: self.temperature,
                max_output_token_count: self.max_tokens,
                include_reasoning: self.reasoning,
                ..GenerationOptions::default()
            }),
            ..ChatInput::default()
        })
    }
}

pub(super) async fn run(args: ChatArgs) -> anyhow::Result<()> {
    let input = args.input()?;
    if args.show_redacted {
        show_redacted(&args, &input).await?;
    }
    let connection = args.client.connect(KeyKind::Chat, args.merchant.as_deref())?;
    let mut client = GatewayServiceClient::new(connection);
    let message = StreamChatRequest { input: Some(input) };
    let mut events =
        client.stream_chat(request(message)).await.map_err(|status| failed(&status))?.into_inner();
    let mut out = std::io::stdout();
    let mut begun = Started::default();
    while let Some(response) = events.message().await.map_err(|status| failed(&status))? {
        match response.event {
            Some(Event::Started(started)) => begun = started,
            Some(Event::Text(delta)) => write!(out, "{}", delta.text)?,
            Some(Event::Reasoning(delta)) => write!(out, "{}", delta.text)?,
            Some(Event::ToolCall(delta)) => write!(out, "{}{}", delta.name, delta.arguments_json_delta)?,
            Some(Event::Notice(notice)) if !args.quiet => writeln!(out, "({})", notice.message)?,
            Some(Event::Notice(_)) | None => {}
            Some(Event::Finished(finished)) => {
                writeln!(out)?;
                if !args.quiet {
                    footer(&mut out, &begun, &finished)?;
                }
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn footer(out: &mut impl std::io::Write, begun: &Started, finished: &Finished) -> std::io::Result<()> {
    let route = begun.route.clone().unwrap_or_default();
    let usage = convert::from_usage(&finished.usage.unwrap_or_default());
    let cost = Pico::new(i128::from(finished.cost_pico_usd));
    writeln!(out)?;
    writeln!(out, "  model   {} ({}: {})", begun.served_model, route.rung, route.reason)?;
    writeln!(
        out,
        "  tokens  {} in, {} out, {} reasoning",
        usage.input(),
        usage.output_text,
        usage.output_reasoning
    )?;
    writeln!(out, "  cost    {cost}")?;
    if let Some(left) = &finished.quota_left {
        writeln!(
            out,
            "  left    {} requests today, {} tokens and {} this month",
            left.day_request_count,
            left.month_token_count,
            Pico::new(i128::from(left.month_cost_pico_usd))
        )?;
    }
    let stages: Vec<String> = finished.stages.iter().map(stage).collect();
    writeln!(out, "  stages  {}", stages.join(" → "))?;
    writeln!(out, "  request {}", begun.request_id)
}

fn stage(timing: &kaleem_proto::gateway::v1::StageTiming) -> String {
    let duration = timing.duration.unwrap_or_default();
    let micros = duration.seconds * 1_000_000 + i64::from(duration.nanos) / 1_000;
    if micros < 1_000 {
        format!("{} {micros} µs", timing.stage)
    } else {
        format!("{} {} ms", timing.stage, micros / 1_000)
    }
}

/// Asks Redaction what it would let out; the same text gives the same placeholders as in the real request.
async fn show_redacted(args: &ChatArgs, input: &ChatInput) -> anyhow::Result<()> {
    let connection = args.client.connect(KeyKind::Admin, None)?;
    let merchant_id = args.merchant.clone().unwrap_or_else(|| "demo-shop".to_owned());
    let message = RedactRequest { merchant_id, messages: input.messages.clone(), ..RedactRequest::default() };
    let redacted = RedactionServiceClient::new(connection).redact(request(message)).await;
    let redacted = redacted.map_err(|status| failed(&status))?.into_inner();
    let mut out = std::io::stdout().lock();
    writeln!(out, "  the model sees:")?;
    for message in &redacted.messages {
        for part in &message.parts {
            if let Some(Kind::Text(text)) = &part.kind {
                writeln!(
                    out,
                    "    {:<9} {text}",
                    message.role().as_str_name().trim_start_matches("ROLE_").to_lowercase()
                )?;
            }
        }
    }
    writeln!(out)?;
    Ok(())
}
