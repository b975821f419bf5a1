package netaddr_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/netaddr"
)

func TestURLsHaveOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://erp.example":                "https://erp.example",
		"HTTPS://ERP.Example":                "https://erp.example",
		"https://ERP.Example:443/Id":         "https://erp.example/Id",
		"http://LOCALHOST:80/":               "http://localhost/",
		"http://localhost:0080":              "http://localhost",
		"https://erp.example:08443":          "https://erp.example:8443",
		"https://erp_1.example-a:65535/a%2f": "https://erp_1.example-a:65535/a%2f",
		"http://[::1]:80":                    "http://[::1]",
		"http://[0:0::0001]:8080/x?y=%20":    "http://[::1]:8080/x?y=%20",
		"https://[2001:DB8::1]":              "https://[2001:db8::1]",
		"https://xn--e1afmkfd.example":       "https://xn--e1afmkfd.example",
		"http://127.0.0.1:8080":              "http://127.0.0.1:8080",
	} {
		if u, err := netaddr.SecureURL(text); err != nil || u.String() != want {
			t.Errorf("%q is %v, %v; want %q", text, u, err, want)
		}
	}
	for _, text := range []string{
		"", "erp.example", "/id", "//erp.example", "https:erp.example", "https://", "https:///id", "https://:8443", "https://:99999",
		"https://erp.example:99999", "https://erp.example:65536", "https://erp.example:0", "https://erp.example:", "https://erp.example:x", "https://erp.example:-1",
		"https://erp.example;x", "https://erp.example,x", "https://erp.example\\@evil.example", "https://er p.example", "https://erp%2eexample", "https://erp.example%00",
		"https://erp..example", "https://.erp.example", "https://erp.example.", "https://-erp.example", "https://erp-.example", "https://*.example", "https://'self'",
		"https://портал.example", "https://127.1", "https://1.2.3.4.5", "https://127.0.0.01", "https://0x7f.0.0.1", "https://2130706433", "https://erp.0x1",
		"https://[::1%25eth0]", "https://[::1", "https://user@erp.example", "https://u:p@erp.example", "https://erp.example/#x", "https://erp.example#",
		"ftp://erp.example", "file:///etc/passwd", "javascript:alert(1)", "https://" + strings.Repeat("a.", 127) + "example",
		"http://erp.example", "http://192.0.2.1:8082", "http://0.0.0.0", "http://localhost.evil.example", "http://[2001:db8::1]", "http://169.254.1.1",
	} {
		if u, err := netaddr.SecureURL(text); err == nil || u != nil {
			t.Errorf("%q was taken: %v", text, u)
		} else if len(err.Error()) > 250 || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", text, err)
		}
	}
	// What a canonical URL is made of stays as it is.
	if u, err := netaddr.CanonicalURL("http://intranet:81/x"); err != nil || u.String() != "http://intranet:81/x" {
		t.Errorf("%v, %v", u, err)
	}
}
