//! Notices about statements, in the language of the request.

use kaleem_guard::{Field, Finding};
use kaleem_proto::gateway::v1::Notice;

/// What became of the statement `finding`, for the caller.
pub(super) fn notice(reason: &str, finding: &Finding, language: &str) -> Notice {
    let message = if language == "ar" { arabic(reason, finding) } else { english(reason, finding) };
    Notice { reason: reason.to_owned(), message }
}

/// The merchant wants the model to be asked again, and it could not be.
pub(in crate::pipeline) fn not_asked_again(language: &str) -> Notice {
    let message = match language {
        "ar" => "لم يُسأل النموذج مرة أخرى لأن الجواب كان قد بدأ أو لأن السؤال تعذر، فصُحِّح الجواب في مكانه.",
        _ => {
            "the model was not asked again, as its answer had begun or it could not be asked; the answer was corrected in its place"
        }
    };
    Notice { reason: "GUARDRAIL_NOT_RETRIED".to_owned(), message: message.to_owned() }
}

/// The model was asked again.
pub(in crate::pipeline) fn asked_again(language: &str) -> Notice {
    let message = match language {
        "ar" => "خالف الجواب الأول بيانات المتجر، فسُئل النموذج مرة أخرى.",
        _ => "the first answer contradicted the shop's facts, so the model was asked again",
    };
    Notice { reason: "GUARDRAIL_RETRIED".to_owned(), message: message.to_owned() }
}

fn english(reason: &str, finding: &Finding) -> String {
    let Finding { field, found, expected, .. } = finding;
    let field = field.name().replace('_', " ");
    match (reason, expected) {
        ("GUARDRAIL_BLOCKED", _) => {
            format!("the answer was ended before a statement on {field} that the shop's facts do not back")
        }
        ("GUARDRAIL_UNSURE", _) => {
            format!("the answer says {found} for {field}, of which the shop's facts say nothing")
        }
        ("GUARDRAIL_CORRECTED", Some(expected)) => {
            format!(
                "the model said {found} for {field}; by the shop's facts it is {expected}, which the answer says now"
            )
        }
        (_, Some(expected)) => {
            format!("the answer says {found} for {field}; by the shop's facts it is {expected}")
        }
        (_, None) => format!("the answer says {found} for {field}, which the shop's facts contradict"),
    }
}

fn arabic(reason: &str, finding: &Finding) -> String {
    let Finding { field, found, expected, .. } = finding;
    let field = noun(*field);
    match (reason, expected) {
        ("GUARDRAIL_BLOCKED", _) => {
            format!("أُنهي الجواب قبل عبارة عن «{field}» لا تؤيدها بيانات المتجر.")
        }
        ("GUARDRAIL_UNSURE", _) => {
            format!("ذكر الجواب «{found}» عن «{field}»، وبيانات المتجر لا تذكر شيئًا عن ذلك.")
        }
        ("GUARDRAIL_CORRECTED", Some(expected)) => {
            format!("ذكر النموذج «{found}» عن «{field}»، فصُحِّح الجواب إلى {expected} وفق بيانات المتجر.")
        }
        (_, Some(expected)) => {
            format!("ذكر الجواب «{found}» عن «{field}»، والصحيح في بيانات المتجر {expected}.")
        }
        (_, None) => format!("ذكر الجواب «{found}» عن «{field}»، وهذا يخالف بيانات المتجر."),
    }
}

const fn noun(field: Field) -> &'static str {
    match field {
        Field::Price => "السعر",
        Field::ShippingFee => "رسوم الشحن",
        Field::FreeOver => "حد الشحن المجاني",
        Field::ShippingDays => "مدة الشحن",
        Field::ReturnDays => "مدة الإرجاع",
        Field::ExchangeDays => "مدة الاستبدال",
        Field::WarrantyMonths => "مدة الضمان",
        Field::CodFee => "رسوم الدفع عند الاستلام",
        Field::Coupon => "كود الخصم",
        Field::Percent => "النسبة",
        Field::Total => "المجموع",
    }
}
