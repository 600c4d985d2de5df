//! Dates as git's approximate dates have them: understood without a clock, resolved later with one.
//!
//! Understood are, all in UTC unless the text says otherwise: `2024-05-06`, `2024/05/06`, `2024.05.06`, `2024-05`, `2024`, with
//! `T` or a space and `10:30`, `10:30:15`, `Z`, `+0200`; `@1700000000`, `1700000000`; `May 6 2024`, `6 May`,
//! `Thu, 07 Apr 2005 22:13:13 +0200`; `now`, `today`, `yesterday`, `noon`, `midnight`, `tea`, `never`; `2 weeks ago`,
//! `2.weeks.ago`, `1 year and 3 months ago`, `last month`, `last friday`, `friday`, `yesterday 5pm`. Unlike git, a date without a time of
//! day means its midnight, so that an answer does not depend on when it was asked.

use jiff::civil;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

/// A date as written, already understood. Resolved by [`Date::resolve`] when the search begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    text: String,
    meaning: Meaning,
}

impl Date {
    /// Reads a date, or answers `None` for a text that is none.
    pub fn new(text: &str) -> Option<Self> {
        const BYTES_MAX: usize = 100;
        if text.len() > BYTES_MAX {
            return None;
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let meaning = Meaning::read(&text)?;
        Some(Date { text, meaning })
    }

    /// The date as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The moment it means, in seconds since 1970-01-01T00:00:00Z, seen from `now` in the same unit. What lies beyond
    /// the years that can be told is moved to the nearest that can.
    pub fn resolve(&self, now: i64) -> i64 {
        let clamped = now.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let now = Timestamp::from_second(clamped).unwrap_or(Timestamp::UNIX_EPOCH);
        self.meaning.resolve(Offset::UTC.to_datetime(now))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Meaning {
    Unix(i64),
    Calendar(Calendar),
}

/// A moment by its parts; what is missing comes from the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Calendar {
    day: Day,
    time: Option<(i8, i8, i8)>,
    /// Seconds east of UTC.
    offset: i32,
    /// Steps back from the day, in order.
    back: Vec<(i32, Unit)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Day {
    /// Today, at the time of day it is now.
    #[default]
    Now,
    /// Today at midnight.
    Today,
    /// The last such day of the week before today, Monday being 0.
    Weekday(i8),
    /// A day of the calendar; without a year, the last one that is not in the future.
    Date { year: Option<i16>, month: i8, day: i8 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Meaning {
    fn read(text: &str) -> Option<Meaning> {
        let digits = text.strip_prefix('@').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && (text.starts_with('@') || digits.len() >= 9) {
            return digits.parse().ok().map(Meaning::Unix);
        }
        if text.starts_with(|c: char| c.is_ascii_digit())
            && let Some(calendar) = iso(text)
        {
            return Some(Meaning::Calendar(calendar));
        }
        Words::default().read(text).map(Meaning::Calendar)
    }

    fn resolve(&self, now: civil::DateTime) -> i64 {
        match self {
            Meaning::Unix(seconds) => *seconds,
            Meaning::Calendar(calendar) => calendar.resolve(now),
        }
    }
}

impl Calendar {
    fn resolve(&self, now: civil::DateTime) -> i64 {
        let mut moment = self.base(now);
        for (n, unit) in &self.back {
            let (n, zero) = (i64::from(*n), jiff::Span::new());
            let step = match unit {
                Unit::Second => zero.try_seconds(n),
                Unit::Minute => zero.try_minutes(n),
                Unit::Hour => zero.try_hours(n),
                Unit::Day => zero.try_days(n),
                Unit::Week => zero.try_weeks(n),
                Unit::Month => zero.try_months(n),
                Unit::Year => zero.try_years(n),
            };
            // A step too long to be told leads before the first year in any case.
            let Ok(step) = step else { return Timestamp::MIN.as_second() };
            moment = moment.saturating_sub(step);
        }
        if let Some(time) = self.time.filter(|_| !self.back.is_empty()) {
            moment = moment.date().to_datetime(civil_time(time));
        }
        seconds(moment).saturating_sub(i64::from(self.offset))
    }

    fn base(&self, now: civil::DateTime) -> civil::DateTime {
        let today = now.date();
        let time = self.time.map(civil_time);
        match self.day {
            Day::Now => match time {
                // `noon` before noon is yesterday's.
                Some(time) if today.to_datetime(time) > now && self.back.is_empty() => {
                    today.saturating_sub(1_i64.days()).to_datetime(time)
                }
                Some(time) => today.to_datetime(time),
                None => now,
            },
            Day::Today => today.to_datetime(time.unwrap_or_default()),
            Day::Weekday(weekday) => {
                let since = i64::from((today.weekday().to_monday_zero_offset() - weekday).rem_euclid(7));
                let back = if since == 0 { 7 } else { since };
                today.saturating_sub(back.days()).to_datetime(time.unwrap_or_default())
            }
            Day::Date { year, month, day } => {
                let of_year = |year: i16| civil::Date::new(year, month, day.min(last_day(year, month))).ok();
                let date = match year {
                    Some(year) => of_year(year),
                    None => of_year(today.year())
                        .filter(|date| *date <= today)
                        .or_else(|| of_year(today.year().saturating_sub(1))),
                };
                date.unwrap_or(today).to_datetime(time.unwrap_or_default())
            }
        }
    }
}

fn civil_time((hour, minute, second): (i8, i8, i8)) -> civil::Time {
    civil::Time::new(hour, minute, second, 0).unwrap_or_default()
}

fn last_day(year: i16, month: i8) -> i8 {
    civil::Date::new(year, month, 1).map_or(28, |date| date.days_in_month())
}

fn seconds(moment: civil::DateTime) -> i64 {
    let nearest = if moment.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Offset::UTC.to_timestamp(moment).unwrap_or(nearest).as_second()
}

/// `2024-05-06T10:30:15Z` and what of it may be left out.
fn iso(text: &str) -> Option<Calendar> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let separator = date.find(['-', '/', '.']).map(|at| &date[at..=at]);
    let parts: Vec<&str> = separator.map_or_else(|| vec![date], |separator| date.split(separator).collect());
    let [year, rest @ ..] = parts.as_slice() else { return None };
    if year.len() != 4 || rest.len() > 2 || rest.iter().any(|part| part.is_empty() || part.len() > 2) {
        return None;
    }
    let year = year_number(year)?;
    let month = rest.first().map_or(Some(1), |part| number(part, 1, 12))?;
    let day = rest.get(1).map_or(Some(1), |part| number(part, 1, last_day(year, month)))?;
    let mut calendar = Calendar { day: Day::Date { year: Some(year), month, day }, ..Calendar::default() };
    if let Some(time) = time {
        if rest.len() < 2 {
            return None;
        }
        let zone = time.find(['Z', 'z', '+', '-', ' ']).unwrap_or(time.len());
        calendar.time = Some(clock(&time[..zone])?);
        calendar.offset = offset(time[zone..].trim())?;
    }
    Some(calendar)
}

fn year_number(text: &str) -> Option<i16> {
    text.parse().ok().filter(|year| (1900..=9998).contains(year))
}

fn number(text: &str, min: i8, max: i8) -> Option<i8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (min..=max).contains(n))
}

/// `10:30`, `10:30:15`, `10:30:15.123`.
fn clock(text: &str) -> Option<(i8, i8, i8)> {
    let mut parts = text.splitn(3, ':');
    let hour = number(parts.next()?, 0, 23)?;
    let minute = number(parts.next()?, 0, 59)?;
    let second = match parts.next() {
        None => 0,
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
            if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            number(whole, 0, 59)?
        }
    };
    Some((hour, minute, second))
}

/// Nothing, `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00`, in seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    if text.is_empty() || ["z", "utc", "gmt"].iter().any(|zone| text.eq_ignore_ascii_case(zone)) {
        return Some(0);
    }
    let sign = match text.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    let minutes = match (digits.len(), digits.is_ascii()) {
        (2, true) => 0,
        (4, true) => number(&digits[2..], 0, 59)?,
        _ => return None,
    };
    let hours = number(&digits[..2], 0, 14)?;
    Some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// Dates in words, read word by word as git does, but without forgiving what is not understood.
