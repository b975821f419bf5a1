package isolation_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// postRoutes are all paths that the web app takes a POST at, read from its
// sources so that a new one is tried without anybody thinking of it.
func postRoutes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../webapp/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/signout"} // mounted by the SDK
	for _, m := range regexp.MustCompile(`"POST (/[^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		paths = append(paths, m[1])
	}
	if len(paths) < 8 {
		t.Fatalf("the web app has the POST routes %v only", paths)
	}
	return paths
}

// TestF30_NoPostFromElsewhere sends an administrator's browser to every form of the web app
// from other sites. Nothing happens: no job, no order, no call, no sign-out.
func TestF30_NoPostFromElsewhere(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		admin := s.signIn("admin")
		evidence := s.SignIn("admin", "openid").ID
		order := uuidText.FindString(admin.open("/orders").Text[strings.Index(admin.open("/orders").Text, "data-order"):])
		schedules, err := s.rpc.Schedules(t.Context(), evidence)
		if err != nil || len(schedules) == 0 {
			t.Fatal(err)
		}
		before := admin.open("/orders/" + order).Text
		sibling := strings.Replace(s.WebApp, "127.0.0.1", "evil.127.0.0.1.example", 1)
		for _, path := range postRoutes(t) {
			path = strings.NewReplacer("{id}", order, "{do}", "pause").Replace(path)
			if strings.HasPrefix(path, "/schedules/") {
				path = "/schedules/" + schedules[0].ID + "/pause"
			}
			for name, h := range map[string]http.Header{
				"cross-site": {"Sec-Fetch-Site": {"cross-site"}}, "a sibling": {"Sec-Fetch-Site": {"same-site"}}, "a sibling's origin": {"Origin": {sibling}},
				"another port":     {"Origin": {s.URL}},
				"an opaque origin": {"Origin": {"null"}}, "an old browser": {"Origin": {"https://evil.example"}},
				"an origin that begins alike": {"Origin": {s.WebApp + ".evil.example"}}, "method in a header": {"Sec-Fetch-Site": {"cross-site"}, "X-Http-Method-Override": {"GET"}},
			} {
				for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=b", "application/json"} {
					req, err := http.NewRequestWithContext(t.Context(), "POST", s.WebApp+path, strings.NewReader("state=Released&reference=stolen&customer=x"))
					if err != nil {
						t.Fatal(err)
					}
					req.Header = h.Clone()
					req.Header.Set("Content-Type", kind)
					if a := s.do(admin.Client, req); a.StatusCode != 403 {
						t.Errorf("%s, %s, %s: %d to %s", path, name, kind, a.StatusCode, a.Header.Get("Location"))
					}
				}
			}
		}
		// The forms are no links either, and other methods do not get around.
		for _, path := range postRoutes(t) {
			path = strings.NewReplacer("{id}", order, "{do}", "pause").Replace(path)
			for _, method := range []string{"PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS", "TRACE", "post"} {
				req, err := http.NewRequestWithContext(t.Context(), method, s.WebApp+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Origin", "https://evil.example")
				a := s.do(admin.Client, req)
				for name := range a.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s %s has %s", method, path, name)
					}
				}
			}
		}
		jobs, err := s.rpc.Jobs(t.Context(), evidence, internalapi.JobQuery{})
		if err != nil || len(jobs.Jobs) != 0 {
			t.Errorf("jobs were started: %+v %v", jobs, err)
		}
		if now, err := s.rpc.Schedules(t.Context(), evidence); err != nil || now[0].Paused {
			t.Errorf("a schedule was paused: %v", err)
		}
		if after := admin.open("/orders/" + order).Text; strings.Contains(after, "stolen") || withoutFigures(after) != withoutFigures(before) {
			t.Error("the order was changed")
		}
		if !admin.signedIn() {
			t.Error("admin was signed out")
		}
	})
}

var strips = regexp.MustCompile(`(?s)<footer class="strip".*?</footer>`)

// withoutFigures takes away what tells of the calls of one page.
var formTokens = regexp.MustCompile(`name="tandem_form" value="[^"]*"`) // each making of a form has another

func withoutFigures(page string) string {
	return formTokens.ReplaceAllString(strips.ReplaceAllString(page, ""), "")
}

