//! E-mail addresses, plain and disguised: spaces, `(at)`, `dot`, and their Arabic spellings.

mod broken;
mod domain;
mod local;

use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::context::{Context, Mention, context};
use super::{Finding, Normal, Points, REPORTED};
use domain::{Domain, Dots, Ending};
use local::Local;

/// An at sign, a name, a domain of the right shape.
const PLAIN: Points = 95;
/// A disguise that nothing else looks like.
const DISGUISED: Points = 85;
/// A provider whose ending is left out.
const PROVIDER: Points = 65;
/// Something that reads as prose just as well.
const DOUBTFUL: Points = 20;
const CUE: Points = 40;

/// How an at sign is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Sign,
    /// In brackets or underscores.
    Marked,
    /// As a word between spaces.
    Word,
}

/// Adds the addresses around the at signs of a text to `findings`.
pub(super) fn find(text: &str, signs: &[Range<usize>], mentions: &[Mention], findings: &mut Vec<Finding>) {
    let cued = mentions.iter().any(|mention| mention.cues.meets(Kind::Email.into()));
    for sign in signs {
        if cued && &text[sign.clone()] == "@" {
            findings.extend(broken::find(text, sign, mentions));
        }
        let Some(local) = Local::before(text, sign.start) else { continue };
        let Some(domain) = Domain::behind(text, sign.end) else { continue };
        let form = match &text[sign.clone()] {
            "@" => Form::Sign,
            word if word.starts_with(' ') => Form::Word,
            _ => Form::Marked,
        };
        let mut points = rate(form, &local, &domain);
        let place = local.start..domain.end;
        let positive = points < PROVIDER
            && matches!(context(text, mentions, &place, Kind::Email.into()), Context::Positive { .. });
        points += if positive { CUE } else { 0 };
        if points >= REPORTED {
            let name = &text[local.start..local.end];
            let mut normal = Zeroizing::new(String::with_capacity(name.len() + 1 + domain.name.len()));
            name.split(' ').for_each(|part| normal.push_str(part));
            normal.push('@');
            normal.push_str(&domain.name);
            let normal = Normal::Written(normal);
            findings.push(Finding { kind: Kind::Email, range: place, points, positive, normal });
        }
    }
}

/// Scores an address by how much its form leaves other readings.
fn rate(form: Form, local: &Local, domain: &Domain) -> Points {
    let plain = !local.apart && !domain.apart && domain.dots == Dots::Plain;
    match (form, domain.ending) {
        (Form::Sign, Ending::Shaped | Ending::Known) if plain => PLAIN,
        (Form::Sign, Ending::Open) if domain.provider && !local.apart => PROVIDER,
        // `us @shop.com` is a handle behind a word.
        (Form::Sign, Ending::Known) if local.apart && !domain.apart && !domain.provider => DOUBTFUL,
        // `because @ doesn't work` speaks of the sign.
        (Form::Sign, Ending::Open) if local.apart && domain.apart => 0,
        (Form::Sign | Form::Marked, Ending::Known) => DISGUISED,
        (Form::Word, Ending::Known) if domain.dots == Dots::Spelled || domain.provider => DISGUISED,
        _ => DOUBTFUL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{marks::Marks, reading::Reading};
    use crate::fold::Folded;

    fn found(text: &str) -> Vec<String> {
        let lexicon = crate::detect::lexicon::Lexicon::new().unwrap();
        let mut folded = Folded::default();
        folded.refill("", text, &[]);
        let mut findings = Vec::new();
        let mut mentions = Vec::new();
        let present = lexicon.find(folded.text(), &mut mentions, &mut Vec::new());
        let marks = Marks::of(folded.bytes());
        let reading = Reading {
            folded: &folded,
            text: folded.text(),
            original: text,
            mentions: &mentions,
            given: &[],
            present,
            marks,
        };
        let mut signs = Vec::new();
        crate::detect::at_signs(&reading, &mut signs);
        find(folded.text(), &signs, &mentions, &mut findings);
        findings.retain(|finding| finding.points >= super::super::THRESHOLD);
        findings.iter().map(|finding| finding.normal(folded.text()).to_string()).collect()
    }

    #[test]
    fn plain_addresses() {
        for (text, normal) in [
            ("Sara.Ali+shop@Example.com.", "sara.ali+shop@example.com"),
            ("ايميليsara@example.comشكرا", "sara@example.com"),
            ("<a href=\"mailto:sara@mail.example.co.uk\">", "sara@mail.example.co.uk"),
            ("سارة@مثال.السعودية", "ساره@مثال.السعوديه"),
            ("sara＠example．com", "sara@example.com"),
            ("sara%40example.com", "sara@example.com"),
            ("sara@gmail.com.شكرا", "sara@gmail.com"),
            ("sara@gmail", "sara@gmail"),
            ("x_1@xn--mgberp4a5d4ar.sa", "x_1@xn--mgberp4a5d4ar.sa"),
        ] {
            assert_eq!(found(text), [normal], "{text}");
        }
    }

    #[test]
    fn disguised_addresses() {
        for text in [
            "sara @ example.com",
            "sara@ example . com",
            "sara (at) example (dot) com",
            "sara[at]example[dot]com",
            "sara at example dot com",
            "sara ات example دوت com",
            "sara @example.com ايميلي",
            "s a r a @ e x a m p l e . c o m",
            "sara(at)example.com",
            "email: sara at example.com",
            "sara @ example نقطة com",
        ] {
            assert_eq!(found(text), ["sara@example.com"], "{text}");
        }
        assert_eq!(found("sara ات جيميل دوت كوم"), ["sara@gmail.com"]);
        assert_eq!(found("sara at gmail.com"), ["sara@gmail.com"]);
    }

    #[test]
    fn other_uses_of_the_sign() {
        for text in [
            "تابعونا @shop.sa",
            "follow us @shop.com",
            "logo@2x.png",
            "lodash@4.17.21",
            "2 @ 50 SAR",
            "buy it at amazon.com",
            "meet me at the mall",
            "@@@@",
            "a@b",
            "@",
            "نلتقي ات الساعه 5",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }
}
