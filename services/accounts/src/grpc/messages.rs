//! Between domain values and the messages of the wire.

use kaleem_proto::accounts::v1 as proto;
use kaleem_rpc::convert;

use super::wrong;
use crate::{
    Error,
    directory::Authenticated,
    key::{ApiKey, NewKey, Scope},
    merchant::{Merchant, NewMerchant, State},
    plan::{BillingMode, CapAction, Plan},
};

pub fn authenticated(authenticated: &Authenticated) -> proto::AuthenticateResponse {
    let key = &authenticated.key;
    let principal = proto::Principal {
        key_id: key.id.to_string(),
        scopes: scopes(key),
        allowed_models: key.allowed_models.clone(),
        expire_time: key.expire_time.map(convert::timestamp),
    };
    let account = authenticated.account.as_ref();
    proto::AuthenticateResponse {
        principal: Some(principal),
        merchant: account.map(|(shop, _)| merchant(shop)),
        plan: account.map(|(_, terms)| plan(terms)),
    }
}

pub fn merchant(merchant: &Merchant) -> proto::Merchant {
    let state = match merchant.state {
        State::Active => proto::MerchantState::Active,
        State::Suspended => proto::MerchantState::Suspended,
    };
    proto::Merchant {
        merchant_id: merchant.id.to_string(),
        display_name: merchant.display_name.clone(),
        plan_id: merchant.plan_id.clone(),
        time_zone: merchant.time_zone.clone(),
        state: state.into(),
        create_time: Some(convert::timestamp(merchant.create_time)),
        allowed_models: merchant.allowed_models.clone(),
        external_providers_allowed: merchant.external_providers_allowed,
    }
}

pub fn new_merchant(request: proto::CreateMerchantRequest) -> NewMerchant {
    NewMerchant {
        id: request.merchant_id,
        display_name: request.display_name,
        plan_id: request.plan_id,
        time_zone: request.time_zone,
        external_providers_allowed: request.external_providers_allowed,
    }
}

pub fn state(state: proto::MerchantState) -> Option<State> {
    match state {
        proto::MerchantState::Active => Some(State::Active),
        proto::MerchantState::Suspended => Some(State::Suspended),
        proto::MerchantState::Unspecified => None,
    }
}

pub fn plan(plan: &Plan) -> proto::Plan {
    let on_cap = match plan.on_cap {
        CapAction::Degrade => proto::CapAction::Degrade,
        CapAction::Suspend => proto::CapAction::Suspend,
    };
    let billing_mode = match plan.billing_mode {
        BillingMode::Postpaid => proto::BillingMode::Postpaid,
        BillingMode::Prepaid => proto::BillingMode::Prepaid,
    };
    proto::Plan {
        plan_id: plan.id.clone(),
        version: plan.version,
        day_request_cap: plan.day_request_cap,
        month_token_cap: plan.month_token_cap,
        month_cost_nano_usd_cap: plan.month_cost_nano_usd_cap,
        concurrent_request_cap: plan.concurrent_request_cap,
        on_cap: on_cap.into(),
        alert_percents: plan.alert_percents.clone(),
        billing_mode: billing_mode.into(),
    }
}

pub fn asked_plan(asked: proto::Plan) -> Result<Plan, Error> {
    let on_cap = match proto::CapAction::try_from(asked.on_cap) {
        Ok(proto::CapAction::Degrade) => CapAction::Degrade,
        Ok(proto::CapAction::Suspend | proto::CapAction::Unspecified) => CapAction::Suspend,
        Err(_) => return Err(wrong("plan.on_cap", "CAP_ACTION_DEGRADE or CAP_ACTION_SUSPEND")),
    };
    let billing_mode = match proto::BillingMode::try_from(asked.billing_mode) {
        Ok(proto::BillingMode::Postpaid | proto::BillingMode::Unspecified) => BillingMode::Postpaid,
        Ok(proto::BillingMode::Prepaid) => BillingMode::Prepaid,
        Err(_) => return Err(wrong("plan.billing_mode", "BILLING_MODE_POSTPAID or BILLING_MODE_PREPAID")),
    };
    Ok(Plan {
        id: asked.plan_id,
        version: 0,
        day_request_cap: asked.day_request_cap,
        month_token_cap: asked.month_token_cap,
        month_cost_nano_usd_cap: asked.month_cost_nano_usd_cap,
        concurrent_request_cap: asked.concurrent_request_cap,
        on_cap,
        alert_percents: asked.alert_percents,
        billing_mode,
    })
}

pub fn key(key: &ApiKey) -> proto::ApiKey {
    proto::ApiKey {
        key_id: key.id.to_string(),
        merchant_id: key.merchant_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        alias: key.alias.clone(),
        scopes: scopes(key),
        allowed_models: key.allowed_models.clone(),
        create_time: Some(convert::timestamp(key.create_time)),
        expire_time: key.expire_time.map(convert::timestamp),
        revoke_time: key.revoke_time.map(convert::timestamp),
    }
}

pub fn new_key(request: proto::IssueKeyRequest) -> Result<NewKey, Error> {
    let scopes: Option<Vec<Scope>> = request.scopes().map(scope).collect();
    // An unknown number reads as unspecified, which must not pass silently either.
    let known = request.scopes.iter().all(|number| proto::Scope::try_from(*number).is_ok());
    let rule = "SCOPE_CHAT, SCOPE_ADMIN or SCOPE_ACT_AS";
    Ok(NewKey {
        scopes: scopes.filter(|_| known).ok_or_else(|| wrong("scopes", rule))?,
        expire_time: request.expire_time.as_ref().map(convert::from_timestamp),
        merchant_id: request.merchant_id,
        alias: request.alias,
        allowed_models: request.allowed_models,
    })
}

fn scope(scope: proto::Scope) -> Option<Scope> {
    match scope {
        proto::Scope::Chat => Some(Scope::Chat),
        proto::Scope::Admin => Some(Scope::Admin),
        proto::Scope::ActAs => Some(Scope::ActAs),
        proto::Scope::Unspecified => None,
    }
}

fn scopes(key: &ApiKey) -> Vec<i32> {
    let scope = |scope: &Scope| match scope {
        Scope::Chat => proto::Scope::Chat.into(),
        Scope::Admin => proto::Scope::Admin.into(),
        Scope::ActAs => proto::Scope::ActAs.into(),
    };
    key.scopes.iter().map(scope).collect()
}
