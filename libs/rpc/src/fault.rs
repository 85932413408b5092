//! A failure as callers see it, and its way to and from a gRPC status.

use std::{collections::BTreeMap, fmt, time::Duration};

use tonic::{Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Canonical gRPC codes that this project answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The caller left.
    Cancelled,
    /// The request is malformed.
    InvalidArgument,
    /// The deadline passed.
    DeadlineExceeded,
    /// No such thing.
    NotFound,
    /// The id is taken by something else.
    AlreadyExists,
    /// The caller may not.
    PermissionDenied,
    /// Who calls is not known.
    Unauthenticated,
    /// A quota or rate is spent.
    ResourceExhausted,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// A conflict with a concurrent change.
    Aborted,
    /// Not built.
    Unimplemented,
    /// A bug or a broken invariant.
    Internal,
    /// Try again later.
    Unavailable,
}

impl Code {
    const PAIRS: [(Self, tonic::Code); 13] = [
        (Self::Cancelled, tonic::Code::Cancelled),
        (Self::InvalidArgument, tonic::Code::InvalidArgument),
        (Self::DeadlineExceeded, tonic::Code::DeadlineExceeded),
        (Self::NotFound, tonic::Code::NotFound),
        (Self::AlreadyExists, tonic::Code::AlreadyExists),
        (Self::PermissionDenied, tonic::Code::PermissionDenied),
        (Self::Unauthenticated, tonic::Code::Unauthenticated),
        (Self::ResourceExhausted, tonic::Code::ResourceExhausted),
        (Self::FailedPrecondition, tonic::Code::FailedPrecondition),
        (Self::Aborted, tonic::Code::Aborted),
        (Self::Unimplemented, tonic::Code::Unimplemented),
        (Self::Internal, tonic::Code::Internal),
        (Self::Unavailable, tonic::Code::Unavailable),
    ];

    /// The number of `google.rpc.Code`.
    pub fn number(self) -> i32 {
        tonic::Code::from(self) as i32
    }

    fn of(code: tonic::Code) -> Self {
        Self::PAIRS.iter().find(|(_, theirs)| *theirs == code).map_or(Self::Internal, |(ours, _)| *ours)
    }
}

impl From<Code> for tonic::Code {
    fn from(code: Code) -> Self {
        Code::PAIRS.iter().find(|(ours, _)| *ours == code).map_or(Self::Internal, |(_, theirs)| *theirs)
    }
}

/// Bytes of message, of facts, and of violations that are sent. They cross in one header each, which peers refuse from 16 KiB on,
/// after a third was added by base64 or two thirds by escapes.
const MESSAGE_BYTES_MAX: usize = 1024;
const METADATA_BYTES_MAX: usize = 2048;
const VIOLATION_BYTES_MAX: usize = 4096;
/// Fact that counts the violations that were too many to send.
const OMITTED: &str = "violations_omitted_count";

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, for example `input.messages[2].role`.
    pub field: String,
    /// What is wrong and what would be right.
    pub description: String,
}

/// A quota that is spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaViolation {
    /// Whose and which, for example `merchant:dukkan/month_tokens`.
    pub subject: String,
    /// The limit, what is spent and when it resets.
    pub description: String,
}

/// A message for the end user, `google.rpc.LocalizedMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Localized {
    /// BCP 47 tag of its language.
    pub locale: String,
    /// The message.
    pub message: String,
}

/// A failure: clients branch on `(domain, reason)`, people read `message`. The only way to make a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Canonical code.
    pub code: Code,
    /// Who failed, `<svc>.kaleem`.
    pub domain: String,
    /// UPPER_SNAKE reason, listed in docs/errors.md.
    pub reason: String,
    /// One lowercase sentence that names the way out; no secrets, no prompt text.
    pub message: String,
    /// Machine-readable facts.
    pub metadata: BTreeMap<String, String>,
    /// Wait at least this long before trying again.
    pub retry_after: Option<Duration>,
    /// All wrong fields at once.
    pub field_violations: Vec<FieldViolation>,
    /// Spent quotas.
    pub quota_violations: Vec<QuotaViolation>,
    /// What the end user may read, where there is something. Boxed, as few failures have it.
    pub localized: Option<Box<Localized>>,
}

