//! Money as whole minor units of an ISO 4217 currency; no float, ever.

use std::fmt;

use crate::refusal::clip;

/// An ISO 4217 currency code; ordered by its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Currencies that ISO 4217 has withdrawn (its list three), by the digits of their minor units: a history has them.
const WITHDRAWN: [(u32, &str); 3] = [
    (0, "ADP AON AOR AZM BYR ECS ESP ITL PTE SML TJR TPE TRL VAL"),
    (
        2,
        "AFA ALK ANG AOK ARA ARP ARY ATS BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK BYB CHC CSD CSJ CSK CUC CYP DDM DEM \
         ECV EEK ESA ESB FIM FRF GEK GHC GHP GNE GNS GQE GRD GWE GWP HRD HRK IEP ILP ILR ISJ LAJ LSM LTL LTT LUC LUF LUL LVL LVR MAF \
         MGF MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ RHD ROK ROL RUR SDD SDP SIT SKK SLL SRG STD SUR TMM UAK UGS UGW USS \
         UYN UYP VEB VEF VNC XEU YUD YUM YUN ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR",
    ),
    (3, "YDD"),
];

/// The digits of a currency's minor unit, if there is, or was, such a currency; `Some(None)` of what has no minor unit.
fn digits(code: &str) -> Option<Option<u32>> {
    match iso_currency::Currency::from_code(code) {
        Some(currency) => Some(currency.exponent().map(u32::from)),
        None => {
            let withdrawn = WITHDRAWN.iter().find(|(_, codes)| codes.split_ascii_whitespace().any(|known| known == code));
            withdrawn.map(|(digits, _)| Some(*digits))
        }
    }
}

/// An amount of money. Ordered by currency, then minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// Minor units (cents), perhaps negative.
    pub minor: i64,
}

impl Currency {
    /// The currency of that code, if it has minor units by ISO 4217.
    ///
    /// # Errors
    /// A code that is no currency, or one that has no minor units (gold, test codes): with what would be right.
    pub fn parse(code: &str) -> Result<Currency, String> {
        match digits(code) {
            Some(Some(_)) => Currency::from_bytes(code.as_bytes()).ok_or_else(|| format!("`{code}` is no currency")),
            Some(None) => Err(format!("`{code}` has no minor units, so amounts in it can't be counted; use a currency such as `EUR`")),
            None => {
                let upper = code.to_uppercase();
                match digits(&upper) {
                    Some(_) => Err(format!("`{code}` is no currency; did you mean `{upper}`?")),
                    None => Err(format!("`{}` is no ISO 4217 currency; write one such as `EUR`", clip(code))),
                }
            }
        }
    }

