//! Pings as a hub takes them: numbers of a week, without a sender.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use telemetry::{NotAPing, PING_BYTES_MAX, Week};

/// Most fields of one ping.
pub const N_FIELDS_MAX: usize = 256;
/// Largest value, on both sides of zero: 2⁴⁰. A million pings of it still fit into a sum.
pub const VALUE_MAX: i64 = 1 << 40;
/// Only where so many pings hold a number is anything shown of it.
pub const K: u64 = 5;
const SCHEMA_MAX: u32 = 1_000;
const FIELD_BYTES_MAX: usize = 64;

/// What a ping says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Of which version of the register it is.
    pub schema: u32,
    /// The week, as in `2026-W47` (ISO 8601).
    pub week: String,
    /// Names and values.
    pub fields: Vec<(String, i64)>,
}

/// Bytes are not taken as a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PingRefusal {
    /// Too long.
    #[error("a ping has at most {PING_BYTES_MAX} bytes")]
    TooLong,
    /// Not of the shape.
    #[error("a ping is {{\"fields\":{{NAME:NUMBER,…}},\"schema\":NUMBER,\"week\":\"2026-W47\"}}")]
    Shape,
    /// Another text would say the same.
    #[error("a ping has one form: keys in order, no space, no sign or zero in front")]
    NotCanonical,
    /// A schema, a name or a value that no ping has.
    #[error("a name or a number of the ping is outside of its bounds")]
    Bounds,
    /// A week that is long over, or has not begun.
    #[error("the week of the ping is over for too long, or has not begun")]
    Week,
    /// The week has no room for more names.
    #[error("there is no room for more names in that week")]
    Full,
}

/// What bytes must be to be counted. A hub takes [`Registered`] ones.
pub trait CheckPing: Send + Sync {
    /// Reads a ping.
    fn check(&self, bytes: &[u8]) -> Result<Ping, PingRefusal>;
}

/// A [`CheckPing`] to share.
pub type PingCheck = Arc<dyn CheckPing>;

/// Takes the pings that a server of this release makes: names and numbers of the register, and no other. SECURITY: nobody
/// writes words of their own on the hub's page by sending them often enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registered;

impl CheckPing for Registered {
    fn check(&self, bytes: &[u8]) -> Result<Ping, PingRefusal> {
        let ping = telemetry::Ping::from_bytes(bytes).map_err(|refusal| match refusal {
            NotAPing::TooLong => PingRefusal::TooLong,
            NotAPing::Shape => PingRefusal::Shape,
            NotAPing::NotCanonical => PingRefusal::NotCanonical,
            NotAPing::Schema(_) | NotAPing::Field | NotAPing::Bounds(_) => PingRefusal::Bounds,
        })?;
        let fields = ping.values().map(|(field, value)| (field.entry().name.to_owned(), i64::from(value)));
        Ok(Ping { schema: telemetry::SCHEMA, week: ping.week().to_string(), fields: fields.collect() })
    }
}

/// Takes every ping of the shape, whatever its names are: of registers that are not of this release.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyPing;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    fields: BTreeMap<String, i64>,
    schema: u32,
    week: String,
}

impl CheckPing for AnyPing {
    fn check(&self, bytes: &[u8]) -> Result<Ping, PingRefusal> {
        if bytes.len() > PING_BYTES_MAX {
            return Err(PingRefusal::TooLong);
        }
        let shape: Shape = serde_json::from_slice(bytes).map_err(|_| PingRefusal::Shape)?;
        if serde_json::to_vec(&shape).map_err(|_| PingRefusal::Shape)? != bytes {
            return Err(PingRefusal::NotCanonical);
        }
        let is_name = |name: &String| {
            (1..=FIELD_BYTES_MAX).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
        };
        let is_bounded = (1..=SCHEMA_MAX).contains(&shape.schema)
            && shape.fields.len() <= N_FIELDS_MAX
            && shape.fields.keys().all(is_name)
            && shape.fields.values().all(|value| (-VALUE_MAX..=VALUE_MAX).contains(value));
        match () {
            () if !is_bounded => Err(PingRefusal::Bounds),
            () if begin_of(&shape.week).is_none() => Err(PingRefusal::Shape),
            () => Ok(Ping {
                schema: shape.schema,
                week: shape.week,
                fields: shape.fields.into_iter().collect(),
            }),
        }
    }
}

const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;

/// When a week begins (Monday 00:00 UTC), in milliseconds since 1970.
fn begin_of(week: &str) -> Option<i64> {
    week.parse::<Week>().ok().map(Week::begins_ms)
}

/// Whether a ping of that week is taken now: once it has begun, and for four weeks after its end.
pub(crate) fn is_open(week: &str, now_ms: i64) -> bool {
    begin_of(week).is_some_and(|begin| (begin..begin + 5 * WEEK_MS).contains(&now_ms))
}

