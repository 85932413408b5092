//! Policies in the order in which they changed.

use kaleem_domain::MerchantId;
use sqlx::{Row as _, postgres::PgRow};

use super::Postgres;
use crate::{Error, store::StoredPolicy};

const AFTER: &str = "SELECT sequence, merchant_id, body, (SELECT coalesce(jsonb_agg(jsonb_build_array(month, tokens, cost_nano)), '[]')::text \
     FROM (SELECT month, tokens, cost_nano FROM top_up WHERE top_up.merchant_id = policy_change.merchant_id \
     ORDER BY month DESC LIMIT $4) AS last) FROM policy_change JOIN merchant USING (merchant_id) WHERE sequence > $1 \
     AND (merchant_id = $2 OR ($2::text IS NULL AND merchant_id NOT LIKE 'upstream/%')) ORDER BY sequence LIMIT $3";

impl Postgres {
    /// Policies that changed after `sequence`, at most `max`; of one account, or of all merchants where it is `None`.
    pub(crate) async fn policies_after(
        &self,
        sequence: i64,
        merchant: Option<&MerchantId>,
        max: u32,
    ) -> Result<Vec<StoredPolicy>, Error> {
        let select =
            sqlx::query(AFTER).bind(sequence).bind(merchant.map(MerchantId::as_str)).bind(i64::from(max));
        let rows = select.bind(StoredPolicy::TOP_UPS_MAX).fetch_all(&self.pool).await?;
        rows.iter().map(stored).collect()
    }

    /// The number of the last change; 0 before the first.
    pub(crate) async fn last_policy(&self) -> Result<i64, Error> {
        let select = sqlx::query("SELECT coalesce(max(sequence), 0) FROM policy_change");
        Ok(select.fetch_one(&self.pool).await?.try_get(0)?)
    }
}

fn stored(row: &PgRow) -> Result<StoredPolicy, Error> {
    StoredPolicy::read(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)
}
