package netaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// hostName is a host name of RFC 1123, with the underscore that some networks
// have.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

// CanonicalURL reads an absolute http or https URL and puts its origin in the
// one form in which browsers write it: scheme and host in small letters, the
// usual port left out, an address in its shortest form. What follows the host
// stays byte for byte. A URL that has no such form is refused, and so are a
// user in it and a fragment.
func CanonicalURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL: use https://HOST or http://localhost:PORT", clip(text))
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	switch {
	case usual == "":
		return nil, fmt.Errorf("%q is not an https or http URL", clip(text))
	case u.User != nil:
		return nil, fmt.Errorf("%q has a user in it: leave that out", u.Redacted())
	case strings.Contains(text, "#"):
		return nil, fmt.Errorf("%q has a fragment: leave out what follows #", clip(text))
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return nil, fmt.Errorf("%q: %w", clip(text), err)
	}
	port := u.Port()
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) || strings.HasSuffix(u.Host, ":") {
		return nil, fmt.Errorf("%q: a port is a number from 1 to 65535", clip(text))
	} else if port != "" {
		port = strconv.FormatUint(n, 10)
	}
	switch {
	case port != "" && port != usual:
		u.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	default:
		u.Host = host
	}
	return u, nil
}

// canonicalHost is a host name or address in the form of the URL Standard.
func canonicalHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "", errors.New("an address with a zone is good on one machine only")
		}
		return ip.String(), nil
	}
	host = strings.ToLower(host)
	switch last := host[strings.LastIndexByte(host, '.')+1:]; {
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		return "", errors.New("write the host in its ASCII form (xn--…)")
	case len(host) > 253 || !hostName.MatchString(host):
		return "", errors.New("use a host of letters, digits, dots and hyphens, or an address")
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"):
		return "", errors.New("the host looks like an address and is none") // browsers read 127.1 as 127.0.0.1
	}
	return host, nil
}

// SecureURL reads a URL that secrets, tokens or what people type may go to:
// https, or http where it does not leave this machine. The URL is in the form
// of [CanonicalURL].
func SecureURL(text string) (*url.URL, error) {
	u, err := CanonicalURL(text)
	if err == nil && u.Scheme == "http" && !IsLoopback(u.Hostname()) {
		err = fmt.Errorf("%q sends secrets over the network in the clear: use https (http is for loopback hosts only)", clip(text))
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// clip keeps a message short.
func clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}
