//! Weeks of ISO 8601, in UTC.

use jiff::Timestamp;
use jiff::civil::{ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;

/// A week: Monday 00:00 UTC to the next. Written `2026-W47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    year: i16,
    number: i8,
}

/// What is no week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a week is written like 2026-W47")]
pub struct NotAWeek;

impl Week {
    /// The week in which a moment lies, in milliseconds since 1970. Moments no calendar has are in the first or last week.
    pub fn of_ms(ms: i64) -> Week {
        let moment =
            Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX });
        let date = TimeZone::UTC.to_datetime(moment).date().iso_week_date();
        Week { year: date.year(), number: date.week() }
    }

    /// When it begins, in milliseconds since 1970.
    pub fn begins_ms(self) -> i64 {
        let monday = ISOWeekDate::new(self.year, self.number, Weekday::Monday);
        let midnight =
            monday.map(|monday| monday.date().at(0, 0, 0, 0)).map(|at| TimeZone::UTC.to_timestamp(at));
        match midnight {
            Ok(Ok(at)) => at.as_millisecond(),
            _ => 0,
        }
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.number)
    }
}

impl FromStr for Week {
    type Err = NotAWeek;

    fn from_str(text: &str) -> Result<Week, NotAWeek> {
        let (year, number) = text.split_once("-W").ok_or(NotAWeek)?;
        let is_digits =
            |part: &str, n: usize| part.len() == n && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(year, 4) || !is_digits(number, 2) {
            return Err(NotAWeek);
        }
        let (year, number) = (year.parse().map_err(|_| NotAWeek)?, number.parse().map_err(|_| NotAWeek)?);
        ISOWeekDate::new(year, number, Weekday::Monday).map_err(|_| NotAWeek)?;
        Ok(Week { year, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_those_of_the_calendar() {
        // 2026-11-16 00:00 UTC, a Monday.
        let monday = 1_794_787_200_000;
        assert_eq!(Week::of_ms(monday).to_string(), "2026-W47");
        assert_eq!(Week::of_ms(monday - 1).to_string(), "2026-W46");
        assert_eq!(Week::of_ms(monday).begins_ms(), monday);
        let new_year: Week = "2026-W53".parse().unwrap();
        let a_week_ms = 7 * 24 * 3600 * 1000;
        assert_eq!(Week::of_ms(new_year.begins_ms() + a_week_ms).to_string(), "2027-W01");
    }

    #[test]
    fn what_is_no_week_is_refused() {
        for text in ["", "2026-W54", "2025-W53", "2026-47", "2026-W1", "+026-W01", "2026-W00", "2026-W47 "] {
            assert_eq!(text.parse::<Week>(), Err(NotAWeek), "{text}");
        }
        for ms in [i64::MIN, i64::MAX, 0] {
            let week = Week::of_ms(ms);
            assert!(week.begins_ms() <= ms.max(week.begins_ms()));
        }
    }
}
