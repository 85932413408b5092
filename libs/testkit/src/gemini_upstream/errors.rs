//! Error bodies of the API.

use serde_json::{Value, json};

/// A refusal: HTTP status and the `error` object.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status and `error.code`.
    pub code: u16,
    /// `error.status`, such as `INVALID_ARGUMENT`.
    pub status: &'static str,
    /// `error.message`.
    pub message: String,
    /// `error.details`.
    pub details: Vec<Value>,
}

impl ApiError {
    /// Creates an error without details.
    pub fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    /// 400 `INVALID_ARGUMENT` without details.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400 for a payload that does not fit the message definitions: one line for each violation, as (path,
    /// line).
    pub fn invalid_payload(violations: &[(String, String)]) -> Self {
        let message = violations.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
        let fields = violations.iter().map(|(path, line)| match path.as_str() {
            "" => json!({"description": line}),
            path => json!({"field": path, "description": line}),
        });
        let violations = fields.collect::<Vec<_>>();
        let details =
            json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations});
        Self { details: vec![details], ..Self::invalid_argument(message) }
    }

    /// 400 for a key that does not exist: the same status as a malformed request, told apart by its reason.
    pub fn api_key_invalid() -> Self {
        let message = "API key not valid. Please pass a valid API key.";
        let localized = json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message
        });
        Self { details: vec![error_info("API_KEY_INVALID"), localized], ..Self::invalid_argument(message) }
    }

    /// 403 for a request without a key.
    pub fn unregistered_caller() -> Self {
        let message = "Method doesn't allow unregistered callers (callers without established identity). \
                       Please use API Key or other form of API consumer identity to call this API.";
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// 401 for a standard key where only auth keys are accepted.
    pub fn standard_key_rejected() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                       valid authentication credential.";
        let error = Self::new(401, "UNAUTHENTICATED", message);
        Self { details: vec![error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")], ..error }
    }

    /// 403 for a key that was found in public.
    pub fn key_leaked() -> Self {
        let message = "Your API key was reported as leaked. Please use another API key.";
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// 404 for a model that does not exist or has no such method.
    pub fn model_not_found(model: &str, method: &str) -> Self {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for {method}. \
             Call ModelService.ListModels to see the list of available models and their supported methods."
        );
        Self::new(404, "NOT_FOUND", message)
    }

    /// 404 for a model that a new project does not get any more.
    pub fn closed_to_new_users(model: &str, successor: &str) -> Self {
        let message = format!(
            "This model models/{model} is no longer available to new users. Please update your code to use \
             models/{successor} for the latest features and improvements."
        );
        Self::new(404, "NOT_FOUND", message)
    }

    /// 400 for a prompt over the model's input limit.
    pub fn too_many_input_tokens(limit: u32) -> Self {
        let message =
            format!("The input token count exceeds the maximum number of tokens allowed ({limit}).");
        Self::invalid_argument(message)
    }

    /// 429 for the requests of a minute; `retry_delay_s` travels in `RetryInfo`, the text names another
    /// figure, as recorded.
    pub fn minute_quota_exceeded(model: &str, retry_delay_s: u32) -> Self {
        let quota = quota_failure("GenerateRequestsPerMinutePerProjectPerModel", model, 4_000);
        let retry = json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{retry_delay_s}s")
        });
        Self::quota_exceeded(vec![quota, help(), retry])
    }

    /// 429 for the requests of a day; the day ends at midnight Pacific, whatever `RetryInfo` says.
    pub fn day_quota_exceeded(model: &str) -> Self {
        let quota = quota_failure("GenerateRequestsPerDayPerProjectPerModel", model, 1_000);
        let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14s"});
        Self::quota_exceeded(vec![quota, help(), retry])
    }

    fn quota_exceeded(details: Vec<Value>) -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details.\nPlease retry in 51.38s.";
        Self { details, ..Self::new(429, "RESOURCE_EXHAUSTED", message) }
    }

    /// 429 without details: capacity.
    pub fn resource_exhausted() -> Self {
        Self::new(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    }

    /// 429 that no retry heals: the project has no money left.
    pub fn prepayment_depleted() -> Self {
        let message = "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.";
        Self::new(429, "RESOURCE_EXHAUSTED", message)
    }

    /// 503, overload.
    pub fn overloaded() -> Self {
        let message = "This model is currently experiencing high demand. Spikes in demand are usually temporary. \
                       Please try again later.";
        Self::new(503, "UNAVAILABLE", message)
    }

    /// 500.
    pub fn internal() -> Self {
        Self::new(500, "INTERNAL", "An internal error has occurred. Please retry.")
    }

    /// Returns the body as the API spells it out.
    pub fn body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({"error": error})
    }
}

fn error_info(reason: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"}
    })
}

fn quota_failure(quota_id: &str, model: &str, quota: u32) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
            "quotaId": quota_id,
            "quotaDimensions": {"location": "global", "model": model},
            "quotaValue": quota.to_string()
        }]
    })
}

fn help() -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits"
        }]
    })
}