#[derive(Default)]
struct Words {
    calendar: Calendar,
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    /// A number that waits for what it counts.
    pending: Option<i32>,
    n_understood: usize,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const NUMBERS: [&str; 11] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const UNITS: [(&str, Unit); 7] = [
    ("seconds", Unit::Second),
    ("minutes", Unit::Minute),
    ("hours", Unit::Hour),
    ("days", Unit::Day),
    ("weeks", Unit::Week),
    ("months", Unit::Month),
    ("years", Unit::Year),
];

impl Words {
    fn read(mut self, text: &str) -> Option<Calendar> {
        let lower = text.to_ascii_lowercase();
        // `2.weeks.ago`, `2-weeks-ago`, `2_weeks_ago`; a sign after white space is an offset.
        let spaced: String = lower
            .char_indices()
            .map(|(at, c)| match c {
                '.' | '_' | ',' => ' ',
                '-' if !lower[..at].ends_with(' ') => ' ',
                c => c,
            })
            .collect();
        for word in spaced.split_whitespace() {
            self.word(word)?;
            self.n_understood += 1;
        }
        self.finish()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let n_digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if n_digits > 0 {
            return self.numeric(word, n_digits);
        }
        if word.starts_with('+') || word.starts_with('-') {
            self.calendar.time?;
            self.calendar.offset = offset(word)?;
            return Some(());
        }
        match word {
            "ago" | "and" | "at" | "on" | "of" | "the" => {}
            "a" | "an" | "last" => self.pending = Some(1),
            "now" => {}
            "today" => self.calendar.day = Day::Today,
            "yesterday" => self.calendar.back.push((1, Unit::Day)),
            "noon" => self.calendar.time = Some((12, 0, 0)),
            "midnight" => self.calendar.time = Some((0, 0, 0)),
            "tea" => self.calendar.time = Some((17, 0, 0)),
            "never" => self.calendar.day = Day::Date { year: Some(1970), month: 1, day: 1 },
            "am" | "pm" => self.half_day(word == "pm")?,
            "utc" | "gmt" | "z" => self.calendar.offset = 0,
            _ => return self.name(word),
        }
        Some(())
    }

