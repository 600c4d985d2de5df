//! Numbers, sizes and times as people read them.

/// A count with thousands separated: `1,058`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 file`, `1,058 lines`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A size in bytes: `17 bytes`, `4.2 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => count(bytes, "byte", "bytes"),
    }
}

/// How long something took: `0.4 ms`, `3 ms`, `1.2 s`.
pub(crate) fn duration_us(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{:.1} ms", microseconds as f64 / 1e3),
        1_000..1_000_000 => format!("{} ms", (microseconds + 500) / 1_000),
        _ => format!("{:.1} s", microseconds as f64 / 1e6),
    }
}

/// How long ago a moment was, in the largest unit that fits: `just now`, `5 min ago`, `2 d ago`.
pub(crate) fn ago(now_ms: i64, then_ms: i64) -> String {
    let seconds = (now_ms.saturating_sub(then_ms) / 1000).max(0);
    let units = [("y", 31_557_600), ("mo", 2_629_800), ("d", 86_400), ("h", 3_600), ("min", 60)];
    match units.iter().find(|(_, unit)| seconds >= *unit) {
        Some((name, unit)) => format!("{} {name} ago", seconds / unit),
        None => "just now".into(),
    }
}

/// How long something will still take: `12 s`, `3 min`, `30 days`.
pub(crate) fn time_left(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{} s", seconds.max(1)),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        3_600..172_800 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

/// A moment with the offset of the clock that it was read from (RFC 3339): `2026-11-22T07:00:00+01:00`. An offset that
/// no clock has is left out, and the moment is told in UTC.
pub(crate) fn rfc3339_at(seconds: i64, offset_minutes: i32) -> String {
    let ms = |seconds: i64| seconds.saturating_mul(1000);
    if offset_minutes == 0 || offset_minutes.abs() >= 24 * 60 {
        return rfc3339(ms(seconds));
    }
    let mut text = rfc3339(ms(seconds.saturating_add(i64::from(offset_minutes) * 60)));
    text.pop();
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.abs();
    format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The day of a moment, in UTC: `2026-11-22`.
pub fn day(ms: i64) -> String {
    rfc3339(ms).split('T').next().unwrap_or_default().to_owned()
}

/// A moment, exactly, in UTC (RFC 3339): civil-from-days, Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
pub fn rfc3339(ms: i64) -> String {
    // Years beyond four digits have no RFC 3339 form; commit dates of hostile repositories reach them.
    let seconds = ms.div_euclid(1000).clamp(-62_167_219_200, 253_402_300_799);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes() {
        assert_eq!([0, 999, 1_058, 1_234_567].map(thousands), ["0", "999", "1,058", "1,234,567"]);
        assert_eq!(
            (count(1, "file", "files"), count(2, "file", "files")),
            ("1 file".into(), "2 files".into())
        );
        assert_eq!([1, 1_023, 4_301, 3 << 20].map(size), ["1 byte", "1,023 bytes", "4.2 KiB", "3.0 MiB"]);
    }

    #[test]
    fn times() {
        assert_eq!([400, 3_100, 1_240_000].map(duration_us), ["0.4 ms", "3 ms", "1.2 s"]);
        let seconds_ago = |seconds: i64| ago(1_000_000_000_000, 1_000_000_000_000 - seconds * 1000);
        assert_eq!(
            [-5, 59, 61, 7_200, 200_000, 3_000_000, 99_999_999].map(seconds_ago),
            ["just now", "just now", "1 min ago", "2 h ago", "2 d ago", "1 mo ago", "3 y ago"]
        );
        assert_eq!([3, 61, 7_201].map(time_left), ["3 s", "2 min", "3 h"]);
        assert_eq!([86_400, 172_800, 30 * 86_400].map(time_left), ["24 h", "2 days", "30 days"]);
    }

    #[test]
    fn exact_moments() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_763_781_999_999), "2025-11-22T03:26:39Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(rfc3339_at(951_782_400, 90), "2000-02-29T01:30:00+01:30");
        assert_eq!(rfc3339_at(951_782_400, -480), "2000-02-28T16:00:00-08:00");
        assert_eq!(rfc3339_at(951_782_400, 99_999), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339_at(i64::MAX, 60), "9999-12-31T23:59:59+01:00");
    }
}
