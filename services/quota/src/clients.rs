//! The services that quota asks: accounts for profiles of merchants and news about them, billing for the ledger's sums.

mod ledger;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use kaleem_domain::{MerchantId, Pico};
use kaleem_proto::{
    accounts::v1::{
        BillingMode as WireBillingMode, CapAction as WireCapAction, GetMerchantRequest, Plan,
        WatchRevocationsRequest, accounts_service_client::AccountsServiceClient,
        watch_revocations_response::Subject,
    },
    billing::v1::{
        GetUsageSummaryRequest, GetUsageSummaryResponse, billing_service_client::BillingServiceClient,
    },
};
use kaleem_rpc::{Code, Fault, Transport, convert};
use tonic::{Request, Status};

use crate::{
    Error,
    machine::{Amount, BillingMode, CapAction, Caps, Policy, Profile, WindowId},
};

pub(crate) use ledger::{Account, Matter, News as LedgerNews, Payment, Served, Told};

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
    let billing_mode = match plan.billing_mode() {
        WireBillingMode::Prepaid => BillingMode::Prepaid,
        WireBillingMode::Postpaid | WireBillingMode::Unspecified => BillingMode::Postpaid,
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
        billing_mode,
    }
}

fn unavailable(status: &Status) -> Error {
    Error::AccountsUnavailable(status.message().to_owned())
}

/// The billing service; without a client it is never there.
#[derive(Debug, Clone)]
pub(crate) struct Billing {
    client: Option<BillingServiceClient<Transport>>,
    timeout: Duration,
    /// Upstream projects of which it is asked, for their zones.
    upstreams: Arc<BTreeMap<String, Profile>>,
}

/// What the ledger says of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Sums, with the number of events as requests.
    pub(crate) amount: Amount,
    /// The merchant's newest transaction that is counted; 0 before the first.
    pub(crate) transaction: i64,
}

impl Billing {
    pub(crate) fn new(
        client: Option<BillingServiceClient<Transport>>,
        timeout: Duration,
        upstreams: BTreeMap<String, Profile>,
    ) -> Self {
        Self { client, timeout, upstreams: Arc::new(upstreams) }
    }

    /// Whether there is a ledger to compare with.
    pub(crate) const fn is_known(&self) -> bool {
        self.client.is_some()
    }

    /// What the ledger says of the window of a merchant or an upstream project.
    pub(crate) async fn ledger(&self, account: &MerchantId, window: WindowId) -> Result<Ledger, Error> {
        self.ledger_up_to(account, window, 0).await
    }

    /// The same by the transactions up to one; 0 is all, and of a merchant it always is.
    pub(crate) async fn ledger_up_to(
        &self,
        account: &MerchantId,
        window: WindowId,
        max_transaction: i64,
    ) -> Result<Ledger, Error> {
        let Some(mut client) = self.client.clone() else {
            return Err(Error::BillingUnavailable("set mesh.peers.billing where quota runs".to_owned()));
        };
        let window_id = window.to_string();
        let asked = match account.upstream() {
            None => GetUsageSummaryRequest {
                merchant_id: account.as_str().to_owned(),
                window_id,
                ..GetUsageSummaryRequest::default()
            },
            Some(upstream) => GetUsageSummaryRequest {
                window_id,
                upstream: upstream.to_owned(),
                time_zone: self.upstreams.get(upstream).map(|of| of.time_zone.clone()).unwrap_or_default(),
                max_transaction,
                ..GetUsageSummaryRequest::default()
            },
        };
        let mut request = Request::new(asked);
        request.set_timeout(self.timeout);
        match tokio::time::timeout(self.timeout, client.get_usage_summary(request)).await {
            Ok(Ok(response)) => ledger(account, &response.into_inner()),
            Ok(Err(status)) => Err(Error::BillingUnavailable(status.message().to_owned())),
            Err(_) => Err(Error::BillingUnavailable(format!("no answer within {:?}", self.timeout))),
        }
    }
}

fn ledger(account: &MerchantId, summary: &GetUsageSummaryResponse) -> Result<Ledger, Error> {
    let counts = convert::from_usage(&summary.usage.unwrap_or_default()).buckets();
    let tokens = i64::try_from(counts.iter().map(|count| i128::from(*count)).sum::<i128>()).ok();
    // A merchant pays what we sell at, and we what the provider sells at.
    let pico = if account.upstream().is_some() { summary.cost_pico_usd } else { summary.sell_pico_usd };
    let cost_nano = Pico::new(i128::from(pico)).ceil_nano().map(|nano| nano.0);
    let amount = tokens.zip(cost_nano).map(|(tokens, cost_nano)| Amount {
        requests: summary.request_count,
        tokens,
        cost_nano,
    });
    // Usage below nothing would make room that no plan gives.
    let amount = amount.filter(|amount| amount.is_counted());
    let out_of_range = || Error::BillingUnavailable("its sums are out of range".to_owned());
    Ok(Ledger { amount: amount.ok_or_else(out_of_range)?, transaction: summary.max_transaction })
}
