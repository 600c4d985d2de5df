//! The weekly ping: what may be in it, how it is made, and its only form.

use crate::entry::FieldKind;
use crate::noise::{Draw, two_sided_geometric};
use crate::register::{Counter, Field, N_COUNTERS, SCHEMA};
use crate::usage::Deeds;
use crate::week::Week;
use std::collections::BTreeMap;

/// Longest ping, in bytes.
pub const PING_BYTES_MAX: usize = 4096;
/// With fewer people than this nothing about people is said.
pub const PEOPLE_MIN: u64 = 5;
/// The largest power of two that is told: 2^23 and more are one.
pub const POWER_MAX: u32 = 24;

/// A ping. It can hold nothing but numbers of the register, each within its bounds:
///
/// ```
/// # use telemetry::{Field, Ping, Week};
/// let mut ping = Ping::new(Week::of_ms(0));
/// ping.put(Field::Version, 1_002_003);
/// ```
///
/// A field that the register does not have does not compile:
///
/// ```compile_fail
/// # use telemetry::{Field, Ping, Week};
/// let mut ping = Ping::new(Week::of_ms(0));
/// ping.put(Field::HostName, 1);
/// ```
///
/// nor does text:
///
/// ```compile_fail
/// # use telemetry::{Field, Ping, Week};
/// let mut ping = Ping::new(Week::of_ms(0));
/// ping.put(Field::Version, "kmalloc");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    week: Week,
    values: BTreeMap<Field, u32>,
}

/// Why bytes are no ping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPing {
    /// Longer than [`PING_BYTES_MAX`].
    #[error("a ping has at most {PING_BYTES_MAX} bytes")]
    TooLong,
    /// Not JSON, or not of this shape.
    #[error("a ping is {{\"fields\":{{NAME:NUMBER,…}},\"schema\":NUMBER,\"week\":\"2026-W47\"}}")]
    Shape,
    /// Of another version of the register.
    #[error("this is a ping of schema {0}; schema {SCHEMA} is known here")]
    Schema(u64),
    /// A field that the register does not have.
    #[error("the register has no such field")]
    Field,
    /// A number beyond its bounds.
    #[error("a number of '{0}' is beyond its bounds")]
    Bounds(&'static str),
    /// The same said in other bytes.
    #[error("not the canonical form: keys in order, no space")]
    NotCanonical,
}

/// What the people of a week did, each limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeekOfUse {
    n_people: u64,
    sums: [u64; N_COUNTERS],
}

impl WeekOfUse {
    /// Adds a person. SECURITY: what they did beyond the limits of the register is left out here, once more.
    pub fn add(&mut self, deeds: &Deeds) {
        self.n_people += 1;
        for counter in Counter::ALL {
            let n = deeds[counter as usize].min(counter.per_person_max());
            self.sums[counter as usize] += u64::from(n);
        }
    }

    /// How many people there were.
    pub fn n_people(&self) -> u64 {
        self.n_people
    }
}

/// What a ping says of the server itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Whether its database is PostgreSQL.
    pub is_postgres: bool,
    /// How many repositories are indexed.
    pub n_repositories: u64,
}

impl Field {
    /// The largest value it has.
    pub fn most(self) -> u32 {
        match self.kind() {
            FieldKind::Plain { max } => max,
            FieldKind::People | FieldKind::Noised(_) => POWER_MAX,
        }
    }

    /// The scale of its noise: how far one person moves it, times the number of noised fields, so that all of them together
    /// are differentially private with ε = 1. `None` for a field without noise.
    pub fn noise_scale(self) -> Option<u32> {
        let n_noised =
            Field::ALL.iter().filter(|field| !matches!(field.kind(), FieldKind::Plain { .. })).count();
        let reach = match self.kind() {
            FieldKind::Plain { .. } => return None,
            FieldKind::People => 1,
            FieldKind::Noised(counter) => counter.per_person_max(),
        };
        Some(reach * u32::try_from(n_noised).unwrap_or(u32::MAX))
    }
}

/// The most that a ping can tell, in bits: every field is one of so many numbers, or left out.
pub fn bits_max() -> f64 {
    Field::ALL.iter().map(|field| (f64::from(field.most()) + 2.0).log2()).sum()
}

