//! The accounts service as quota sees it: profiles of merchants and news about them.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kaleem_domain::MerchantId;
use kaleem_proto::accounts::v1::{
    CapAction as WireCapAction, GetMerchantRequest, Plan, WatchRevocationsRequest,
    accounts_service_client::AccountsServiceClient, watch_revocations_response::Subject,
};
use kaleem_rpc::{Code, Fault, Transport};
use tonic::{Request, Status};

use crate::{
    Error,
    machine::{CapAction, Caps, Policy, Profile},
};

/// The accounts service.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    client: AccountsServiceClient<Transport>,
    timeout: Duration,
}

/// A message of the news feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing but that the feed is alive.
    Alive,
    /// This merchant changed.
    Changed(MerchantId),
}

impl Accounts {
    pub(crate) const fn new(client: AccountsServiceClient<Transport>, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// Plan and zone of `merchant`; `None` where accounts knows no such merchant.
    pub(crate) async fn profile(&self, merchant: &MerchantId) -> Result<Option<Profile>, Error> {
        let mut request = Request::new(GetMerchantRequest { merchant_id: merchant.as_str().to_owned() });
        request.set_timeout(self.timeout);
        let mut client = self.client.clone();
        let answer = tokio::time::timeout(self.timeout, client.get_merchant(request)).await;
        let found = match answer {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => {
                let fault = Fault::from_status(&status);
                return if fault.code == Code::NotFound { Ok(None) } else { Err(unavailable(&status)) };
            }
            Err(_) => return Err(Error::AccountsUnavailable(format!("no answer within {:?}", self.timeout))),
        };
        let missing = |what: &str| Error::PolicyInvalid(format!("the answer has no {what}"));
        let plan = found.plan.ok_or_else(|| missing("plan"))?;
        let time_zone = found.merchant.ok_or_else(|| missing("merchant"))?.time_zone;
        let policy = policy(plan);
        match policy.caps.check().first() {
            Some(wrong) => Err(Error::PolicyInvalid(wrong.to_string())),
            None => Ok(Some(Profile { policy, time_zone })),
        }
    }

    /// Opens the feed of changes from now on.
    pub(crate) async fn watch(&self) -> Result<impl Stream<Item = Result<News, Error>> + use<>, Error> {
        let request = WatchRevocationsRequest { from_sequence: 0 };
        let mut client = self.client.clone();
        let opened = tokio::time::timeout(self.timeout, client.watch_revocations(request)).await;
        let stream = match opened {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return Err(unavailable(&status)),
            Err(_) => return Err(Error::AccountsUnavailable(format!("no feed within {:?}", self.timeout))),
        };
        Ok(stream.map(|message| {
            let merchant = match message.map_err(|status| unavailable(&status))?.subject {
                Some(Subject::MerchantId(id)) => MerchantId::parse(&id).ok(),
                Some(Subject::KeyId(_)) | None => None,
            };
            Ok(merchant.map_or(News::Alive, News::Changed))
        }))
    }
}

/// A plan as quota enforces it; the caps are still to be checked.
pub(crate) fn policy(plan: Plan) -> Policy {
    let on_cap = match plan.on_cap() {
        WireCapAction::Degrade => CapAction::Degrade,
        WireCapAction::Suspend | WireCapAction::Unspecified => CapAction::Suspend,
    };
    Policy {
        plan_id: plan.plan_id,
        plan_version: plan.version,
        caps: Caps {
            day_requests: plan.day_request_cap,
            month_tokens: plan.month_token_cap,
            month_cost_nano: plan.month_cost_nano_usd_cap,
            concurrency: plan.concurrent_request_cap,
        },
        on_cap,
        alert_percents: plan.alert_percents,
    }
}

fn unavailable(status: &Status) -> Error {
    Error::AccountsUnavailable(status.message().to_owned())
}