// TestF30_NobodyElseReads tries what other sites' scripts, caches and proxies
// would need to get at a private answer.
func TestF30_NobodyElseReads(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		anna := s.signIn("anna")
		evil := http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}
		for _, at := range []string{s.WebApp + "/orders", s.WebApp + "/", s.WebApp + "/jobs/x", s.Worker + internalapi.PathStatus, s.Worker + internalapi.PathPortalOrders, s.URL + "/id/login", s.URL + "/id/connect/authorize"} {
			for _, method := range []string{"GET", "OPTIONS"} {
				req, err := http.NewRequestWithContext(t.Context(), method, at, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header = evil.Clone()
				a := s.do(anna.Client, req)
				for name := range a.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s %s has %s: %s", method, at, name, a.Header.Get(name))
					}
				}
			}
		}
		// Private answers of all three are kept by no cache.
		token := s.SignIn("anna")
		for _, a := range []answer{
			s.send("GET", s.OData+"General_Products_Products?$top=1", "", http.Header{"Authorization": {"Bearer " + token.Access}}),
			s.send("GET", s.OData+"General_Products_Products?$top=1", "", nil),
			s.send("GET", s.Issuer+"/connect/userinfo", "", http.Header{"Authorization": {"Bearer " + token.Access}}),
			s.askWorker("GET", internalapi.PathStatus, token.ID, nil), s.askWorker("GET", internalapi.PathPortalOrders, token.ID, nil),
			s.send("POST", s.URL+"/id/connect/token", "grant_type=x", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}),
		} {
			if cache := a.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
				t.Errorf("%s: %d may be cached: %q", a.Request.URL.Redacted(), a.StatusCode, cache)
			}
		}
	})
}

// TestF30_PathsAndHosts sends, byte for byte, what browsers and proxies read
// differently: paths that mean another page to the one than to the other, and
// hosts that are not ours.
func TestF30_PathsAndHosts(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		paul, anna := s.signIn("paul"), s.signIn("anna")
		host := strings.TrimPrefix(s.WebApp, "http://")
		jar := func(p *person) string {
			at, _ := url.Parse(s.WebApp)
			var all []string
			for _, c := range p.Client.Jar.Cookies(at) {
				all = append(all, c.Name+"="+c.Value)
			}
			return strings.Join(all, "; ")
		}
		for _, path := range []string{
			"//evil.example", "//evil.example/", "//evil.example/%2e%2e", "///evil.example/..", "/\\evil.example", "/%5cevil.example", "/%2f%2fevil.example", "/%2f/evil.example", "/.//evil.example", "/orders/..//evil.example",
			"http://evil.example/", "http://evil.example/orders", "/%2e%2e/orders", "/./orders", "/portal/../orders", "/portal/%2e%2e/orders", "/portal/..%2forders", "/portal/%2e%2e%2forders", "//orders", "/orders/", "/orders%2f", "/orders%2fnew",
			"/Orders", "/ORDERS", "/orders;a=b", "/orders%00", "/orders%20", "/orders.json", "/orders/%2e", "/orders/..%5c", "/portal/orders/..;/..;/orders", "/assets/..%2f..%2forders", "/assets/../orders", "/%6frders", "/orders?", "/orders#", "/orders%3f", "/stock/../jobs",
		} {
			for name, cookies := range map[string]string{"a stranger": "", "paul": jar(paul), "anna": jar(anna)} {
				status, header, body := raw(t, host, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nAccept: text/html\r\nCookie: "+cookies+"\r\nConnection: close\r\n\r\n")
				if status >= 500 {
					t.Errorf("%s at %q: %d", name, path, status)
				}
				if name != "anna" && strings.Contains(body, "data-order") {
					t.Errorf("%s sees orders at %q", name, path)
				}
				if to := header.Get("Location"); to != "" && !s.ours(to) {
					t.Errorf("%s at %q is sent to %q", name, path, to)
				}
			}
		}
		// Whatever the host header says, addresses are those of the configuration.
		for _, h := range []string{
			"Host: evil.example", "Host: evil.example:80", "Host: " + host + "\r\nX-Forwarded-Host: evil.example", "Host: " + host + "\r\nForwarded: host=evil.example;proto=https",
			"Host: " + host + "\r\nX-Original-URL: http://evil.example/orders", "Host: " + host + "\r\nX-Rewrite-URL: /orders", "Host: " + host + "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: //evil.example", "Host: evil.example/orders", "Host: " + host + "@evil.example",
		} {
			for _, at := range []struct{ server, path string }{
				{s.WebApp, "/signin?return_to=/orders"}, {s.WebApp, "/orders"}, {s.WebApp, "/"}, {s.WebApp, "/nowhere"}, {s.URL, "/id/.well-known/openid-configuration"}, {s.URL, "/sys/auto-discovery"}, {s.URL, "/api/domain/odata/$metadata"},
				{s.URL, "/api/domain/odata/"}, {s.URL, "/id/connect/authorize?client_id=x"}, {s.Worker, internalapi.PathStatus},
			} {
				server := strings.TrimPrefix(at.server, "http://")
				status, header, body := raw(t, server, "GET "+at.path+" HTTP/1.1\r\n"+strings.Replace(h, host, server, 1)+"\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
				if status >= 500 || strings.Contains(body, "evil.example") || strings.Contains(header.Get("Location"), "evil.example") {
					t.Errorf("%q at %s%s: %d, to %q: %.300s", h, at.server, at.path, status, header.Get("Location"), body)
				}
				if to := header.Get("Location"); to != "" && !s.ours(to) {
					t.Errorf("%q at %s%s leads to %q", h, at.server, at.path, to)
				}
			}
		}
		// Two lengths, a folded header, a second host: refused, and nothing smuggled.
		for name, request := range map[string]string{
			"two lengths":        "POST /stock/sync HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
			"length and chunks":  "POST /stock/sync HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nG",
			"an unknown coding":  "POST /stock/sync HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: xchunked\r\n\r\n",
			"two hosts":          "GET / HTTP/1.1\r\nHost: " + host + "\r\nHost: evil.example\r\n\r\n",
			"no host":            "GET / HTTP/1.1\r\n\r\n",
			"a space in a name":  "GET / HTTP/1.1\r\nHost : " + host + "\r\n\r\n",
			"a tunnel":           "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
			"a control in a URL": "GET /\x01 HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		} {
			if status, _, body := raw(t, host, request); status/100 == 2 || strings.Contains(body, "evil.example") || status >= 500 && status != 501 {
				t.Errorf("%s: %d %.200s", name, status, body)
			}
		}
	})
}

