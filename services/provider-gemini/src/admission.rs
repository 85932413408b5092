//! Whether a verified admission covers a call.

use kaleem_proto::common::v1::Admission;

use crate::Error;

/// Target name of this service in admissions.
pub const TARGET: &str = "provider-gemini";

/// Checks that `admission` is for this provider and `model`.
pub fn covers(admission: &Admission, model: &str) -> Result<(), Error> {
    if admission.target != TARGET {
        return Err(Error::AdmissionMismatch("its target is another provider"));
    }
    if admission.model != model {
        return Err(Error::AdmissionMismatch("its model is another one"));
    }
    Ok(())
}

/// Returns how many tokens the answer may have: what is asked for, within what quota granted.
pub fn max_output(admission: &Admission, wanted: Option<i64>) -> Result<i64, Error> {
    let granted = admission.max_output_token_count;
    let wanted = wanted.unwrap_or(granted);
    if wanted < 1 || granted < 1 {
        return Err(Error::AdmissionMismatch("it grants no output tokens"));
    }
    if wanted > granted {
        return Err(Error::AdmissionMismatch("max_output_token_count is above what quota granted"));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission {
            target: TARGET.into(),
            model: "m".into(),
            max_output_token_count: 100,
            ..Admission::default()
        }
    }

    #[test]
    fn target_and_model_must_match() {
        assert!(covers(&admission(), "m").is_ok());
        assert!(covers(&admission(), "n").is_err());
        assert!(covers(&Admission { target: "provider-local".into(), ..admission() }, "m").is_err());
    }

    #[test]
    fn output_stays_within_the_grant() {
        assert_eq!(max_output(&admission(), None).unwrap(), 100);
        assert_eq!(max_output(&admission(), Some(40)).unwrap(), 40);
        for wanted in [101, 0, -1, i64::MAX] {
            assert!(max_output(&admission(), Some(wanted)).is_err(), "{wanted}");
        }
        let nothing = Admission { max_output_token_count: 0, ..admission() };
        assert!(max_output(&nothing, None).is_err());
    }
}
