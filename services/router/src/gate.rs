//! The gate: what may serve a request at all, before any preference; nothing later adds a candidate back.

use kaleem_domain::{Timestamp, price};
use kaleem_proto::router::v1::{PersonalDataClass, QuotaPosture, RouteFeatures};

use crate::{
    catalogue::{LOCAL, Offer},
    holds::Holds,
};

/// A gate that can remove a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It failed already for this request.
    Excluded,
    /// It does not serve now.
    Down,
    /// Its upstream asked us to wait.
    Held,
    /// Merchant or key does not allow the model.
    ModelNotAllowed,
    /// The merchant's prompts must stay with us.
    ExternalNotAllowed,
    /// Personal data is left in the prompt, so it must stay with us or in the region.
    PersonalData,
    /// It cannot do what the request needs.
    Capability,
    /// The request is too long for it.
    ContextLength,
    /// Its price is not known.
    PriceUnknown,
    /// The quota leaves only free models.
    Posture,
}

impl Gate {
    /// UPPER_SNAKE name.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Excluded => "EXCLUDED",
            Self::Down => "DOWN",
            Self::Held => "UPSTREAM_RATE_LIMITED",
            Self::ModelNotAllowed => "MODEL_NOT_ALLOWED",
            Self::ExternalNotAllowed => "EXTERNAL_NOT_ALLOWED",
            Self::PersonalData => "PERSONAL_DATA",
            Self::Capability => "CAPABILITY",
            Self::ContextLength => "CONTEXT_LENGTH_EXCEEDED",
            Self::PriceUnknown => "PRICE_UNKNOWN",
            Self::Posture => "QUOTA_POSTURE",
        }
    }
}

/// A removed candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Target and model.
    pub candidate: String,
    /// Which gate.
    pub gate: Gate,
    /// Why, in words.
    pub detail: String,
}

/// What the gate looks at beside the candidate.
pub(crate) struct Inputs<'a> {
    pub(crate) features: &'a RouteFeatures,
    pub(crate) prices: &'a [price::PriceVersion],
    pub(crate) holds: &'a Holds,
    pub(crate) now: Timestamp,
}

/// A candidate that passed, with its price.
pub(crate) struct Passed<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) price: &'a price::PriceVersion,
}

impl<'a> Inputs<'a> {
    /// Passes `offer` or says which gate removes it.
    pub(crate) fn admit(&self, offer: &'a Offer) -> Result<Passed<'a>, Rejection> {
        let reject = |gate: Gate, detail: String| Err(Rejection { candidate: offer.name(), gate, detail });
        if let Some((gate, detail)) = self.obstacle(offer) {
            return reject(gate, detail);
        }
        let Some(price) = price::in_force(self.prices, &offer.target, &offer.model.id, self.now) else {
            return reject(
                Gate::PriceUnknown,
                "has no price; add one with BillingService.PutPriceVersion".to_owned(),
            );
        };
        let sells =
            price.rates.iter().any(|rate| rate.book == price::Book::Sell && rate.pico_usd_per_unit > 0);
        if sells && self.features.posture() == QuotaPosture::Suspended {
            return reject(Gate::Posture, "costs money and the quota is spent".to_owned());
        }
        Ok(Passed { offer, price })
    }

    fn obstacle(&self, offer: &Offer) -> Option<(Gate, String)> {
        let (features, model) = (self.features, &offer.model);
        let external = model.region != LOCAL;
        if features.excluded_candidates.contains(&offer.name()) {
            return Some((Gate::Excluded, "failed already for this request".to_owned()));
        }
        if offer.is_down() {
            return Some((Gate::Down, "does not serve now".to_owned()));
        }
        if let Some(left) = self.holds.left(&offer.target, &model.id, self.now) {
            return Some((Gate::Held, format!("asked us to wait {} ms more", left.as_millis())));
        }
        if !features.allowed_models.is_empty() && !features.allowed_models.contains(&model.id) {
            return Some((
                Gate::ModelNotAllowed,
                "is not among the models that merchant and key allow".to_owned(),
            ));
        }
        if external && !features.external_providers_allowed {
            return Some((Gate::ExternalNotAllowed, "is external and the merchant allows none".to_owned()));
        }
        let sensitive =
            matches!(features.personal_data(), PersonalDataClass::Sensitive | PersonalDataClass::Unspecified);
        if !offer.at_home && sensitive {
            return Some((
                Gate::PersonalData,
                "lies outside of the region and personal data may be left in the prompt".to_owned(),
            ));
        }
        missing_capability(features, offer).or_else(|| too_long(features, offer))
    }
}

fn missing_capability(features: &RouteFeatures, offer: &Offer) -> Option<(Gate, String)> {
    let needs = [
        (features.needs_tools, offer.model.tools, "tools"),
        (features.needs_json_schema, offer.model.json_schema, "a JSON schema"),
        (features.needs_vision, offer.model.vision, "pictures"),
    ];
    let missing = needs.iter().find(|(needed, has, _)| *needed && !*has);
    missing.map(|(_, _, what)| (Gate::Capability, format!("cannot do {what}")))
}

fn too_long(features: &RouteFeatures, offer: &Offer) -> Option<(Gate, String)> {
    let context = offer.model.context_token_count;
    // Estimates are ceilings, so an input at the context's size may still fit with one token of output; the provider counts.
    let needed = features.input_token_count.saturating_add(1);
    (context > 0 && needed > context).then(|| {
        let detail =
            format!("takes {context} tokens and the input alone may need {}", features.input_token_count);
        (Gate::ContextLength, detail)
    })
}