// ours reports whether a redirect stays with the three programs.
func (s *system) ours(to string) bool {
	u, err := url.Parse(to)
	if err != nil || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\") {
		return false
	}
	root := u.Scheme + "://" + u.Host
	return u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") || root == s.WebApp || root == s.URL
}

// raw sends bytes and reads one answer.
func raw(t *testing.T, host, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return res.StatusCode, res.Header, string(text)
}

// TestF30_ReturnToStaysHere signs in for real with a return_to that leads
// elsewhere: everybody ends up in the web app.
func TestF30_ReturnToStaysHere(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		anna := s.signIn("anna")
		for _, to := range []string{
			"https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example", "/%2f%2fevil.example", "http:evil.example", "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example", "/ /evil.example",
			"https:/evil.example", "@evil.example", ".evil.example", s.WebApp + "@evil.example", s.WebApp + ".evil.example", "/orders\r\nSet-Cookie: a=b", "/..//evil.example", "/.//evil.example", "/signin?return_to=//evil.example", "/signout", "//evil.example/%2e%2e", "/;/evil.example", "/" + strings.Repeat("x", 5000), "%2F%2Fevil.example",
		} {
			page := anna.Get(s.WebApp + "/signin?return_to=" + url.QueryEscape(to))
			if at := page.Request.URL; "http://"+at.Host != s.WebApp || page.StatusCode >= 500 {
				t.Errorf("return_to %q leads to %s: %d", to, at.Redacted(), page.StatusCode)
			}
			if len(page.Header.Values("Set-Cookie")) > 0 && strings.Contains(fmt.Sprint(page.Header.Values("Set-Cookie")), "a=b") {
				t.Errorf("return_to %q sets a cookie", to)
			}
		}
		if page := anna.Get(s.WebApp + "/signin?return_to=" + url.QueryEscape("/orders?q=a&skip=0")); page.Request.URL.RequestURI() != "/orders?q=a&skip=0" {
			t.Errorf("a path of the web app leads to %s", page.Request.URL)
		}
	})
}
