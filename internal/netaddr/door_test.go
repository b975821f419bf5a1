package netaddr_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// TestIsInternet has the first and the last address of each block of the IANA registries of
// special-purpose addresses, and the neighbours that are of the Internet.
func TestIsInternet(t *testing.T) {
	t.Parallel()
	for network, addresses := range map[string]string{
		"this network":          "0.0.0.0 0.0.0.1 0.255.255.255",
		"private":               "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255",
		"shared":                "100.64.0.0 100.127.255.255",
		"loopback":              "127.0.0.1 127.255.255.255 ::1",
		"link":                  "169.254.0.0 169.254.169.254 169.254.255.255 fe80::1 febf:ffff::",
		"protocol assignments":  "192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.255 2001:1::1 2001:2::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1",
		"documentation":         "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff:ffff::1",
		"nearest servers":       "192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 2620:4f:8000::1",
		"benchmarks":            "198.18.0.0 198.19.255.255",
		"many hosts":            "224.0.0.1 239.255.255.255 ff02::1 ff0e::1",
		"reserved":              "240.0.0.0 255.255.255.254 255.255.255.255 4000::1 e000::1",
		"unspecified":           "::",
		"IPv4 in IPv6":          "::ffff:10.1.2.3 ::ffff:127.0.0.1 ::10.1.2.3 ::ffff:0:10.1.2.3",
		"translated":            "64:ff9b::a01:203 64:ff9b::5db8:d822 64:ff9b:1::a01:203 64:ff9b:1:ffff::1",
		"6to4":                  "2002:a01:203::1 2002:7f00:1::1 2002:5db8:d822::1",
		"Teredo":                "2001::1 2001:0:5ef5:79fb::1",
		"discard, dummy":        "100::1 100:0:0:1::1",
		"segment routing":       "5f00::1",
		"unique local":          "fc00::1 fd00::1 fd00:ec2::254",
		"site-local":            "fec0::1 feff::1",
		"the link, with a zone": "fe80::1%eth0",
	} {
		for address := range strings.FieldsSeq(addresses) {
			if netaddr.IsInternet(netip.MustParseAddr(address)) {
				t.Errorf("%s: %s is taken for the Internet", network, address)
			}
		}
	}
	for address := range strings.FieldsSeq("1.0.0.0 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0 " +
		"172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 ::ffff:93.184.216.34 " +
		"2001:200::1 2001:4860:4860::8888 2003::1 2606:2800:220:1::1 2a00:1450::1 3ffe::1") {
		if !netaddr.IsInternet(netip.MustParseAddr(address)) {
			t.Errorf("%s is not taken for the Internet", address)
		}
	}
	if netaddr.IsInternet(netip.Addr{}) {
		t.Error("no address is taken for the Internet")
	}
}

func TestDoorAllows(t *testing.T) {
	t.Parallel()
	inside := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fec0::/16")}
	for _, c := range []struct {
		host, address string
		networks      []netip.Prefix
		allowed       bool
	}{
		{"a.example", "93.184.216.34:443", nil, true}, {"a.example", "[2606:2800:220:1::1]:443", nil, true},
		{"a.example", "10.1.2.3:443", nil, false}, {"a.example", "10.1.2.3:443", inside, true}, {"a.example", "10.2.2.3:443", inside, false},
		{"10.1.2.3", "10.1.2.3:443", nil, false}, {"a.example", "[::ffff:10.1.2.3]:443", nil, false}, {"a.example", "[::ffff:10.1.2.3]:443", inside, true},
		{"a.example", "[fec0::1]:443", inside, true}, {"a.example", "[fec1::1]:443", inside, false},
		{"a.example", "127.0.0.1:443", nil, false}, {"localhost", "127.0.0.1:1", nil, true}, {"127.0.0.1", "127.0.0.1:1", nil, true}, {"::1", "[::1]:1", nil, true},
		{"localhost", "10.1.2.3:1", nil, false}, {"localhost", "0.0.0.0:1", nil, false}, {"a.example", "nonsense", inside, false},
	} {
		if err := (netaddr.Door{Networks: c.networks, Flag: "--flag"}).Allows(c.host, c.address); (err == nil) != c.allowed {
			t.Errorf("%s at %s with %v: %v", c.host, c.address, c.networks, err)
		}
	}
}
