//! Signs of life: each is taken by itself, so that one that cannot be taken costs the others nothing.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, stream};
use kaleem_domain::MerchantId;
use kaleem_proto::quota::v1 as wire;
use kaleem_rpc::Fault;

use super::fault::refused;
use crate::{Error, Registry, machine::Beat, registry::Spending};

/// Merchants whose signs are taken at once: each waits for its store, and one commit serves many.
const MERCHANTS_AT_ONCE: usize = 32;

/// A sign of life of a call.
pub(super) struct Sign {
    pub(super) merchant: MerchantId,
    pub(super) beat: Beat,
    /// Where what the call costs at its upstream project is held, too.
    pub(super) spending: Option<Spending>,
}

/// What came of the signs of one merchant.
#[derive(Default)]
struct Taken {
    unknown: Vec<String>,
    failed: Vec<String>,
    fault: Option<Fault>,
}

/// Takes `signs`, those of a merchant one after the other. Fails where none could be taken.
pub(super) async fn take(
    registry: &Arc<Registry>,
    signs: Vec<Sign>,
) -> Result<wire::HeartbeatResponse, Fault> {
    let count = signs.len();
    let mut of_merchants = BTreeMap::<MerchantId, Vec<Sign>>::new();
    for sign in signs {
        of_merchants.entry(sign.merchant.clone()).or_default().push(sign);
    }
    let taking = of_merchants.into_values().map(|signs| take_of_one(Arc::clone(registry), signs));
    let mut taking = stream::iter(taking).buffered(MERCHANTS_AT_ONCE);
    let mut all = Taken::default();
    while let Some(taken) = taking.next().await {
        all.unknown.extend(taken.unknown);
        all.failed.extend(taken.failed);
        all.fault = all.fault.or(taken.fault);
    }
    metrics::counter!("kaleem_quota_beats_failed_total").increment(all.failed.len() as u64);
    match all.fault {
        Some(fault) if all.failed.len() == count => Err(fault),
        _ => Ok(wire::HeartbeatResponse { unknown_request_ids: all.unknown, failed_request_ids: all.failed }),
    }
}

async fn take_of_one(registry: Arc<Registry>, signs: Vec<Sign>) -> Taken {
    let mut taken = Taken::default();
    for sign in signs {
        let id = sign.beat.key.request_id.to_string();
        let outcome = match registry.beat(&sign.merchant, &sign.beat).await {
            Ok(lives) => Ok(lives),
            Err(Error::MerchantNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        };
        if let Ok(false) = outcome {
            taken.unknown.push(id.clone());
        }
        let spent = match &sign.spending {
            Some(spending) => registry.beat_spend(spending, sign.beat.observed_output).await,
            None => Ok(()),
        };
        if let Err(error) = outcome.and(spent) {
            tracing::warn!(merchant = %sign.merchant, %error, "a hold could not be prolonged now");
            taken.failed.push(id);
            taken.fault.get_or_insert(refused(&sign.merchant, error));
        }
    }
    taken
}
