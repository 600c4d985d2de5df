//! Durations as Go writes them: `1h15m30.5s`, `300ms`.

use std::time::Duration;

/// Longest duration that is understood: a year. It keeps every sum within bounds.
const NANOS_MAX: u128 = 366 * 24 * 3600 * 1_000_000_000;

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Reads a duration longer than zero, or says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    if text.starts_with('-') {
        return Err("it is negative");
    }
    let mut nanos = 0_u128;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err("a number and a unit are expected, such as 10s");
    }
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        let Some((_, unit_nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err("each number needs a unit: ns, us, ms, s, m or h");
        };
        nanos += scaled(number, *unit_nanos)?;
        if nanos > NANOS_MAX {
            return Err("it is longer than a year");
        }
        rest = after;
    }
    if nanos == 0 {
        return Err("it is zero");
    }
    let too_long = "it is longer than a year";
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| too_long)?;
    let subsecond = u32::try_from(nanos % 1_000_000_000).map_err(|_| too_long)?;
    Ok(Duration::new(seconds, subsecond))
}

/// Prints a duration so that [`parse`] reads the same again.
pub(crate) fn print(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    let mut out = String::new();
    for (name, unit_nanos) in UNITS.iter().rev().filter(|(name, _)| name.is_ascii()) {
        let n = nanos / unit_nanos;
        if n > 0 {
            out.push_str(&format!("{n}{name}"));
        }
        nanos %= unit_nanos;
    }
    if out.is_empty() { "0s".to_string() } else { out }
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `number × unit`, cut to whole nanoseconds.
fn scaled(number: &str, unit_nanos: u128) -> Result<u128, &'static str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err("a number and a unit are expected, such as 10s");
    }
    if whole.trim_start_matches('0').len() > 17 {
        return Err("it is longer than a year");
    }
    let digits = |text: &str| text.bytes().fold(0_u128, |n, digit| n * 10 + u128::from(digit - b'0'));
    let fraction = &fraction[..fraction.len().min(15)];
    let scale = 10_u128.pow(fraction.len() as u32);
    Ok(digits(whole) * unit_nanos + digits(fraction) * unit_nanos / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        let check = |text: &str, printed: Result<&str, &str>| {
            assert_eq!(parse(text).map(print).as_deref(), printed.as_ref().map(|p| *p), "{text}");
        };
        check("10s", Ok("10s"));
        check("1h15m30.5s", Ok("1h15m30s500ms"));
        check("90s", Ok("1m30s"));
        check("1.5h", Ok("1h30m"));
        check(".5s", Ok("500ms"));
        check("1µs", Ok("1us"));
        for bad in ["", "10", "s", "-1s", "0s", "1d", "1.2.3s", "1s ", "99999999999999999999h", "９s", "1e9s"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
