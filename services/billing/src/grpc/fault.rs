//! Errors on the wire.

use std::{error::Error as _, time::Duration};

use kaleem_rpc::{Code, Fault};
use tonic::Status;

use crate::Error;

const DOMAIN: &str = "billing.kaleem";
/// Some commits long, so that the queue has moved on.
const RETRY: Duration = Duration::from_millis(200);

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let message = error.to_string();
        let fault = |code, reason: &str| Self::new(code, DOMAIN, reason, message.clone());
        match error {
            Error::RequestInvalid(violations) => {
                violations.iter().fold(fault(Code::InvalidArgument, "REQUEST_INVALID"), |fault, violation| {
                    fault.violation(violation.field.clone(), violation.description.clone())
                })
            }
            Error::PriceVersionExists(id) => {
                fault(Code::AlreadyExists, "PRICE_VERSION_EXISTS").with("price_version", id)
            }
            Error::PriceUnknown(id) => {
                fault(Code::FailedPrecondition, "PRICE_UNKNOWN").with("price_version", id)
            }
            Error::EventNotFound(id) => fault(Code::NotFound, "EVENT_NOT_FOUND").with("event_id", id),
            Error::EventReversed { op_id, replacement, .. } => {
                let fault = fault(Code::FailedPrecondition, "EVENT_REVERSED").with("op_id", op_id);
                replacement.iter().fold(fault, |fault, id| fault.with("replacement_event_id", id))
            }
            Error::PeriodOpen { period, .. } => {
                fault(Code::FailedPrecondition, "PERIOD_OPEN").with("period", period)
            }
            Error::EarlierPeriodOpen { earlier, .. } => {
                fault(Code::FailedPrecondition, "EARLIER_PERIOD_OPEN").with("period", earlier)
            }
            Error::PeriodPassed { later, .. } => {
                fault(Code::FailedPrecondition, "PERIOD_PASSED").with("period", later)
            }
            Error::StatementNotFound(period) => {
                fault(Code::NotFound, "STATEMENT_NOT_FOUND").with("period", period)
            }
            Error::StatementClosed { period, terms } => fault(Code::FailedPrecondition, "STATEMENT_CLOSED")
                .with("period", period)
                .with("currency", &terms.exchange.currency),
            Error::PositionUnknown { newest, .. } => {
                fault(Code::FailedPrecondition, "POSITION_UNKNOWN").with("newest_transaction", newest)
            }
            Error::OpIdReused(id) => fault(Code::AlreadyExists, "OP_ID_REUSED").with("op_id", id),
            Error::PaymentIdReused(id) => {
                fault(Code::AlreadyExists, "PAYMENT_ID_REUSED").with("payment_id", id)
            }
            Error::Overloaded | Error::TailsFull => fault(Code::Unavailable, "OVERLOADED").retry_after(RETRY),
            Error::Commit | Error::Overtaken(_) => {
                fault(Code::Unavailable, "STORE_UNAVAILABLE").retry_after(RETRY)
            }
            Error::Store(_) => {
                let message = "the ledger's store is unavailable; try again, and look at the service's log";
                Self::new(Code::Unavailable, DOMAIN, "STORE_UNAVAILABLE", message).retry_after(RETRY)
            }
            Error::AmountOverflow => fault(Code::FailedPrecondition, "AMOUNT_OVERFLOW"),
            Error::Config { .. } | Error::PriceFile(_) | Error::TimeZone(_) => {
                fault(Code::Internal, "INTERNAL")
            }
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Store(store) = &error {
            let cause = store.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %store, cause, "the ledger's store failed");
        }
        Fault::from(&error).into()
    }
}
