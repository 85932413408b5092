//! Payments.

use kaleem_domain::{MerchantId, Pico};
use kaleem_proto::billing::v1 as proto;

use super::{Grpc, ID_RULE, MERCHANT_RULE, is_id};
use crate::{Error, Violation, payment::Payment, store::Posted};

impl Grpc {
    pub(super) async fn pay(
        &self,
        request: proto::PostPaymentRequest,
    ) -> Result<proto::PostPaymentResponse, Error> {
        let payment = checked(request)?;
        match self.store.post_payment(payment.clone(), self.clock.now()).await? {
            Posted::Transaction(id) => {
                fail::fail_point!("billing::payment::committed");
                Ok(proto::PostPaymentResponse { transaction_id: id.to_string() })
            }
            Posted::Different => Err(Error::PaymentIdReused(payment.id)),
            Posted::Overdrawn(paid) => Err(Error::RefundTooLarge { id: payment.id, paid: Pico::new(paid) }),
        }
    }
}

/// Checks every field and names each that is wrong.
fn checked(request: proto::PostPaymentRequest) -> Result<Payment, Error> {
    let mut violations = Vec::new();
    if !is_id(&request.payment_id) {
        violations.push(Violation::new("payment_id", ID_RULE));
    }
    if matches!(request.amount_pico_usd, 0 | i64::MIN) {
        violations.push(Violation::new("amount_pico_usd", "-(2^63-1) to 2^63-1, and not 0"));
    }
    if request.amount_pico_usd < 0 && request.tops_up_month_cap {
        violations.push(Violation::new("tops_up_month_cap", "absent for money that went back"));
    }
    match MerchantId::parse(&request.merchant_id) {
        Ok(merchant_id) if violations.is_empty() => {
            let (id, amount_pico) = (request.payment_id, request.amount_pico_usd);
            Ok(Payment { id, merchant_id, amount_pico, tops_up: request.tops_up_month_cap })
        }
        Ok(_) => Err(Error::RequestInvalid(violations)),
        Err(_) => {
            violations.push(Violation::new("merchant_id", MERCHANT_RULE));
            Err(Error::RequestInvalid(violations))
        }
    }
}
