//! Merchants: the shops that pay.

use kaleem_domain::{MerchantId, Timestamp, window::Zone};

use crate::{Error, Violation};

/// Zone of merchants that name none.
pub const DEFAULT_TIME_ZONE: &str = "Asia/Riyadh";
const NAME_CHARS_MAX: usize = 80;
const MODELS_MAX: usize = 64;
const MODEL_BYTES_MAX: usize = 128;

/// Whether a merchant may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It may.
    Active,
    /// It may not until resumed.
    Suspended,
}

/// A shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Identity.
    pub id: MerchantId,
    /// Name for people.
    pub display_name: String,
    /// Its plan.
    pub plan_id: String,
    /// IANA zone of its day and month.
    pub time_zone: String,
    /// Whether it may call.
    pub state: State,
    /// When it was made.
    pub create_time: Timestamp,
    /// Models it may use; empty is all of the plan's.
    pub allowed_models: Vec<String>,
    /// Whether its redacted prompts may leave for an external provider.
    pub external_providers_allowed: bool,
}

/// A merchant as asked for; empty texts take their default.
#[derive(Debug, Clone, Default)]
pub struct NewMerchant {
    /// Wanted id.
    pub id: String,
    /// Name for people; empty takes the id.
    pub display_name: String,
    /// Plan; empty takes the default plan.
    pub plan_id: String,
    /// IANA zone; empty is [`DEFAULT_TIME_ZONE`].
    pub time_zone: String,
    /// Whether redacted prompts may leave for an external provider.
    pub external_providers_allowed: bool,
}

impl NewMerchant {
    /// Checks every field, fills defaults in, and names each field that breaks a rule.
    pub fn resolve(self, default_plan: &str, now: Timestamp) -> Result<Merchant, Error> {
        let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
        let mut violations = Vec::new();
        let id = MerchantId::parse(&self.id);
        if id.is_err() {
            let rule = "3 to 40 lower-case letters, digits and dashes, starting with a letter";
            violations.push(Violation::new("merchant_id", rule));
        }
        if !is_name(&self.display_name) {
            violations
                .push(Violation::new("display_name", "at most 80 characters without control characters"));
        }
        let time_zone = or(self.time_zone, DEFAULT_TIME_ZONE);
        if Zone::parse(&time_zone).is_err() {
            violations.push(Violation::new("time_zone", "an IANA name such as Asia/Riyadh"));
        }
        let plan_id = or(self.plan_id, default_plan);
        if !is_slug(&plan_id, 2) {
            violations.push(Violation::new("plan_id", "the id of a plan, or empty"));
        }
        match id {
            Ok(id) if violations.is_empty() => Ok(Merchant {
                display_name: or(self.display_name, id.as_str()),
                plan_id,
                time_zone,
                state: State::Active,
                create_time: now,
                allowed_models: Vec::new(),
                external_providers_allowed: self.external_providers_allowed,
                id,
            }),
            _ => Err(Error::RequestInvalid(violations)),
        }
    }
}

impl Merchant {
    /// The first field that a repeated creation asks for differently; `None` means that it is the same creation.
    pub fn first_difference(&self, asked: &Self) -> Option<&'static str> {
        let fields = [
            ("display_name", self.display_name == asked.display_name),
            ("plan_id", self.plan_id == asked.plan_id),
            ("time_zone", self.time_zone == asked.time_zone),
            (
                "external_providers_allowed",
                self.external_providers_allowed == asked.external_providers_allowed,
            ),
        ];
        fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

/// Whether `text` is a name for people: at most 80 characters, none of them a control character.
pub fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control)
}

/// Whether `text` is an identifier of `min` to 40 lower-case letters, digits and dashes.
pub fn is_slug(text: &str, min: usize) -> bool {
    (min..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Checks a list of model names.
pub fn check_models(field: &str, models: &[String]) -> Option<Violation> {
    let is_model = |model: &String| {
        (1..=MODEL_BYTES_MAX).contains(&model.len()) && model.bytes().all(|b| b.is_ascii_graphic())
    };
    let valid = models.len() <= MODELS_MAX && models.iter().all(is_model);
    (!valid).then(|| Violation::new(field, "at most 64 model names of 1 to 128 visible ASCII characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn empty_fields_take_their_default() {
        let merchant =
            NewMerchant { id: "dukkan".into(), ..NewMerchant::default() }.resolve("starter", NOW).unwrap();
        assert_eq!(merchant.display_name, "dukkan");
        assert_eq!(merchant.plan_id, "starter");
        assert_eq!(merchant.time_zone, "Asia/Riyadh");
        assert_eq!(merchant.state, State::Active);
        assert!(!merchant.external_providers_allowed);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let asked = NewMerchant {
            id: "Dukkan".into(),
            display_name: "متجر\u{0}".into(),
            time_zone: "Asia/Nowhere".into(),
            ..NewMerchant::default()
        };
        let Err(Error::RequestInvalid(violations)) = asked.resolve("starter", NOW) else {
            panic!("accepted")
        };
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["merchant_id", "display_name", "time_zone"]);
    }

    #[test]
    fn names_count_characters_not_bytes() {
        assert!(is_name(&"م".repeat(80)));
        assert!(!is_name(&"م".repeat(81)));
    }

    #[test]
    fn model_lists_are_bounded() {
        assert!(check_models("m", &["gemini-2.5-flash-lite".into()]).is_none());
        for bad in
            [vec![String::new()], vec!["two words".into()], vec!["m".into(); 65], vec!["x".repeat(129)]]
        {
            assert!(check_models("m", &bad).is_some(), "{bad:?}");
        }
    }
}
