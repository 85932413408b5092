//! The types of personal data that a placeholder can stand for.

use std::fmt;
use std::str::FromStr;

/// Declares the kinds once: variant, wire name, documentation.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A type of personal data.
        ///
        /// The order of the variants decides between two findings of the same score and length: the earlier wins.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Every kind, in the order of the variants.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// The name inside a placeholder: upper-case ASCII letters and `_`, at most 16 bytes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$variant => $name,)+
                }
            }
        }

        impl FromStr for Kind {
            type Err = UnknownKind;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Kind::$variant),)+
                    _ => Err(UnknownKind),
                }
            }
        }
    };
}

kinds! {
    /// An API key, password, token or private key.
    Secret = "SECRET",
    /// A one-time code.
    Otp = "OTP",
    /// An international bank account number.
    Iban = "IBAN",
    /// A payment card number.
    CreditCard = "CREDIT_CARD",
    /// The security code of a payment card.
    CardCvv = "CARD_CVV",
    /// The expiry date of a payment card.
    CardExpiry = "CARD_EXPIRY",
    /// An e-mail address.
    Email = "EMAIL",
    /// A Saudi national identity number.
    SaNationalId = "SA_NATIONAL_ID",
    /// A Saudi residence permit number.
    SaIqama = "SA_IQAMA",
    /// An Emirates ID number.
    AeEmiratesId = "AE_EMIRATES_ID",
    /// A Kuwaiti civil number.
    KwCivilId = "KW_CIVIL_ID",
    /// A Qatari identity number.
    QaQid = "QA_QID",
    /// A Bahraini personal number.
    BhCpr = "BH_CPR",
    /// An Omani civil number.
    OmCivilId = "OM_CIVIL_ID",
    /// An Egyptian national number.
    EgNationalId = "EG_NATIONAL_ID",
    /// An Iranian national code.
    IrNationalCode = "IR_NATIONAL_CODE",
    /// A passport number.
    Passport = "PASSPORT",
    /// A telephone number of a person.
    Phone = "PHONE",
    /// A Saudi commercial registration number, or the unified number that replaces it.
    SaCr = "SA_CR",
    /// A Saudi tax number.
    SaVat = "SA_VAT",
    /// An Emirati tax registration number.
    AeTrn = "AE_TRN",
    /// The address of a wallet of a crypto-currency.
    CryptoWallet = "CRYPTO_WALLET",
    /// A URL that carries a token, signature or session.
    UrlToken = "URL_TOKEN",
    /// An IPv4 or IPv6 address.
    IpAddress = "IP_ADDRESS",
    /// A hardware address.
    MacAddress = "MAC_ADDRESS",
    /// A date of birth.
    DateOfBirth = "DATE_OF_BIRTH",
    /// A Saudi national short address.
    SaShortAddress = "SA_SHORT_ADDRESS",
    /// A postal address.
    Address = "ADDRESS",
    /// The name of a person.
    Person = "PERSON",
    /// A literal that the merchant put on the deny list.
    Custom = "CUSTOM",
}

impl Kind {
    /// Whether an answer may show the value again.
    ///
    /// Secrets, one-time codes and card security codes are never restored.
    pub const fn restorable(self) -> bool {
        !matches!(self, Kind::Secret | Kind::Otp | Kind::CardCvv)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is no [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of personal data")]
pub struct UnknownKind;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_upper_case_and_parse_back() {
        for kind in Kind::ALL {
            let name = kind.name();
            assert!(name.len() <= 16, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{name}");
            assert_eq!(name.parse(), Ok(*kind));
        }
        assert_eq!("phone".parse::<Kind>(), Err(UnknownKind));
    }

    #[test]
    fn secrets_are_not_restorable() {
        let kept: Vec<_> = Kind::ALL.iter().filter(|kind| !kind.restorable()).collect();
        assert_eq!(kept, [&Kind::Secret, &Kind::Otp, &Kind::CardCvv]);
    }
}
