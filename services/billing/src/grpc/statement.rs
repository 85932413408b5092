//! Statements.

use kaleem_proto::billing::v1 as proto;

use super::{Grpc, merchant_id, messages};
use crate::{Error, period::Period, statement, terms::Asked};

impl Grpc {
    pub(super) async fn close(
        &self,
        request: proto::CloseStatementRequest,
    ) -> Result<proto::CloseStatementResponse, Error> {
        let (merchant_id, period) = (merchant_id(&request.merchant_id)?, Period::field(&request.period)?);
        let asked = Asked::parse(&request.currency, &request.tax)?;
        let now = self.clock.now();
        let (store, grace) = (self.store.as_ref(), self.statement_grace);
        let statement = statement::close(store, merchant_id, period, &asked, grace, now).await?;
        Ok(proto::CloseStatementResponse { statement: Some(messages::statement(&statement)) })
    }

    pub(super) async fn statement(
        &self,
        request: proto::GetStatementRequest,
    ) -> Result<proto::GetStatementResponse, Error> {
        let (merchant_id, period) = (merchant_id(&request.merchant_id)?, Period::field(&request.period)?);
        let statement = self.store.statement(merchant_id, period.clone()).await?;
        let statement = statement.ok_or(Error::StatementNotFound(period))?;
        Ok(proto::GetStatementResponse { statement: Some(messages::statement(&statement)) })
    }
}
