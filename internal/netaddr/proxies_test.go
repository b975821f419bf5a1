package netaddr_test

import (
	"net/http"
	"testing"

	"github.com/hybridapps/tandem/internal/netaddr"
)

func TestProxiesTellWhereARequestCameFrom(t *testing.T) {
	t.Parallel()
	proxies, err := netaddr.ParseProxies("10.0.0.0/8", " 192.0.2.7 ", "2001:db8:f::/48", "::ffff:172.16.0.0/108")
	if err != nil {
		t.Fatal(err)
	}
	const proxy = "10.1.2.3:4711"
	for name, test := range map[string]struct {
		peer           string
		standard, xff  []string
		want, untaught string // with these proxies, and with none
	}{
		"direct":                {"198.51.100.1:1", nil, nil, "198.51.100.1", ""},
		"a stranger's header":   {"198.51.100.1:1", []string{"for=1.2.3.4"}, []string{"1.2.3.4"}, "198.51.100.1", ""},
		"one proxy":             {proxy, nil, []string{"203.0.113.9"}, "203.0.113.9", "10.1.2.3"},
		"a single proxy":        {"192.0.2.7:1", nil, []string{"203.0.113.9"}, "203.0.113.9", "192.0.2.7"},
		"its neighbour":         {"192.0.2.8:1", nil, []string{"203.0.113.9"}, "192.0.2.8", ""},
		"forged on the left":    {proxy, nil, []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9", "10.1.2.3"},
		"two proxies":           {proxy, nil, []string{"1.2.3.4, 203.0.113.9, 10.9.9.9"}, "203.0.113.9", "10.1.2.3"},
		"two lines":             {proxy, nil, []string{"1.2.3.4", "203.0.113.9,10.9.9.9"}, "203.0.113.9", "10.1.2.3"},
		"proxies alone":         {proxy, nil, []string{"10.8.8.8, 10.9.9.9"}, "10.8.8.8", "10.1.2.3"},
		"no header":             {proxy, nil, nil, "10.1.2.3", "10.1.2.3"},
		"nobody":                {proxy, nil, []string{""}, "10.1.2.3", "10.1.2.3"},
		"unknown":               {proxy, nil, []string{"1.2.3.4, unknown"}, "10.1.2.3", "10.1.2.3"},
		"unknown further left":  {proxy, nil, []string{"1.2.3.4, nonsense, 10.9.9.9"}, "10.9.9.9", "10.1.2.3"},
		"with a port":           {proxy, nil, []string{"203.0.113.9:5555"}, "203.0.113.9", "10.1.2.3"},
		"IPv6":                  {"[2001:db8:f::1]:443", nil, []string{"2001:db8:1::9"}, "2001:db8:1::9", "2001:db8:f::1"},
		"IPv6 with a port":      {proxy, nil, []string{"[2001:db8:1::9]:5"}, "2001:db8:1::9", "10.1.2.3"},
		"mapped":                {"[::ffff:10.1.2.3]:443", nil, []string{"::ffff:203.0.113.9"}, "203.0.113.9", "::ffff:10.1.2.3"},
		"mapped network":        {"172.16.0.1:443", nil, []string{"203.0.113.9"}, "203.0.113.9", "172.16.0.1"},
		"standard":              {proxy, []string{`for=1.2.3.4, for=203.0.113.9;proto=https;by=10.1.2.3`}, nil, "203.0.113.9", "10.1.2.3"},
		"standard, quoted":      {proxy, []string{`For="[2001:db8:1::9]:4711"`, `proto=http;for="10.9.9.9:80"`}, nil, "2001:db8:1::9", "10.1.2.3"},
		"standard, obfuscated":  {proxy, []string{"for=1.2.3.4, for=_hidden"}, nil, "10.1.2.3", "10.1.2.3"},
		"standard without for":  {proxy, []string{"for=1.2.3.4, proto=https"}, nil, "10.1.2.3", "10.1.2.3"},
		"both say the same":     {proxy, []string{"for=203.0.113.9"}, []string{"203.0.113.9"}, "203.0.113.9", "10.1.2.3"},
		"one of two is forged":  {proxy, []string{"for=1.2.3.4"}, []string{"203.0.113.9"}, "10.1.2.3", "10.1.2.3"},
		"a socket":              {"@", nil, []string{"203.0.113.9"}, "@", ""},
		"an address with space": {proxy, nil, []string{"203.0.113.9 ,  10.9.9.9 "}, "203.0.113.9", "10.1.2.3"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"Forwarded": test.standard, "X-Forwarded-For": test.xff}}
		if got := proxies.Client(r); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if test.untaught == "" {
			test.untaught = test.want
		}
		if got := (netaddr.Proxies)(nil).Client(r); got != test.untaught {
			t.Errorf("%s, without proxies: %q, want %q", name, got, test.untaught)
		}
	}
	for _, text := range []string{"", "10.0.0.0/33", "proxy.example", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/90", "10.0.0.1:80", "10.0.0.0/8,10.0.0.1"} {
		if p, err := netaddr.ParseProxies(text); err == nil {
			t.Errorf("%q was taken: %v", text, p)
		}
	}
}
