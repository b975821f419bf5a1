package netaddr

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of proxies whose word about where a request came
// from is believed. None is the zero value.
type Proxies []netip.Prefix

// ParseProxies reads networks ("10.0.0.0/8", "2001:db8::/32") and single
// addresses. A network that holds everybody is refused: then everybody could
// choose their address.
func ParseProxies(texts ...string) (Proxies, error) {
	var p Proxies
	for _, text := range texts {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if err != nil {
			ip, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, fmt.Errorf("%q is no network: use one such as 10.1.0.0/16, or the address of a proxy", text)
			}
			network = netip.PrefixFrom(ip.WithZone(""), ip.BitLen())
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("%q holds every address, so that everybody could choose theirs: name the network of the proxies alone", text)
		}
		if ip := network.Addr(); ip.Is4In6() {
			if network.Bits() < 96 {
				return nil, fmt.Errorf("%q mixes IPv4 and IPv6: name them apart", text)
			}
			network = netip.PrefixFrom(ip.Unmap(), network.Bits()-96)
		}
		p = append(p, network.Masked())
	}
	return p, nil
}

// Contains reports whether the address, which may have a port, is of a proxy.
func (p Proxies) Contains(addr string) bool {
	if len(p) == 0 {
		return false
	}
	ip, ok := parseHop(addr)
	return ok && p.contains(ip)
}

func (p Proxies) contains(ip netip.Addr) bool {
	for _, network := range p {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}

// Client is the address that a request came from, without a port. From anybody
// but a proxy of these it is the connection's. A proxy's word is its header
// Forwarded (RFC 7239) or X-Forwarded-For: read from the right, where the
// nearest proxy wrote, the first address that is none of these proxies. What
// stands further left anybody can have written.
//
// Where the two headers say different things, one of them has passed a proxy
// that only writes the other, and nobody knows which: then it is the proxy's own.
func (p Proxies) Client(r *http.Request) string {
	peer := Host(r.RemoteAddr)
	if !p.Contains(peer) {
		return peer
	}
	standard, ok := p.nearest(forwardedFor(r.Header.Values("Forwarded")), peer)
	common, also := p.nearest(strings.Join(r.Header.Values("X-Forwarded-For"), ","), peer)
	switch {
	case ok && also && standard != common:
		return peer
	case ok:
		return standard
	}
	return common
}

// nearest reads a list of hops from the right. Without one it is the peer.
func (p Proxies) nearest(hops, peer string) (client string, ok bool) {
	client = peer
	for rest := hops; rest != ""; {
		var hop string
		i := strings.LastIndexByte(rest, ',')
		rest, hop = rest[:max(i, 0)], rest[i+1:]
		ip, is := parseHop(strings.TrimSpace(hop))
		if !is {
			break // "unknown", "_hidden": the last one that is known counts
		}
		client = ip.String()
		if !p.contains(ip) {
			break
		}
	}
	return client, strings.TrimSpace(hops) != ""
}

// parseHop reads an address with or without a port, in IPv4 form where it has
// one.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(Host(text), "[]")
	ip, err := netip.ParseAddr(text)
	return ip.Unmap().WithZone(""), err == nil
}

// forwardedFor makes of the header Forwarded the list that X-Forwarded-For is:
// an element that names nobody is an empty hop.
func forwardedFor(values []string) string {
	if len(values) == 0 {
		return ""
	}
	var hops []string
	for _, element := range strings.Split(strings.Join(values, ","), ",") {
		hop := ""
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		hops = append(hops, hop)
	}
	return strings.Join(hops, ",")
}
