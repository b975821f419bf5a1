// Package netaddr reads the network address that a request came from, or goes
// to. It is a leaf: it knows nothing of ours.
package netaddr

import (
	"net"
	"net/netip"
	"strings"
)

// Host is the address without its port: "192.0.2.1" of "192.0.2.1:1234", and
// "2001:db8::1" of "[2001:db8::1]:1234". What has no port stays as it is.
func Host(remoteAddr string) string {
	if host, _, err := net.SplitHostPort(remoteAddr); err == nil {
		return host
	}
	return remoteAddr
}

// Network is the part of an address that one caller holds: an IPv4 address, or
// the first 64 bits of an IPv6 address ("2001:db8:1:2::/64"), which every
// customer of a provider has to themselves (RFC 6177). A port and a zone are
// left out, and an IPv4 address in IPv6 form is one of IPv4. What is no address
// gives the empty text, so that whoever can choose it has one and not many.
func Network(addr string) string {
	host := Host(addr)
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return ""
	case ip.Is4():
		return host // is written in one way only
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

// IsLoopback reports whether a host of a URL is this machine itself: localhost,
// or a loopback address (RFC 8252 section 7.3), without brackets and port.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
