//! The gRPC face of the service: validate, call the directory, map the answer.

mod fault;
mod feed;
mod messages;

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use kaleem_domain::{KeyId, MerchantId};
use kaleem_proto::accounts::v1::{self as proto, accounts_service_server::AccountsService};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub(crate) use feed::Limits as FeedLimits;

use crate::{Error, Violation, directory::Directory};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: i32 = 1_000;

type Answer<T> = Result<Response<T>, Status>;

/// The accounts service as tonic mounts it.
pub struct Grpc {
    directory: Directory,
    feed: FeedLimits,
    watchers: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl Grpc {
    pub(crate) fn new(directory: Directory, feed: FeedLimits, stopping: CancellationToken) -> Self {
        let watchers = Arc::new(Semaphore::new(feed.watchers_max));
        Self { directory, feed, watchers, stopping }
    }

    async fn page_of_merchants(
        &self,
        request: proto::ListMerchantsRequest,
    ) -> Result<proto::ListMerchantsResponse, Error> {
        let size = page_size(request.page_size)?;
        if !request.page_token.is_empty() && MerchantId::parse(&request.page_token).is_err() {
            return Err(wrong("page_token", "a next_page_token of this call"));
        }
        let mut merchants = self.directory.merchants(request.page_token, size + 1).await?;
        let next_page_token = next_token(&mut merchants, size, |merchant| merchant.id.to_string());
        let merchants = merchants.iter().map(messages::merchant).collect();
        Ok(proto::ListMerchantsResponse { merchants, next_page_token })
    }

    async fn page_of_keys(&self, request: proto::ListKeysRequest) -> Result<proto::ListKeysResponse, Error> {
        let size = page_size(request.page_size)?;
        let merchant = match request.merchant_id.as_str() {
            "" => None,
            text => Some(merchant_id(text)?),
        };
        if !request.page_token.is_empty() {
            key_id(&request.page_token).map_err(|_| wrong("page_token", "a next_page_token of this call"))?;
        }
        let mut keys = self.directory.keys(merchant, request.page_token, size + 1).await?;
        let next_page_token = next_token(&mut keys, size, |key| key.id.to_string());
        Ok(proto::ListKeysResponse { keys: keys.iter().map(messages::key).collect(), next_page_token })
    }
}

#[tonic::async_trait]
impl AccountsService for Grpc {
    async fn authenticate(
        &self,
        request: Request<proto::AuthenticateRequest>,
    ) -> Answer<proto::AuthenticateResponse> {
        let request = request.into_inner();
        let authenticated =
            self.directory.authenticate(&request.api_key, &request.act_as_merchant_id).await?;
        Ok(Response::new(messages::authenticated(&authenticated)))
    }

    type WatchRevocationsStream =
        Pin<Box<dyn Stream<Item = Result<proto::WatchRevocationsResponse, Status>> + Send + 'static>>;

    async fn watch_revocations(
        &self,
        request: Request<proto::WatchRevocationsRequest>,
    ) -> Answer<Self::WatchRevocationsStream> {
        let place = Arc::clone(&self.watchers).try_acquire_owned().map_err(|_| Error::WatchersFull)?;
        let from = request.into_inner().from_sequence;
        let feed = feed::Feed::start(self.directory.clone(), from, self.feed.heartbeat, place).await?;
        Ok(Response::new(Box::pin(feed.into_stream(self.stopping.clone()))))
    }

    async fn create_merchant(
        &self,
        request: Request<proto::CreateMerchantRequest>,
    ) -> Answer<proto::CreateMerchantResponse> {
        let merchant = self.directory.create_merchant(messages::new_merchant(request.into_inner())).await?;
        Ok(Response::new(proto::CreateMerchantResponse { merchant: Some(messages::merchant(&merchant)) }))
    }