/// Makes the ping of a week. The noise is drawn here, once; whoever asks again is to be shown the same bytes.
pub fn compose<E>(
    week: Week,
    used: &WeekOfUse,
    instance: Instance,
    draw: &mut Draw<'_, E>,
) -> Result<Ping, E> {
    let mut ping = Ping::new(week);
    of_this_build(&mut ping);
    ping.put(Field::Database, u32::from(instance.is_postgres));
    ping.put(Field::Repositories, power_of(i64::try_from(instance.n_repositories).unwrap_or(i64::MAX)));
    for field in Field::ALL {
        let count = match field.kind() {
            FieldKind::Plain { .. } => continue,
            FieldKind::People => used.n_people,
            FieldKind::Noised(counter) => used.sums[counter as usize],
        };
        let Some(scale) = field.noise_scale() else { continue };
        let noised =
            i64::try_from(count).unwrap_or(i64::MAX).saturating_add(two_sided_geometric(scale, draw)?);
        if used.n_people >= PEOPLE_MIN {
            ping.put(field, power_of(noised));
        }
    }
    Ok(ping)
}

/// What this program says of itself: its release and what it was built for.
fn of_this_build(ping: &mut Ping) {
    let mut numbers = env!("CARGO_PKG_VERSION")
        .split(['.', '-', '+'])
        .map(|part| part.parse::<u32>().unwrap_or(0).min(999));
    let mut next = || numbers.next().unwrap_or(0);
    ping.put(Field::Version, next() * 1_000_000 + next() * 1_000 + next());
    ping.put(
        Field::Platform,
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => 1,
            ("linux", "aarch64") => 2,
            ("linux", "riscv64") => 3,
            ("macos", _) => 4,
            _ => 0,
        },
    );
}

/// 0 for nothing and less, 1 for one, 2 for two and three, 3 for four to seven, and so on to [`POWER_MAX`].
fn power_of(count: i64) -> u32 {
    match u64::try_from(count) {
        Ok(count @ 1..) => (count.ilog2() + 1).min(POWER_MAX),
        _ => 0,
    }
}

impl Ping {
    /// An empty ping of a week.
    pub fn new(week: Week) -> Self {
        Ping { week, values: BTreeMap::new() }
    }

    /// Puts a number in; one beyond the bounds of its field becomes the bound.
    pub fn put(&mut self, field: Field, value: u32) {
        self.values.insert(field, value.min(field.most()));
    }

    /// The week it is of.
    pub fn week(&self) -> Week {
        self.week
    }

    /// What it says, in the order of the register.
    pub fn values(&self) -> impl Iterator<Item = (Field, u32)> {
        self.values.iter().map(|(field, value)| (*field, *value))
    }

