//! Bills of providers, and the ledger against them.

use kaleem_proto::billing::v1::{self as proto, get_reconciliation_response::Difference};

use super::{Grpc, ID_RULE, is_id, merchant_id, wrong};
use crate::{
    Error,
    bill::{Bill, MONTH_ROWS_MAX},
    period::Period,
    store::Imported,
};

impl Grpc {
    pub(super) async fn import(
        &self,
        request: proto::ImportProviderBillRequest,
    ) -> Result<proto::ImportProviderBillResponse, Error> {
        if !is_id(&request.target) {
            return Err(wrong("target", ID_RULE));
        }
        let bill = Bill::parse(request.target, &request.document)?;
        match self.store.import_bill(bill, self.clock.now()).await? {
            Imported::Rows(row_count) => Ok(proto::ImportProviderBillResponse { row_count }),
            Imported::Before => Ok(proto::ImportProviderBillResponse { row_count: 0 }),
            Imported::OtherTarget(target) => {
                Err(wrong("target", &format!("{target}, under which this file was imported before")))
            }
            Imported::MonthFull(month) => {
                let rule = format!(
                    "smaller: {month} of this target would hold more than {MONTH_ROWS_MAX} rows; leave \
                     provider_request_id out and import sums a day and model"
                );
                Err(wrong("document", &rule))
            }
        }
    }

    pub(super) async fn reconciliation(
        &self,
        request: proto::GetReconciliationRequest,
    ) -> Result<proto::GetReconciliationResponse, Error> {
        let merchant = match request.merchant_id.as_str() {
            "" => None,
            id => Some(merchant_id(id)?),
        };
        let period = Period::field(&request.period)?;
        let differences = self.auditor.reconcile(merchant, period).await?;
        let shown = differences.into_iter().map(|difference| Difference {
            subject: difference.subject,
            quota_value: String::new(),
            ledger_value: difference.ledger,
            provider_value: difference.provider,
        });
        Ok(proto::GetReconciliationResponse { differences: shown.collect() })
    }
}