/// The place of a value in a histogram of powers of two: 0 for zero, n for values from 2ⁿ⁻¹ below 2ⁿ, negative likewise.
pub(crate) fn bucket_of(value: i64) -> i64 {
    let power = i64::from(u64::BITS - value.unsigned_abs().leading_zeros());
    if value < 0 { -power } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Ping, PingRefusal> {
        AnyPing.check(text.as_bytes())
    }

    #[test]
    fn a_ping_is_read() {
        let ping =
            check(r#"{"fields":{"a.b":-3,"people":0,"searches":12},"schema":1,"week":"2026-W47"}"#).unwrap();
        assert_eq!((ping.schema, ping.week.as_str()), (1, "2026-W47"));
        assert_eq!(ping.fields[0], ("a.b".to_owned(), -3));
    }

    #[test]
    fn what_a_server_makes_is_taken_and_no_other_word() {
        let mut made = telemetry::Ping::new("2026-W47".parse().unwrap());
        made.put(telemetry::Field::People, 3);
        made.put(telemetry::Field::Searches, 9);
        let bytes = made.to_bytes();
        let taken = Registered.check(&bytes).unwrap();
        assert_eq!(AnyPing.check(&bytes), Ok(taken.clone()), "both read the same");
        assert_eq!(taken.fields, [("people".to_owned(), 3), ("searches".to_owned(), 9)]);
        for other in [
            r#"{"fields":{"kmalloc":1},"schema":1,"week":"2026-W47"}"#,
            r#"{"fields":{"people":25},"schema":1,"week":"2026-W47"}"#,
            r#"{"fields":{"people":1},"schema":2,"week":"2026-W47"}"#,
        ] {
            assert!(AnyPing.check(other.as_bytes()).is_ok());
            assert_eq!(Registered.check(other.as_bytes()), Err(PingRefusal::Bounds), "{other}");
        }
    }

    /// H-ping-shape
    #[test]
    fn there_is_no_room_for_anything_else() {
        use PingRefusal::{Bounds, NotCanonical, Shape, TooLong};
        let expect = |text: &str, refusal| assert_eq!(check(text), Err(refusal), "{text}");
        expect("", Shape);
        expect(&"x".repeat(PING_BYTES_MAX + 1), TooLong);
        expect(&"[".repeat(PING_BYTES_MAX), Shape);
        expect(r#"{"fields":{},"schema":1,"week":"2026-W47","id":"x"}"#, Shape);
        expect(r#"{"fields":{"a":"kmalloc"},"schema":1,"week":"2026-W47"}"#, Shape);
        expect(r#"{"fields":{"a":1.5},"schema":1,"week":"2026-W47"}"#, Shape);
        expect(r#"{"fields":{},"schema":1,"week":"secret"}"#, Shape);
        expect(r#"{"fields":{},"schema":1,"week":"2026-W54"}"#, Shape);
        expect(r#"{"fields":{},"schema":1,"week":"2025-W53"}"#, Shape);
        expect(r#"{"schema":1,"fields":{},"week":"2026-W47"}"#, NotCanonical);
        expect(r#"{"fields":{}, "schema":1,"week":"2026-W47"}"#, NotCanonical);
        expect("{\"fields\":{},\"schema\":1,\"week\":\"2026-W47\"}\n", NotCanonical);
        expect(r#"{"fields":{"b":1,"a":1},"schema":1,"week":"2026-W47"}"#, NotCanonical);
        expect(r#"{"fields":{"a":1,"a":2},"schema":1,"week":"2026-W47"}"#, NotCanonical);
        expect(r#"{"fields":{"\u0061":1},"schema":1,"week":"2026-W47"}"#, NotCanonical);
        expect(r#"{"fields":{"A":1},"schema":1,"week":"2026-W47"}"#, Bounds);
        expect(r#"{"fields":{"":1},"schema":1,"week":"2026-W47"}"#, Bounds);
        expect(r#"{"fields":{"a":1099511627777},"schema":1,"week":"2026-W47"}"#, Bounds);
        expect(r#"{"fields":{"a":-1099511627777},"schema":1,"week":"2026-W47"}"#, Bounds);
        expect(r#"{"fields":{},"schema":0,"week":"2026-W47"}"#, Bounds);
        let many: Vec<String> = (0..=N_FIELDS_MAX).map(|n| format!("\"a{n:03}\":1")).collect();
        expect(&format!(r#"{{"fields":{{{}}},"schema":1,"week":"2026-W47"}}"#, many.join(",")), Bounds);
    }

    #[test]
    fn weeks_open_and_close() {
        let begin = begin_of("2026-W47").unwrap();
        assert_eq!(begin, 1_794_787_200_000, "2026-11-16T00:00:00Z");
        assert!(!is_open("2026-W47", begin - 1) && is_open("2026-W47", begin));
        assert!(is_open("2026-W47", begin + 5 * WEEK_MS - 1) && !is_open("2026-W47", begin + 5 * WEEK_MS));
        assert!(!is_open("9999-W52", begin) && !is_open("0000-W01", begin));
    }

    #[test]
    fn buckets() {
        for (value, bucket) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (-1, -1), (-4, -3), (VALUE_MAX, 41)] {
            assert_eq!(bucket_of(value), bucket, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            proptest::prop_assert!(AnyPing.check(&bytes).is_err());
        }
    }
}
