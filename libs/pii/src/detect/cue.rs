//! What a word says about the value next to it.

use kaleem_placeholder::Kind;

/// A set of what a cue speaks for: types of personal data, the shop, or a part that a detector knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cues(u64);

impl Cues {
    /// Nothing.
    pub(super) const NONE: Self = Self(0);
    /// Something of the shop: an order, a price, a product, a shipment.
    pub(super) const DECOY: Self = Self(1 << 63);
    /// A part of a postal address, such as a street.
    pub(super) const PLACE: Self = Self(1 << 62);
    /// A city or a country.
    pub(super) const CITY: Self = Self(1 << 61);
    /// A title, or a word before a name that stands before other words as often.
    pub(super) const TITLE: Self = Self(1 << 60);
    /// Stands behind a name.
    pub(super) const SIGNED: Self = Self(1 << 59);
    /// A password follows, which may be any word.
    pub(super) const PASSWORD: Self = Self(1 << 58);
    /// Starts a secret that has a form of its own.
    pub(super) const PREFIX: Self = Self(1 << 57);
    /// An at sign, spelled out.
    pub(super) const AT: Self = Self(1 << 56);
    /// Something whose number is neither of a person nor needed: a version.
    pub(super) const VERSION: Self = Self(1 << 55);
    /// A digit, spelled out; which one is said by its own list.
    pub(super) const DIGIT: Self = Self(1 << 54);
    /// Ends an address: a courtesy, a question, the next thought.
    pub(super) const CLOSER: Self = Self(1 << 53);
    /// Stands before a feeling or a deed as often as before a name: `I am`, `the driver`.
    pub(super) const LOOSE: Self = Self(1 << 52);
    /// What introduces a number, so that it keeps other cues from reaching over it.
    const NUMBERS: Self = Self(Self::NUMERIC.0 | Self::DECOY.0 | Self::VERSION.0);
    const NUMERIC: Self = Self::of(&[
        Kind::Phone,
        Kind::Iban,
        Kind::CreditCard,
        Kind::CardCvv,
        Kind::CardExpiry,
        Kind::Otp,
        Kind::SaNationalId,
        Kind::SaIqama,
        Kind::AeEmiratesId,
        Kind::KwCivilId,
        Kind::QaQid,
        Kind::BhCpr,
        Kind::OmCivilId,
        Kind::EgNationalId,
        Kind::IrNationalCode,
        Kind::Passport,
        Kind::SaCr,
        Kind::SaVat,
        Kind::AeTrn,
        Kind::DateOfBirth,
    ]);

    /// The set of some kinds.
    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < kinds.len() {
            bits |= 1 << kinds[index] as u64;
            index += 1;
        }
        Self(bits)
    }

    /// Both sets.
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets have something in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a number follows such a cue.
    pub(super) const fn is_of_numbers(self) -> bool {
        self.meets(Self::NUMBERS)
    }
}

impl From<Kind> for Cues {
    fn from(kind: Kind) -> Self {
        Self::of(&[kind])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_parts_have_bits_of_their_own() {
        let parts = [Cues::DECOY, Cues::PLACE, Cues::CITY, Cues::TITLE, Cues::SIGNED, Cues::PASSWORD];
        for kind in Kind::ALL {
            let cues = Cues::from(*kind);
            assert!(parts.iter().all(|part| !part.meets(cues)), "{kind}");
            assert!(Kind::ALL.iter().all(|other| other == kind || !cues.meets(Cues::from(*other))));
        }
        assert!(Cues::from(Kind::Phone).with(Cues::CITY).is_of_numbers());
        assert!(!Cues::from(Kind::Email).is_of_numbers() && !Cues::NONE.is_of_numbers());
    }
}
