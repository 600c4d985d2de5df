//! What an address is, however it is written: the registries of special addresses (RFC 6890 and its successors).

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Anywhere on the internet.
    Public,
    /// This machine: 127.0.0.0/8, ::1.
    Loopback,
    /// A network of one's own: RFC 1918, RFC 4193, and the shared one of RFC 6598.
    Private,
    /// The same cable: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// Where clouds tell a machine its own secrets. Never connected to, whatever is allowed.
    Metadata,
    /// Multicast, documentation, reserved: nothing answers there.
    Special,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            AddressKind::Public => "a public address",
            AddressKind::Loopback => "an address of this machine itself",
            AddressKind::Private => "an address of a private network",
            AddressKind::LinkLocal => "a link-local address",
            AddressKind::Metadata => "the metadata service of a cloud",
            AddressKind::Special => "a reserved address",
        })
    }
}

/// The metadata services of the large clouds that are not within a link-local network, and those that are.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Whether an address may be connected to: it is public, or of a network that is allowed and no metadata service.
pub(crate) fn judge(address: IpAddr, allowed: &[IpNet]) -> Result<(), AddressKind> {
    let address = address.to_canonical();
    match kind_of(address) {
        AddressKind::Public => Ok(()),
        AddressKind::Metadata => Err(AddressKind::Metadata),
        _ if allowed.iter().any(|network| network.contains(&address)) => Ok(()),
        kind => Err(kind),
    }
}

/// What an address is. One that carries another (IPv4-mapped, NAT64, 6to4, Teredo, ISATAP) is what it carries.
pub(crate) fn kind_of(address: IpAddr) -> AddressKind {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    if METADATA_V4.contains(&address) {
        return AddressKind::Metadata;
    }
    match address.octets() {
        [127, ..] => AddressKind::Loopback,
        [10, ..] | [192, 168, ..] => AddressKind::Private,
        [172, second, ..] if second & 0xf0 == 16 => AddressKind::Private,
        [100, second, ..] if second & 0xc0 == 64 => AddressKind::Private,
        [169, 254, ..] => AddressKind::LinkLocal,
        // "This network": Linux takes 0.0.0.0 for the machine itself.
        [0, ..] => AddressKind::Loopback,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            AddressKind::Special
        }
        [224..=255, ..] => AddressKind::Special,
        _ => AddressKind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    if METADATA_V6.contains(&address) {
        return AddressKind::Metadata;
    }
    if let Some(carried) = carried_v4(address) {
        return kind_of_v4(carried);
    }
    let segments = address.segments();
    match segments[0] {
        0 if address.is_loopback() || address.is_unspecified() => AddressKind::Loopback,
        0xfc00..=0xfdff => AddressKind::Private,
        0xfe80..=0xfebf => AddressKind::LinkLocal,
        // Site-local addresses were given up (RFC 3879), and some networks still have them.
        0xfec0..=0xfeff => AddressKind::Private,
        0x2001 if segments[1] < 0x0200 || segments[1] == 0x0db8 => AddressKind::Special,
        0x3fff if segments[1] < 0x1000 => AddressKind::Special,
        // Only this eighth is given out as global unicast.
        0x2000..=0x3fff => AddressKind::Public,
        _ => AddressKind::Special,
    }
}

/// The IPv4 address that an IPv6 one leads to by its very form.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        // IPv4-compatible (RFC 4291, given up); the two that look like it are :: and ::1.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => of(high, low),
        // IPv4-mapped, and IPv4-translated (RFC 2765).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => of(high, low),
        // NAT64: the well-known prefix (RFC 6052) and the local one (RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x64, 0xff9b, 1, _, _, _, high, low] => of(high, low),
        // 6to4 (RFC 3056) and Teredo (RFC 4380), which hides the client's by inverting it.
        [0x2002, high, low, ..] => of(high, low),
        [0x2001, 0, _, _, _, _, high, low] => of(!high, !low),
        // ISATAP (RFC 5214).
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, high, low] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: AddressKind) {
        assert_eq!(kind_of(text.parse().unwrap()), expected, "{text}");
    }

    #[test]
    fn kinds() {
        use AddressKind::*;
        for (text, expected) in [
            ("140.82.121.4", Public),
            ("2a00:1450::1", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("0.0.0.0", Loopback),
            ("::", Loopback),
            ("::1", Loopback),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("172.32.0.1", Public),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("100.128.0.1", Public),
            ("fd12::1", Private),
            ("fec0::1", Private),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("fd00:ec2::254", Metadata),
            ("224.0.0.1", Special),
            ("255.255.255.255", Special),
            ("198.18.0.1", Special),
            ("ff02::1", Special),
            ("2001:db8::1", Special),
            ("100::1", Special),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn an_address_inside_another_is_what_it_carries() {
        use AddressKind::*;
        for (text, expected) in [
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:8.8.8.8", Public),
            ("::127.0.0.1", Loopback),
            ("::ffff:0:10.0.0.1", Private),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("64:ff9b::808:808", Public),
            ("64:ff9b:1::10.0.0.1", Private),
            ("2002:7f00:1::", Loopback),
            ("2002:808:808::", Public),
            ("2001:0:1:2:3:4:f5ff:fffe", Private),
            ("2a00::5efe:10.0.0.1", Private),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn an_allowed_network_lets_in_itself_alone() {
        let allowed = ["10.1.0.0/16".parse().unwrap(), "169.254.0.0/16".parse().unwrap()];
        let judge = |text: &str| judge(text.parse().unwrap(), &allowed);
        assert_eq!(judge("10.1.2.3"), Ok(()));
        assert_eq!(judge("::ffff:10.1.2.3"), Ok(()), "the same address");
        assert_eq!(judge("10.2.0.1"), Err(AddressKind::Private));
        assert_eq!(judge("64:ff9b::10.1.2.3"), Err(AddressKind::Private), "another way to go");
        assert_eq!(judge("169.254.169.254"), Err(AddressKind::Metadata), "never");
    }

    proptest::proptest! {
        #[test]
        fn no_writing_of_a_bad_address_is_good(bytes: u32) {
            let address = Ipv4Addr::from(bytes);
            if kind_of_v4(address) != AddressKind::Public {
                let [a, b, c, d] = address.octets();
                let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                for carrier in [
                    address.to_ipv6_mapped(),
                    Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                    Ipv6Addr::new(0x2001, 0, 9, 9, 9, 9, !high, !low),
                    Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                ] {
                    assert!(judge(carrier.into(), &[]).is_err(), "{carrier}");
                }
            }
        }
    }
}