    fn name(&mut self, word: &str) -> Option<()> {
        if let Some(n) = NUMBERS.iter().position(|name| *name == word) {
            return self.count(i32::try_from(n).ok()?);
        }
        let is_short_of = |full: &str| word.len() >= 3 && full.starts_with(word);
        if let Some((_, unit)) = UNITS.iter().find(|(name, _)| is_short_of(name)) {
            let n = self.pending.take()?;
            self.calendar.back.push((n, *unit));
            return Some(());
        }
        if let Some(weekday) = WEEKDAYS.iter().position(|name| is_short_of(name)) {
            // `last friday` is `friday`; `Thu, 7 Apr 2005` says the day anyway.
            self.pending = self.pending.filter(|n| *n != 1);
            self.calendar.day = Day::Weekday(i8::try_from(weekday).ok()?);
            return Some(());
        }
        let month = MONTHS.iter().position(|name| is_short_of(name))?;
        if self.month.is_some() {
            return None;
        }
        self.month = Some(i8::try_from(month + 1).ok()?);
        self.settle_day()
    }

    fn numeric(&mut self, word: &str, n_digits: usize) -> Option<()> {
        let (digits, rest) = word.split_at(n_digits);
        if rest.starts_with(':') {
            let at = word.find(['z', '+']).unwrap_or(word.len());
            self.calendar.time = Some(clock(&word[..at])?);
            self.calendar.offset = offset(&word[at..])?;
            return Some(());
        }
        let n: i32 = digits.parse().ok().filter(|n| *n <= 1_000_000)?;
        match rest {
            "" if digits.len() == 4 && self.year.is_none() && year_number(digits).is_some() => {
                self.year = year_number(digits);
                Some(())
            }
            "" => self.count(n),
            "am" | "pm" => {
                self.count(n)?;
                self.half_day(rest == "pm")
            }
            "st" | "nd" | "rd" | "th" if self.day.is_none() => {
                self.day = Some(number(digits, 1, 31)?);
                Some(())
            }
            // `2weeks`
            _ => {
                self.count(n)?;
                self.name(rest)
            }
        }
    }

    fn count(&mut self, n: i32) -> Option<()> {
        if self.pending.is_some() {
            return None;
        }
        self.pending = Some(n);
        if self.month.is_some() && self.day.is_none() { self.settle_day() } else { Some(()) }
    }

    /// A number beside a month is the day.
    fn settle_day(&mut self) -> Option<()> {
        if let Some(n) = self.pending.take() {
            self.day = Some(i8::try_from(n).ok().filter(|day| (1..=31).contains(day))?);
        }
        Some(())
    }

