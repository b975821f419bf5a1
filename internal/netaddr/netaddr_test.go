package netaddr_test

import (
	"testing"

	"github.com/hybridapps/tandem/internal/netaddr"
)

func TestHost(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:1234":         "192.0.2.1",
		"192.0.2.1":              "192.0.2.1",
		"[2001:db8::1]:99":       "2001:db8::1",
		"[2001:db8::1%eth0]:99":  "2001:db8::1%eth0",
		"2001:db8::1":            "2001:db8::1",
		"[::ffff:192.0.2.1]:99":  "::ffff:192.0.2.1",
		"localhost:80":           "localhost",
		"@":                      "@",
		"":                       "",
		"/run/tandem.socket":     "/run/tandem.socket",
		"192.0.2.1:1234:nothing": "192.0.2.1:1234:nothing",
	} {
		if got := netaddr.Host(remote); got != want {
			t.Errorf("Host(%q) is %q, want %q", remote, got, want)
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1:1234":                 "192.0.2.1",
		"192.0.2.1":                      "192.0.2.1",
		"[::ffff:192.0.2.1]:99":          "192.0.2.1",
		"::ffff:192.0.2.1":               "192.0.2.1",
		"::ffff:192.0.2.1%eth0":          "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:99":      "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1%eth0]:99": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1":           "2001:db8:1:2::/64",
		"[::1]:99":                       "::/64",
		"localhost:80":                   "",
		"@":                              "",
		"":                               "",
	} {
		if got := netaddr.Network(addr); got != want {
			t.Errorf("Network(%q) is %q, want %q", addr, got, want)
		}
	}
}

func TestNetworkOfIPv4AllocatesNothing(t *testing.T) {
	got := testing.AllocsPerRun(100, func() { netaddr.Network("192.0.2.1:1234") })
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example.com": false, "example.com": false, "128.0.0.1": false, "::2": false, "0.0.0.0": false, "127.1": false,
	} {
		if got := netaddr.IsLoopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