    async fn get_merchant(
        &self,
        request: Request<proto::GetMerchantRequest>,
    ) -> Answer<proto::GetMerchantResponse> {
        let id = merchant_id(&request.into_inner().merchant_id)?;
        let merchant = self.directory.merchant(&id).await?;
        let plan = self.directory.plan(&merchant.plan_id).await?;
        let (merchant, plan) = (messages::merchant(&merchant), messages::plan(&plan));
        Ok(Response::new(proto::GetMerchantResponse { merchant: Some(merchant), plan: Some(plan) }))
    }

    async fn list_merchants(
        &self,
        request: Request<proto::ListMerchantsRequest>,
    ) -> Answer<proto::ListMerchantsResponse> {
        Ok(Response::new(self.page_of_merchants(request.into_inner()).await?))
    }

    async fn set_merchant_state(
        &self,
        request: Request<proto::SetMerchantStateRequest>,
    ) -> Answer<proto::SetMerchantStateResponse> {
        let request = request.into_inner();
        let id = merchant_id(&request.merchant_id)?;
        let state = messages::state(request.state())
            .ok_or_else(|| wrong("state", "MERCHANT_STATE_ACTIVE or MERCHANT_STATE_SUSPENDED"))?;
        let merchant = self.directory.set_state(id, state).await?;
        Ok(Response::new(proto::SetMerchantStateResponse { merchant: Some(messages::merchant(&merchant)) }))
    }

    async fn put_plan(&self, request: Request<proto::PutPlanRequest>) -> Answer<proto::PutPlanResponse> {
        let asked = request.into_inner().plan.ok_or_else(|| wrong("plan", "set"))?;
        let plan = self.directory.put_plan(messages::asked_plan(asked)?).await?;
        Ok(Response::new(proto::PutPlanResponse { plan: Some(messages::plan(&plan)) }))
    }

    async fn list_plans(
        &self,
        _request: Request<proto::ListPlansRequest>,
    ) -> Answer<proto::ListPlansResponse> {
        let plans = self.directory.plans().await?.iter().map(messages::plan).collect();
        Ok(Response::new(proto::ListPlansResponse { plans }))
    }

    async fn issue_key(&self, request: Request<proto::IssueKeyRequest>) -> Answer<proto::IssueKeyResponse> {
        let asked = messages::new_key(request.into_inner())?;
        let (key, api_key) = self.directory.issue_key(asked).await?;
        Ok(Response::new(proto::IssueKeyResponse { key: Some(messages::key(&key)), api_key }))
    }

    async fn revoke_key(
        &self,
        request: Request<proto::RevokeKeyRequest>,
    ) -> Answer<proto::RevokeKeyResponse> {
        let id = key_id(&request.into_inner().key_id)?;
        let key = self.directory.revoke_key(id).await?;
        Ok(Response::new(proto::RevokeKeyResponse { key: Some(messages::key(&key)) }))
    }

    async fn list_keys(&self, request: Request<proto::ListKeysRequest>) -> Answer<proto::ListKeysResponse> {
        Ok(Response::new(self.page_of_keys(request.into_inner()).await?))
    }
}

pub(crate) fn wrong(field: &str, rule: &str) -> Error {
    Error::RequestInvalid(vec![Violation::new(field, rule)])
}

fn merchant_id(text: &str) -> Result<MerchantId, Error> {
    MerchantId::parse(text).map_err(|_| wrong("merchant_id", "3 to 40 lower-case letters, digits and dashes"))
}

fn key_id(text: &str) -> Result<KeyId, Error> {
    let valid = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if valid {
        Ok(KeyId(text.into()))
    } else {
        Err(wrong("key_id", "the third part of a key, letters and digits"))
    }
}

fn page_size(asked: i32) -> Result<usize, Error> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_DEFAULT),
        Ok(size) if asked <= PAGE_MAX => Ok(size),
        _ => Err(wrong("page_size", "0 to 1000")),
    }
}

/// Cuts the extra row off that proves that there is a next page, and names the last row that stays.
fn next_token<T>(rows: &mut Vec<T>, size: usize, id: impl Fn(&T) -> String) -> String {
    if rows.len() <= size {
        return String::new();
    }
    rows.truncate(size);
    rows.last().map(id).unwrap_or_default()
}