    fn half_day(&mut self, afternoon: bool) -> Option<()> {
        let hour_at =
            |hour: i8| (1..=12).contains(&hour).then_some(hour % 12 + if afternoon { 12 } else { 0 });
        self.calendar.time = match (self.pending.take(), self.calendar.time) {
            (Some(hour), _) => Some((hour_at(i8::try_from(hour).ok()?)?, 0, 0)),
            (None, Some((hour, minute, second))) => Some((hour_at(hour)?, minute, second)),
            (None, None) => return None,
        };
        Some(())
    }

    fn finish(mut self) -> Option<Calendar> {
        if self.n_understood == 0 || self.pending.is_some() {
            return None;
        }
        match (self.year, self.month, self.day) {
            (None, None, None) => {}
            (_, None, _) => return None,
            (year, Some(month), day) => {
                let day = day.unwrap_or(1);
                // 2024 is a leap year: without a year, 29 February is a day.
                if day > last_day(year.unwrap_or(2024), month) {
                    return None;
                }
                self.calendar.day = Day::Date { year, month, day };
            }
        }
        Some(self.calendar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-15 is a Wednesday.
    const NOW: &str = "2024-05-15T13:14:15Z";

    fn check(text: &str, expected: &str) {
        let now: Timestamp = NOW.parse().expect("a moment");
        let resolved = Date::new(text).map(|date| Timestamp::from_second(date.resolve(now.as_second())));
        let shown = resolved.map_or("no date".to_string(), |moment| moment.expect("in range").to_string());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn absolute() {
        check("2024-05-06", "2024-05-06T00:00:00Z");
        check("2024/5/6", "2024-05-06T00:00:00Z");
        check("2024.05.06", "2024-05-06T00:00:00Z");
        check("2024-05", "2024-05-01T00:00:00Z");
        check("2023", "2023-01-01T00:00:00Z");
        check("2024-05-06T10:30", "2024-05-06T10:30:00Z");
        check("2024-05-06 10:30:15.250Z", "2024-05-06T10:30:15Z");
        check("2024-05-06T10:30:15+02:00", "2024-05-06T08:30:15Z");
        check("2024-05-06 10:30 -0130", "2024-05-06T12:00:00Z");
        check("@1", "1970-01-01T00:00:01Z");
        check("1700000000", "2023-11-14T22:13:20Z");
        check("Thu, 07 Apr 2005 22:13:13 +0200", "2005-04-07T20:13:13Z");
        check("May 6th 2023", "2023-05-06T00:00:00Z");
        check("6 may", "2024-05-06T00:00:00Z");
        check("june 25", "2023-06-25T00:00:00Z");
        check("Feb 29 2023", "no date");
        check("feb 29", "2024-02-29T00:00:00Z");
        check("never", "1970-01-01T00:00:00Z");
    }

    #[test]
    fn relative() {
        check("now", NOW);
        check("today", "2024-05-15T00:00:00Z");
        check("yesterday", "2024-05-14T13:14:15Z");
        check("yesterday 5pm", "2024-05-14T17:00:00Z");
        check("noon", "2024-05-15T12:00:00Z");
        check("tea", "2024-05-14T17:00:00Z");
        check("2 weeks ago", "2024-05-01T13:14:15Z");
        check("2.weeks.ago", "2024-05-01T13:14:15Z");
        check("1 year and 3 months ago", "2023-02-15T13:14:15Z");
        check("last month", "2024-04-15T13:14:15Z");
        check("three days", "2024-05-12T13:14:15Z");
        check("10 min ago", "2024-05-15T13:04:15Z");
        check("friday", "2024-05-10T00:00:00Z");
        check("last wednesday", "2024-05-08T00:00:00Z");
        check("1000000 years ago", "-009999-01-02T01:59:59Z");
    }

    #[test]
    fn not_dates() {
        for text in [
            "",
            "x",
            "12",
            "5 blue moons",
            "2024-13-01",
            "2024-02-30",
            "10:99",
            "weeks",
            "1 2 days",
            "0x10",
            "2024-05-06T",
            "am",
            "13pm",
            "99999999999 days",
            "--",
            "2024-",
            "+0200",
            "é",
            "1é",
            "2024-05-06T10:30é",
        ] {
            check(text, "no date");
        }
    }

    #[test]
    fn any_clock_will_do() {
        for text in ["yesterday", "feb 29", "friday", "noon", "1000000 months ago", "2024-05-06"] {
            let date = Date::new(text).expect(text);
            for now in [i64::MIN, -1, 0, 1, i64::MAX] {
                date.resolve(now);
            }
        }
    }
}