    /// Its only form: JSON (RFC 8785 for this shape: keys in order, no space, integers).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut fields: Vec<_> =
            self.values.iter().map(|(field, value)| (field.entry().name, value)).collect();
        fields.sort_unstable();
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{\"fields\":{{{}}},\"schema\":{SCHEMA},\"week\":\"{}\"}}", fields.join(","), self.week)
            .into_bytes()
    }

    /// Reads a ping; what is not exactly one is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Ping, NotAPing> {
        if bytes.len() > PING_BYTES_MAX {
            return Err(NotAPing::TooLong);
        }
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| NotAPing::Shape)?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64).ok_or(NotAPing::Shape)?;
        if schema != u64::from(SCHEMA) {
            return Err(NotAPing::Schema(schema));
        }
        let week = value.get("week").and_then(serde_json::Value::as_str).ok_or(NotAPing::Shape)?;
        let mut ping = Ping::new(week.parse().map_err(|_| NotAPing::Shape)?);
        let fields = value.get("fields").and_then(serde_json::Value::as_object).ok_or(NotAPing::Shape)?;
        for (name, value) in fields {
            let field =
                Field::ALL.into_iter().find(|field| field.entry().name == name).ok_or(NotAPing::Field)?;
            let value = value.as_u64().and_then(|value| u32::try_from(value).ok());
            match value.filter(|value| *value <= field.most()) {
                Some(value) => ping.put(field, value),
                None => return Err(NotAPing::Bounds(field.entry().name)),
            }
        }
        // SECURITY: what is said twice or beside the shape would pass above; it is not in these bytes.
        if ping.to_bytes() != bytes {
            return Err(NotAPing::NotCanonical);
        }
        Ok(ping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::probability;
    use crate::noise::tests::seeded;
    use proptest::prelude::*;

    fn composed(used: &WeekOfUse, seed: u64) -> Ping {
        let instance = Instance { is_postgres: false, n_repositories: 12 };
        let Ok(ping) = compose(Week::of_ms(1_794_787_200_000), used, instance, &mut seeded(seed));
        ping
    }

    fn week_of(n_people: usize, each: u32) -> WeekOfUse {
        let mut used = WeekOfUse::default();
        (0..n_people).for_each(|_| used.add(&[each; N_COUNTERS]));
        used
    }

    #[test]
    fn a_ping_has_one_form_and_it_is_short() {
        let ping = composed(&week_of(40, 30), 1);
        let bytes = ping.to_bytes();
        assert!(bytes.len() < 400, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(Ping::from_bytes(&bytes), Ok(ping));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\"week\":\"2026-W47\"") && text.contains("\"repositories\":4"), "{text}");
    }

    #[test]
    fn few_people_are_not_spoken_of() {
        let names = |ping: &Ping| ping.values().map(|(field, _)| field.entry().name).collect::<Vec<_>>();
        assert_eq!(names(&composed(&week_of(4, 30), 1)), ["version", "platform", "database", "repositories"]);
        assert_eq!(names(&composed(&week_of(5, 30), 1)).len(), Field::ALL.len());
    }

    #[test]
    fn all_the_noise_together_is_one() {
        // Two weeks that differ by one person who did all they could: whatever the ping says, its probability differs by at
        // most e. The worst case of every field at once:
        let total: f64 = Field::ALL
            .iter()
            .filter_map(|field| {
                let scale = field.noise_scale()?;
                let reach = match field.kind() {
                    FieldKind::Noised(counter) => counter.per_person_max(),
                    _ => 1,
                };
                Some((probability(0, scale) / probability(i64::from(reach), scale)).ln())
            })
            .sum();
        assert!(total <= 1.0 + 1e-9, "{total}");
        assert!(total > 0.99, "the budget is used: {total}");
    }

    #[test]
    fn somebody_who_did_far_too_much_counts_like_one_who_did_much() {
        let mut much = week_of(20, 3);
        let mut too_much = much;
        much.add(&Counter::ALL.map(Counter::per_person_max));
        too_much.add(&[u32::MAX; N_COUNTERS]);
        assert_eq!(much, too_much);
    }

    #[test]
    fn what_is_no_ping_is_refused() {
        let check = |text: &str, expected: NotAPing| {
            assert_eq!(Ping::from_bytes(text.as_bytes()), Err(expected), "{text}")
        };
        check("", NotAPing::Shape);
        check(&"[".repeat(4_000), NotAPing::Shape);
        check(&" ".repeat(5_000), NotAPing::TooLong);
        check(r#"{"fields":{},"schema":99,"week":"2026-W47"}"#, NotAPing::Schema(99));
        check(r#"{"fields":{"host":1},"schema":1,"week":"2026-W47"}"#, NotAPing::Field);
        check(r#"{"fields":{"people":25},"schema":1,"week":"2026-W47"}"#, NotAPing::Bounds("people"));
        check(r#"{"fields":{"people":-1},"schema":1,"week":"2026-W47"}"#, NotAPing::Bounds("people"));
        check(r#"{"fields":{"people":"x"},"schema":1,"week":"2026-W47"}"#, NotAPing::Bounds("people"));
        check(r#"{"fields":{"people":1,"people":2},"schema":1,"week":"2026-W47"}"#, NotAPing::NotCanonical);
        check(r#"{"fields":{},"note":"x","schema":1,"week":"2026-W47"}"#, NotAPing::NotCanonical);
        check(r#"{"fields": {},"schema":1,"week":"2026-W47"}"#, NotAPing::NotCanonical);
        check(r#"{"fields":{},"schema":1,"week":"a name"}"#, NotAPing::Shape);
    }

    #[test]
    fn what_it_tells_in_a_week_is_bounded() {
        assert!(bits_max() < 80.0, "{}", bits_max());
    }

    proptest! {
        #[test]
        fn every_ping_is_read_as_itself(people in 0_usize..300, each in any::<u32>(), seed in any::<u64>()) {
            let ping = composed(&week_of(people, each), seed);
            prop_assert!(ping.values().all(|(field, value)| value <= field.most()));
            prop_assert_eq!(Ping::from_bytes(&ping.to_bytes()), Ok(ping));
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(ping) = Ping::from_bytes(&bytes) {
                prop_assert_eq!(ping.to_bytes(), bytes);
            }
        }
    }
}
