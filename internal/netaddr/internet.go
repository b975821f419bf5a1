package netaddr

import "net/netip"

// internet6 is all that is given to anybody of IPv6 (RFC 4291 section 2.4, the IANA
// registry of its address space). What is outside it is this machine's, a link's, a site's,
// a network's own, many hosts' at once, or leads to an address of IPv4 by a gateway.
var internet6 = netip.MustParsePrefix("2000::/3")

// apart is what the IANA registries of special-purpose addresses (RFC 6890) have within
// IPv4 and within internet6, and that leads to no host of the Internet, or hides which one:
// a gateway next to us may take an address that holds another for that.
var apart = prefixes(
	"0.0.0.0/8",         // this network (RFC 791), which means this machine to many systems
	"10.0.0.0/8",        // private (RFC 1918)
	"100.64.0.0/10",     // shared by the customers of a provider (RFC 6598)
	"127.0.0.0/8",       // this machine (RFC 1122)
	"169.254.0.0/16",    // the link (RFC 3927), and what clouds tell their machines
	"172.16.0.0/12",     // private (RFC 1918)
	"192.0.0.0/24",      // protocol assignments (RFC 6890)
	"192.0.2.0/24",      // documentation (RFC 5737)
	"192.31.196.0/24",   // the nearest server of AS112 (RFC 7535)
	"192.52.193.0/24",   // the nearest relay of multicast (RFC 7450)
	"192.88.99.0/24",    // the nearest relay of 6to4 (RFC 7526)
	"192.168.0.0/16",    // private (RFC 1918)
	"192.175.48.0/24",   // the nearest server of AS112 (RFC 7534)
	"198.18.0.0/15",     // benchmarks (RFC 2544)
	"198.51.100.0/24",   // documentation (RFC 5737)
	"203.0.113.0/24",    // documentation (RFC 5737)
	"224.0.0.0/4",       // many hosts (RFC 5771)
	"240.0.0.0/4",       // reserved (RFC 1112), and broadcast
	"2001::/23",         // protocol assignments (RFC 2928), Teredo among them (RFC 4380)
	"2001:db8::/32",     // documentation (RFC 3849)
	"2002::/16",         // 6to4 (RFC 3056), which holds an address of IPv4
	"2620:4f:8000::/48", // the nearest server of AS112 (RFC 7534)
	"3fff::/20",         // documentation (RFC 9637)
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// IsInternet reports whether the address is one of a host of the Internet, as far as the
// address says.
func IsInternet(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || ip.Is6() && !internet6.Contains(ip) {
		return false
	}
	for _, p := range apart {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