impl Fault {
    /// A failure without details.
    pub fn new(code: Code, domain: &str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            domain: domain.to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
            metadata: BTreeMap::new(),
            retry_after: None,
            field_violations: Vec::new(),
            quota_violations: Vec::new(),
            localized: None,
        }
    }

    /// Adds a machine-readable fact.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in numbers and texts alike")]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a wrong field.
    #[must_use]
    pub fn violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.field_violations.push(FieldViolation { field: field.into(), description: description.into() });
        self
    }

    /// Adds a spent quota.
    #[must_use]
    pub fn quota_violation(mut self, subject: impl Into<String>, description: impl Into<String>) -> Self {
        self.quota_violations
            .push(QuotaViolation { subject: subject.into(), description: description.into() });
        self
    }

    /// Adds a message for the end user in the language of `locale`.
    #[must_use]
    pub fn localized(mut self, locale: &str, message: impl Into<String>) -> Self {
        self.localized = Some(Box::new(Localized { locale: locale.to_owned(), message: message.into() }));
        self
    }

    /// Reads a status back; one without details keeps its code and text under reason `UNKNOWN`.
    pub fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let code = Code::of(status.code());
        let (domain, reason, metadata) = match details.error_info() {
            Some(info) => {
                (info.domain.clone(), info.reason.clone(), info.metadata.clone().into_iter().collect())
            }
            None => ("rpc.kaleem".to_owned(), unnamed_reason(code).to_owned(), BTreeMap::new()),
        };
        let field_violations = details.bad_request().map_or_else(Vec::new, |bad| {
            let violations = bad.field_violations.iter();
            violations
                .map(|v| FieldViolation { field: v.field.clone(), description: v.description.clone() })
                .collect()
        });
        let quota_violations = details.quota_failure().map_or_else(Vec::new, |quota| {
            let violations = quota.violations.iter();
            violations
                .map(|v| QuotaViolation { subject: v.subject.clone(), description: v.description.clone() })
                .collect()
        });
        Self {
            code,
            domain,
            reason,
            message: status.message().to_owned(),
            metadata,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            field_violations,
            quota_violations,
            localized: details.localized_message().map(|said| {
                Box::new(Localized { locale: said.locale.clone(), message: said.message.clone() })
            }),
        }
    }
}

fn unnamed_reason(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "CANCELLED",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::Unavailable => "PEER_UNAVAILABLE",
        Code::Unimplemented => "NOT_IMPLEMENTED",
        _ => "UNKNOWN",
    }
}

impl Fault {
    /// Cuts what would not cross the wire, so that a fault is the same in process and over TCP: the first violations stay.
    fn bounded(mut self) -> Self {
        self.message.truncate(self.message.floor_char_boundary(MESSAGE_BYTES_MAX));
        if let Some(localized) = self.localized.as_mut() {
            localized.message.truncate(localized.message.floor_char_boundary(MESSAGE_BYTES_MAX));
        }
        let mut left = METADATA_BYTES_MAX;
        self.metadata.retain(|key, value| fits(&mut left, key, value));
        let before = self.field_violations.len() + self.quota_violations.len();
        let mut left = VIOLATION_BYTES_MAX;
        self.field_violations.retain(|v| fits(&mut left, &v.field, &v.description));
        self.quota_violations.retain(|v| fits(&mut left, &v.subject, &v.description));
        let omitted = before - self.field_violations.len() - self.quota_violations.len();
        if omitted > 0 { self.with(OMITTED, omitted) } else { self }
    }
}

/// Whether a pair still fits; the first that does not ends it for all after it.
fn fits(left: &mut usize, name: &str, text: &str) -> bool {
    // Tags and lengths of the encoding.
    *left = left.saturating_sub(name.len() + text.len() + 16);
    *left > 0
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let fault = fault.bounded();
        let mut details = ErrorDetails::new();
        details.set_error_info(
            fault.reason,
            fault.domain,
            fault.metadata.into_iter().collect::<std::collections::HashMap<_, _>>(),
        );
        if let Some(wait) = fault.retry_after {
            details.set_retry_info(Some(wait));
        }
        for violation in fault.field_violations {
            details.add_bad_request_violation(violation.field, violation.description);
        }
        for violation in fault.quota_violations {
            details.add_quota_failure_violation(violation.subject, violation.description);
        }
        if let Some(localized) = fault.localized {
            details.set_localized_message(localized.locale, localized.message);
        }
        Self::with_error_details_and_metadata(fault.code.into(), fault.message, details, MetadataMap::new())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.message, self.domain, self.reason)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_wire() {
        let fault =
            Fault::new(Code::ResourceExhausted, "quota.kaleem", "QUOTA_EXCEEDED", "month_tokens is spent")
                .with("cap", 100)
                .retry_after(Duration::from_secs(5))
                .violation("input.messages", "must not be empty")
                .localized("ar", "نفد الرصيد")
                .quota_violation("merchant:dukkan", "100 of 100");
        assert_eq!(Fault::from_status(&Status::from(fault.clone())), fault);
    }

    #[test]
    fn what_would_not_cross_the_wire_is_cut_and_counted() {
        let fault = Fault::new(Code::InvalidArgument, "gateway.kaleem", "REQUEST_INVALID", "خ".repeat(2000));
        let fault =
            (0..1000).fold(fault, |fault, n| fault.violation(format!("messages[{n}]"), "must not be empty"));
        let sent = Fault::from_status(&Status::from(fault));
        assert_eq!(sent.message.len(), MESSAGE_BYTES_MAX);
        let kept = sent.field_violations.len();
        assert!((50..200).contains(&kept), "{kept}");
        assert_eq!(sent.field_violations[0].field, "messages[0]");
        assert_eq!(sent.metadata.get(OMITTED), Some(&(1000 - kept).to_string()));
    }

    #[test]
    fn a_foreign_status_keeps_code_and_text() {
        let fault = Fault::from_status(&Status::unavailable("connection refused"));
        assert_eq!((fault.code, fault.reason.as_str()), (Code::Unavailable, "PEER_UNAVAILABLE"));
        assert_eq!(fault.message, "connection refused");
    }
}
