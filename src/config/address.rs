//! Which IP addresses lead to no place on the public Internet.
//!
//! Invariant: an IPv6 address that carries an IPv4 address is as private as the address it carries.
//!
//! The ranges are those of the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890, RFC
//! 8190) that are not globally reachable, together with multicast and what is reserved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Ranges of IPv4, each with the length of its prefix.
const IPV4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),  // this network, the unspecified address included (RFC 791, section 3.2)
    ([10, 0, 0, 0], 8), // private use (RFC 1918)
    ([100, 64, 0, 0], 10), // shared by the customers of a carrier (RFC 6598)
    ([127, 0, 0, 0], 8), // loopback (RFC 1122, section 3.2.1.3)
    ([169, 254, 0, 0], 16), // link-local, the metadata services of clouds included (RFC 3927)
    ([172, 16, 0, 0], 12), // private use (RFC 1918)
    ([192, 0, 0, 0], 24), // IETF protocol assignments (RFC 6890, section 2.1)
    ([192, 0, 2, 0], 24), // documentation (RFC 5737)
    ([192, 168, 0, 0], 16), // private use (RFC 1918)
    ([198, 18, 0, 0], 15), // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24), // documentation (RFC 5737)
    ([203, 0, 113, 0], 24), // documentation (RFC 5737)
    ([224, 0, 0, 0], 4), // multicast (RFC 5771)
    ([240, 0, 0, 0], 4), // reserved (RFC 1112, section 4), limited broadcast included (RFC 919)
];

/// Ranges of IPv6, each with the length of its prefix.
const IPV6: &[([u16; 8], u32)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128),        // unspecified (RFC 4291, section 2.5.2)
    ([0, 0, 0, 0, 0, 0, 0, 1], 128),        // loopback (RFC 4291, section 2.5.3)
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), // NAT64 of a site, which may lead into it (RFC 8215)
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 63),     // discarded, and the dummy prefix beside it (RFC 6666, RFC 9780)
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments (RFC 2928), Teredo included (RFC 4380)
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation (RFC 3849)
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation (RFC 9637)
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), // segment routing (RFC 9602)
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),  // unique local (RFC 4193)
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), // link-local (RFC 4291, section 2.5.6)
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), // site-local, deprecated (RFC 3879)
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),  // multicast (RFC 4291, section 2.7)
];

/// Ranges of IPv6 that carry an IPv4 address: the prefix, its length, and how many bits stand
/// behind the address.
const CARRIERS: &[([u16; 8], u32, u32)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, 0), // IPv4-compatible, deprecated (RFC 4291, section 2.5.5.1)
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 0), // IPv4-mapped (RFC 4291, section 2.5.5.2)
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, 0), // IPv4-translated (RFC 2765)
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, 0), // NAT64 (RFC 6052)
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 80), // 6to4 (RFC 3056)
];

/// Whether `address` is of this machine, of a private network, or of no use on the public Internet.
///
/// ```
/// use restore_watch::config::is_private;
///
/// assert!(is_private("169.254.169.254".parse()?));
/// assert!(is_private("::ffff:10.0.0.1".parse()?));
/// assert!(!is_private("9.9.9.9".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

/// The private address that `url` has in place of a host name, if it has one. Hosts such as
/// `2130706433`, which stand for an address too, are read as a browser reads them (URL Standard,
/// section 3.5).
pub fn private_host(url: &Url) -> Option<IpAddr> {
    let address = match url.host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(_) => return None,
    };
    is_private(address).then_some(address)
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    IPV4.iter().any(|(base, length)| (bits ^ u32::from_be_bytes(*base)) >> (32 - length) == 0)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within =
        |base: &[u16; 8], length: u32| (bits ^ Ipv6Addr::from(*base).to_bits()) >> (128 - length) == 0;
    #[expect(clippy::cast_possible_truncation, reason = "the 32 bits of the address that is carried")]
    let carried = |behind: u32| Ipv4Addr::from_bits((bits >> behind) as u32);
    IPV6.iter().any(|(base, length)| within(base, *length))
        || CARRIERS
            .iter()
            .any(|(base, length, behind)| within(base, *length) && is_private_v4(carried(*behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last address of each range.
    const PRIVATE: &str = "
        0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1 127.255.255.255
        169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0
        192.0.2.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0
        203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255
        :: ::1 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100:: 100:0:0:1:ffff:ffff:ffff:ffff 2001::
        2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff::
        3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 5f00:: 5f00:ffff:: fc00:: fdff:ffff:: fe80:: fe80::1 febf:ffff:: fec0::
        feff:ffff:: ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
        ::10.0.0.1 ::127.0.0.1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
        64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::9.9.9.9 2002:a00:1:: 2002:7f00:1::1 2002:c0a8:101::1
        2001:0:909:909::f5f5:f6f6
    ";

    /// The neighbours of the ranges, and a few well-known ones.
    const PUBLIC: &str = "
        1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
        172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255 192.0.3.0 192.167.255.255 192.169.0.0
        198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 9.9.9.9
        64:ff9b:0:1:: 64:ff9b:2:: ff:ffff:: 100:0:0:2:: 2000:ffff:: 2001:200:: 2001:db7:ffff:: 2001:db9:: 3ffe:ffff::
        3fff:1000:: 5eff:ffff:: 5f01:: fbff:ffff:: fe7f:ffff:: 2001:4860:4860::8888 2606:4700:4700::1111 2620:fe::9
        ::9.9.9.9 ::ffff:9.9.9.9 ::ffff:0:9.9.9.9 64:ff9b::9.9.9.9 2002:909:909::1
    ";

    #[test]
    fn addresses_are_private_or_public() {
        for (table, private) in [(PRIVATE, true), (PUBLIC, false)] {
            for address in table.split_whitespace() {
                assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
            }
        }
    }

    #[test]
    fn private_hosts_are_found_in_every_spelling() {
        for (url, found) in [
            ("http://127.0.0.1/", Some("127.0.0.1")),
            ("http://127.0.0.1./", Some("127.0.0.1")),
            ("http://127.1/", Some("127.0.0.1")),
            ("http://2130706433/", Some("127.0.0.1")),
            ("http://0x7f.1/", Some("127.0.0.1")),
            ("http://017700000001/", Some("127.0.0.1")),
            ("http://１２７.0.0.1/", Some("127.0.0.1")),
            ("http://[::1]/", Some("::1")),
            ("http://[::ffff:127.0.0.1]/", Some("::ffff:127.0.0.1")),
            ("http://[0:0:0:0:0:ffff:7f00:1]/", Some("::ffff:127.0.0.1")),
            ("https://9.9.9.9/", None),
            ("https://localhost/", None),
            ("https://hooks.example/", None),
        ] {
            let found: Option<IpAddr> = found.map(|address| address.parse().unwrap());
            assert_eq!(private_host(&Url::parse(url).unwrap()), found, "{url}");
        }
    }
}
