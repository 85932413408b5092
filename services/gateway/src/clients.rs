//! The peers of the gateway. A provider can only be called with an [`Admission`](crate::pipeline::Admission).

use std::{collections::HashMap, time::Duration};

use kaleem_proto::{
    accounts::v1::{
        AuthenticateRequest, AuthenticateResponse, accounts_service_client::AccountsServiceClient,
    },
    billing::v1::{
        ListPricesRequest, ListPricesResponse, RecordUsageRequest, RecordUsageResponse,
        billing_service_client::BillingServiceClient,
    },
    provider::v1::{
        CountTokensRequest, CountTokensResponse, ListModelsRequest, ListModelsResponse,
        StreamGenerateRequest, StreamGenerateResponse, provider_service_client::ProviderServiceClient,
        stream_generate_response::Event,
    },
    quota::v1::{
        AcquireUpstreamRequest, AcquireUpstreamResponse, GetUsageRequest, GetUsageResponse, HeartbeatRequest,
        HeartbeatResponse, ReleaseRequest, ReleaseResponse, ReportUpstreamRequest, ReportUpstreamResponse,
        ReserveRequest, ReserveResponse, SettleRequest, SettleResponse,
        quota_service_client::QuotaServiceClient,
    },
    redaction::v1::{RedactRequest, RedactResponse, redaction_service_client::RedactionServiceClient},
    router::v1::{
        ReportOutcomesRequest, ReportOutcomesResponse, SelectRouteRequest, SelectRouteResponse,
        router_service_client::RouterServiceClient,
    },
};
use kaleem_rpc::{CallContext, Code, Fault, Transport};
use tonic::Streaming;

use crate::pipeline::Admission;

/// Time for the trailers of a generation that has told its end.
const TRAILERS_MAX: Duration = Duration::from_secs(1);

/// Largest message that peers exchange: the body limit and its overhead.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Transports to every peer.
pub struct PeerTransports {
    /// Merchants and keys.
    pub accounts: Transport,
    /// Admission.
    pub quota: Transport,
    /// Routes.
    pub router: Transport,
    /// Personal data.
    pub redaction: Transport,
    /// The ledger.
    pub billing: Transport,
    /// Providers by target name.
    pub providers: HashMap<String, Transport>,
}

pub(crate) struct Peers {
    accounts: AccountsServiceClient<Transport>,
    quota: QuotaServiceClient<Transport>,
    router: RouterServiceClient<Transport>,
    redaction: RedactionServiceClient<Transport>,
    billing: BillingServiceClient<Transport>,
    providers: HashMap<String, ProviderServiceClient<Transport>>,
}

macro_rules! unary {
    ($($name:ident at $peer:ident: $request:ty => $response:ty;)+) => {$(
        pub(crate) async fn $name(&self, ctx: &CallContext, message: $request) -> Result<$response, Fault> {
            let mut client = self.$peer.clone();
            // Calls are large futures, which would otherwise be copied into every future around them.
            let answered = Box::pin(client.$name(ctx.request(message))).await;
            answered.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
        }
    )+};
}

impl Peers {
    pub(crate) fn new(transports: PeerTransports) -> Self {
        let provider = |transport| {
            ProviderServiceClient::new(transport)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
        };
        Self {
            accounts: AccountsServiceClient::new(transports.accounts),
            quota: QuotaServiceClient::new(transports.quota),
            router: RouterServiceClient::new(transports.router),
            redaction: RedactionServiceClient::new(transports.redaction)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            billing: BillingServiceClient::new(transports.billing),
            providers: transports.providers.into_iter().map(|(name, t)| (name, provider(t))).collect(),
        }
    }

    unary! {
        authenticate at accounts: AuthenticateRequest => AuthenticateResponse;
        reserve at quota: ReserveRequest => ReserveResponse;
        settle at quota: SettleRequest => SettleResponse;
        acquire_upstream at quota: AcquireUpstreamRequest => AcquireUpstreamResponse;
        report_upstream at quota: ReportUpstreamRequest => ReportUpstreamResponse;
        release at quota: ReleaseRequest => ReleaseResponse;
        heartbeat at quota: HeartbeatRequest => HeartbeatResponse;
        get_usage at quota: GetUsageRequest => GetUsageResponse;
        select_route at router: SelectRouteRequest => SelectRouteResponse;
        report_outcomes at router: ReportOutcomesRequest => ReportOutcomesResponse;
        redact at redaction: RedactRequest => RedactResponse;
        record_usage at billing: RecordUsageRequest => RecordUsageResponse;
        list_prices at billing: ListPricesRequest => ListPricesResponse;
    }

    /// Starts a generation. Taking the admission by value is what makes an unmetered or unredacted call not compile.
    pub(crate) async fn generate(
        &self,
        ctx: &CallContext,
        admission: Admission,
        mut message: StreamGenerateRequest,
    ) -> Result<Generation, Fault> {
        let mut client = self.provider(admission.target())?;
        message.admission = admission.into_token().into();
        let answered = Box::pin(client.stream_generate(ctx.request(message))).await;
        let stream = answered.map_err(|status| Fault::from_status(&status))?.into_inner();
        Ok(Generation(stream))
    }

    pub(crate) async fn count_tokens(
        &self,
        ctx: &CallContext,
        target: &str,
        message: CountTokensRequest,
    ) -> Result<CountTokensResponse, Fault> {
        let answered = self.provider(target)?.count_tokens(ctx.request(message)).await;
        answered.map(tonic::Response::into_inner).map_err(|status| Fault::from_status(&status))
    }

    /// Models of every provider that answers.
    pub(crate) async fn list_models(&self, ctx: &CallContext) -> Vec<(String, ListModelsResponse)> {
        let mut listed = Vec::new();
        for (name, client) in &self.providers {
            if let Ok(answer) = client.clone().list_models(ctx.request(ListModelsRequest {})).await {
                listed.push((name.clone(), answer.into_inner()));
            }
        }
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        listed
    }

    fn provider(&self, target: &str) -> Result<ProviderServiceClient<Transport>, Fault> {
        self.providers.get(target).cloned().ok_or_else(|| {
            let message = format!("the plan names {target}, which this gateway has no address for");
            Fault::new(Code::Unavailable, crate::fault::DOMAIN, "PEER_UNAVAILABLE", message)
        })
    }
}

/// A running generation; dropping it stops the work upstream.
pub(crate) struct Generation(Streaming<StreamGenerateResponse>);

impl Generation {
    /// The next event; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            match self.0.message().await {
                Ok(None) => return Ok(None),
                Ok(Some(StreamGenerateResponse { event: Some(event) })) => return Ok(Some(event)),
                // An event of a newer provider that this gateway does not know.
                Ok(Some(StreamGenerateResponse { event: None })) => {}
                Err(status) => return Err(Fault::from_status(&status)),
            }
        }
    }

    /// Reads on to the trailers after the last event, so that the call counts as answered and not as left.
    pub(crate) async fn end(&mut self) {
        let trailers = async { while let Ok(Some(_)) = self.next().await {} };
        if tokio::time::timeout(TRAILERS_MAX, trailers).await.is_err() {
            tracing::debug!("a provider did not close a stream that was over");
        }
    }
}
