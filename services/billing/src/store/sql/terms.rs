//! Rates of exchange and of tax.

use kaleem_domain::MerchantId;

use super::{
    rows::wrong,
    session::{Columns, Session},
};
use crate::{
    period::Period,
    statement::Found,
    store::Error,
    terms::{Asked, Exchange, Tax, Terms},
};

/// What the merchant's newest statement is in.
const BEFORE: &str = "SELECT f.currency, t.country
     FROM statement AS s JOIN fx_rate AS f ON f.fx_id = s.fx_id LEFT JOIN tax_rate AS t ON t.tax_id = s.tax_id
     WHERE s.merchant_id = $1 ORDER BY s.period DESC LIMIT 1";

/// The rate of exchange of a currency in a month.
const EXCHANGE: &str =
    "SELECT fx_id, currency, rate_micro FROM fx_rate WHERE currency = $1 AND effective_period <= $2
     ORDER BY effective_period DESC LIMIT 1";

/// The rate of tax of a country in a month.
const TAX: &str =
    "SELECT tax_id, country, rate_micro FROM tax_rate WHERE country = $1 AND effective_period <= $2
     ORDER BY effective_period DESC LIMIT 1";

/// What a statement of `period` is in: what is asked, or else what the merchant's newest one is in. The session must see one instant.
pub async fn find(
    session: &mut dyn Session,
    merchant: &MerchantId,
    period: &Period,
    asked: &Asked,
) -> Result<Found, Error> {
    let before = |row: &dyn Columns| Ok((row.text("currency")?, row.optional_text("country")?));
    let before = session.optional(BEFORE, &[merchant.as_str().into()], before).await?;
    let (currency, country) = asked.after(before);
    let exchange = |row: &dyn Columns| {
        let (id, currency) = (row.text("fx_id")?, row.text("currency")?);
        Ok(Exchange { id, currency, rate_micro: row.number("rate_micro")? })
    };
    let values = [(&currency).into(), period.as_str().into()];
    let Some(exchange) = session.optional(EXCHANGE, &values, exchange).await? else {
        return Ok(Found::NoExchange);
    };
    let Some(country) = country else { return Ok(Found::Terms(Terms { exchange, tax: None })) };
    let tax = |row: &dyn Columns| {
        let (id, country) = (row.text("tax_id")?, row.text("country")?);
        Ok(Tax { id, country, rate_micro: row.number("rate_micro")? })
    };
    let values = [(&country).into(), period.as_str().into()];
    let tax = session.optional(TAX, &values, tax).await?;
    Ok(tax.map_or(Found::NoTax, |tax| Found::Terms(Terms { exchange, tax: Some(tax) })))
}

/// Reads what a row of a statement with the rates that it names is in.
pub fn terms(row: &dyn Columns) -> Result<Terms, Error> {
    let exchange = Exchange {
        id: row.text("fx_id")?,
        currency: row.text("currency")?,
        rate_micro: row.number("fx_rate_micro")?,
    };
    let Some(id) = row.optional_text("tax_id")? else { return Ok(Terms { exchange, tax: None }) };
    let missing = || wrong("statement", "tax_id");
    let country = row.optional_text("country")?.ok_or_else(missing)?;
    let rate_micro = row.optional_number("tax_rate_micro")?.ok_or_else(missing)?;
    Ok(Terms { exchange, tax: Some(Tax { id, country, rate_micro }) })
}
