//! How long lines are kept, as a person says it.

/// The longest time that can be asked for, in days: a hundred years.
const MAX_DAYS: u32 = 36_525;

/// How long lines are kept: so many days, or for good.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Retention {
    /// For good.
    #[default]
    Forever,
    /// This many days; one at least.
    Days(u32),
}

/// What is no time for which lines could be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write a number of days such as 90d, weeks such as 12w, or forever")]
pub struct NoRetention;

impl Retention {
    /// Under which name the decision is kept.
    pub const SETTING: &'static str = "retention";
}

impl std::str::FromStr for Retention {
    type Err = NoRetention;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("forever") {
            return Ok(Self::Forever);
        }
        let (digits, unit) = match text.strip_suffix(['d', 'D']) {
            Some(digits) => (digits, 1),
            None => (text.strip_suffix(['w', 'W']).ok_or(NoRetention)?, 7),
        };
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(NoRetention);
        }
        let days = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
        days.filter(|days| (1..=MAX_DAYS).contains(days)).map(Self::Days).ok_or(NoRetention)
    }
}

impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_days_weeks_or_forever() {
        for (text, meant) in [
            ("90d", Retention::Days(90)),
            ("2W", Retention::Days(14)),
            ("Forever", Retention::Forever),
        ] {
            assert_eq!(text.parse(), Ok(meant));
            assert_eq!(meant.to_string().parse(), Ok(meant));
        }
        for text in ["", "d", "0d", "-1d", "+1d", "90", "1.5d", "36526d", "9999999999w", "1 d"] {
            assert_eq!(text.parse::<Retention>(), Err(NoRetention), "{text}");
        }
    }
}
