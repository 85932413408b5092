//! Corrections.

use kaleem_domain::MerchantId;
use kaleem_proto::billing::v1 as proto;

use super::{Grpc, ID_RULE, MERCHANT_RULE, is_id, messages, wrong};
use crate::{
    Error, Violation,
    amendment::{Amendment, next_revision},
    event::{Rejection, TEXT_BYTES_MAX, UsageEvent},
    rating::{self, RatedEvent},
    store::Amended,
};

impl Grpc {
    pub(super) async fn amend(
        &self,
        request: proto::AmendUsageRequest,
    ) -> Result<proto::AmendUsageResponse, Error> {
        let merchant_id = checked(&request)?;
        let replacement = match request.replacement {
            Some(event) => Some(self.replacement(event, &merchant_id, &request.event_id).await?),
            None => None,
        };
        let amendment = Amendment {
            op_id: request.op_id.clone(),
            event_id: request.event_id.clone(),
            reason: request.reason,
            merchant_id,
            replacement,
        };
        match self.store.amend(amendment, self.clock.now()).await? {
            Amended::Transactions(ids) => Ok(proto::AmendUsageResponse {
                transaction_ids: ids.iter().map(ToString::to_string).collect(),
            }),
            Amended::Different => Err(Error::OpIdReused(request.op_id)),
            Amended::NotFound => Err(Error::EventNotFound(request.event_id)),
            Amended::Reversed { op_id, replacement } => {
                Err(Error::EventReversed { event_id: request.event_id, op_id, replacement })
            }
        }
    }

    /// Checks and rates the event that takes the place of `event_id`.
    async fn replacement(
        &self,
        mut event: proto::UsageEvent,
        merchant_id: &MerchantId,
        event_id: &str,
    ) -> Result<RatedEvent, Error> {
        if let Some(reservation) = &mut event.reservation {
            same_or_empty(&reservation.merchant_id, merchant_id.as_str(), "merchant_id")?;
            same_or_empty(&reservation.event_id, event_id, "event_id")?;
            reservation.merchant_id = merchant_id.to_string();
            reservation.event_id = next_revision(event_id);
        }
        let event = messages::usage_event(event).map_err(refused)?;
        event.check_fields(self.clock.now()).map_err(refused)?;
        let version = self.prices.get(&event.price_version).await?;
        let version = version.ok_or_else(|| Error::PriceUnknown(event.price_version.clone()))?;
        rating::rate(event, &version).map_err(refused)
    }
}

/// Checks the fields around the replacement and names each that is wrong.
fn checked(request: &proto::AmendUsageRequest) -> Result<MerchantId, Error> {
    let mut violations = Vec::new();
    if !is_id(&request.op_id) {
        violations.push(Violation::new("op_id", ID_RULE));
    }
    if UsageEvent::month_of(&request.event_id).is_none() {
        violations.push(Violation::new("event_id", "the id of a recorded event, YYYYMM/<request>/<attempt>"));
    }
    let reason = &request.reason;
    if !(1..=TEXT_BYTES_MAX).contains(&reason.len()) || reason.chars().any(char::is_control) {
        violations.push(Violation::new("reason", "1 to 256 bytes without control characters"));
    }
    let merchant_id = MerchantId::parse(&request.merchant_id).ok();
    if merchant_id.is_none() {
        violations.push(Violation::new("merchant_id", MERCHANT_RULE));
    }
    merchant_id.filter(|_| violations.is_empty()).ok_or(Error::RequestInvalid(violations))
}

fn same_or_empty(given: &str, wanted: &str, field: &str) -> Result<(), Error> {
    if given.is_empty() || given == wanted {
        return Ok(());
    }
    let rule =
        "empty or that of the amended event; to charge elsewhere, only reverse and record another event";
    Err(wrong(&format!("replacement.reservation.{field}"), rule))
}

fn refused(rejection: Rejection) -> Error {
    let (field, rule) = rejection.rule();
    wrong(&format!("replacement{field}"), rule)
}