    /// The currency of three capital letters, unchecked against ISO 4217.
    pub fn from_bytes(code: &[u8]) -> Option<Currency> {
        let letters: [u8; 3] = code.try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Currency(letters))
    }

    /// Its three letters.
    pub fn code(&self) -> &str {
        // The letters are ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimal digits its minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        digits(self.code()).flatten().unwrap_or(0)
    }

    /// The letters as a number, ordered as the letters are; never 0.
    pub fn to_number(self) -> u32 {
        u32::from_be_bytes([0, self.0[0], self.0[1], self.0[2]])
    }

    /// The currency of that number.
    pub fn from_number(number: u32) -> Option<Currency> {
        Currency::from_bytes(&number.to_be_bytes()[1..])
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Minor units as a decimal in major units, `-12.05`.
pub fn to_major(minor: i128, currency: Currency) -> String {
    let digits = currency.exponent() as usize;
    let sign = if minor < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (major, fraction) = all.split_at(all.len() - digits);
    if digits == 0 { format!("{sign}{major}") } else { format!("{sign}{major}.{fraction}") }
}

/// A decimal in major units as whole minor units.
///
/// # Errors
/// Anything but `-?digits[.digits]`, a fraction of a minor unit, or more than 64 bits hold: with what would be right.
pub fn to_minor(major: &str, currency: Currency) -> Result<i64, String> {
    let unsigned = major.strip_prefix('-').unwrap_or(major);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(format!("`{}` is no amount; write a decimal in major units such as \"1054.00\"", clip(major)));
    }
    let exponent = currency.exponent() as usize;
    let (kept, cut) = fraction.split_at(fraction.len().min(exponent));
    if cut.bytes().any(|byte| byte != b'0') {
        let digits = match exponent {
            0 => "no decimal digits".into(),
            _ => format!("{exponent} decimal digits"),
        };
        return Err(format!("{} is not a whole number of {currency}'s minor units; it has {digits}", clip(major)));
    }
    // Summed up below zero, which reaches one further than above.
    let padding = std::iter::repeat_n(b'0', exponent - kept.len());
    let below = whole
        .bytes()
        .chain(kept.bytes())
        .chain(padding)
        .try_fold(0_i64, |minor, byte| minor.checked_mul(10)?.checked_sub((byte - b'0').into()));
    let minor = if major.starts_with('-') { below } else { below.and_then(i64::checked_neg) };
    minor.ok_or_else(|| format!("{} {currency} is out of range; minor units must fit 64 bits", clip(major)))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", to_major(self.minor.into(), self.currency), self.currency)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn major_and_minor_lead_back() {
        for (code, major, minor) in [
            ("USD", "1054.00", 105_400),
            ("USD", "-0.05", -5),
            ("JPY", "1054", 1054),
            ("KWD", "1.250", 1250),
            ("CLF", "0.0001", 1),
            ("EUR", "-92233720368547758.08", i64::MIN),
            ("EUR", "92233720368547758.07", i64::MAX),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(to_minor(major, currency), Ok(minor));
            assert_eq!(to_major(minor.into(), currency), major);
            assert_eq!(Currency::from_number(currency.to_number()), Some(currency));
        }
        let eur = Currency::parse("EUR").unwrap();
        assert_eq!(to_minor("7", eur), Ok(700));
        assert_eq!(to_minor("7.5000", eur), Ok(750));
        assert_eq!(to_minor("007", eur), Ok(700));
        assert_eq!(to_minor("-0", eur), Ok(0));
    }

    #[test]
    fn a_withdrawn_currency_is_one_with_the_digits_it_had() {
        for (code, major, minor) in
            [("DEM", "1054.50", 105_450), ("LTL", "0.01", 1), ("ITL", "1936270", 1_936_270), ("HRK", "7.53", 753), ("YDD", "1.250", 1_250)]
        {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((to_minor(major, currency), to_major(minor.into(), currency)), (Ok(minor), major.to_owned()));
        }
        assert!(to_minor("0.5", Currency::parse("ITL").unwrap()).is_err());
        assert!(Currency::parse("dem").unwrap_err().contains("did you mean `DEM`"));
        for (_, codes) in WITHDRAWN {
            codes.split_ascii_whitespace().for_each(|code| assert!(Currency::parse(code).is_ok(), "{code}"));
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_right() {
        let jpy = Currency::parse("JPY").unwrap();
        assert!(to_minor("10.5", jpy).unwrap_err().contains("no decimal digits"));
        let eur = Currency::parse("EUR").unwrap();
        assert!(to_minor("10.505", eur).unwrap_err().contains("2 decimal digits"));
        assert!(to_minor("92233720368547758.08", eur).unwrap_err().contains("out of range"));
        assert!(to_minor(&"9".repeat(60_000), eur).unwrap_err().len() < 200);
        for wrong in ["", "-", "1e3", "1,5", "+5", ".5", "5.", "١", "NaN", "--5", "1 000", " 1", "0x10", "99999999999999999999"] {
            assert!(to_minor(wrong, jpy).is_err(), "{wrong}");
        }
        assert!(Currency::parse("eur").unwrap_err().contains("did you mean `EUR`"));
        assert!(Currency::parse("XAU").unwrap_err().contains("no minor units"));
        for wrong in ["", "EU", "EURO", "€", "Eu€", "QQQ", "XXX", "XTS"] {
            assert!(Currency::parse(wrong).is_err(), "{wrong}");
        }
    }
}
