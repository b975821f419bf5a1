package isolation_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/tandemtest"
)

// TestF33_SearchFieldsAreWords types queries, SQL and markup into every search
// field of the web app, as an employee and as a customer.
func TestF33_SearchFieldsAreWords(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		c := readCompany(s, 8)
		anna, paul := s.signIn("anna"), s.signIn("paul")
		mine := s.ownCustomer(s.SignIn("paul", "openid").ID)
		s.sync(s.rpc, s.SignIn("anna", "openid").ID)
		for _, text := range []string{
			"' or 1 eq 1 or '", "'", "''", "\"", "' or '1'='1", "'; DROP TABLE webapp_sessions; --", "x') or Customer ne null or contains(DocumentNo,'", ")", "((((((((((", "%", "_", "\\", "*", "a&$expand=Customer", "a&$filter=1 eq 1", "?$top=100000", "$batch", "../../", "NULL", "null",
			"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{.}}", "${7*7}", strings.Repeat("a", 150), strings.Repeat("(", 100), "\u202e", "İıſK", "ﬀ", "\x00", "\xff\xfe", "a\r\nSet-Cookie: a=b", "AND OR NOT", "a OR b", "\"a\" NOT b",
		} {
			for _, path := range []string{"/orders", "/stock", "/pick/customers", "/pick/products"} {
				page := anna.open(path + "?q=" + url.QueryEscape(text))
				if page.StatusCode >= 500 || strings.Contains(page.Text, "<script>alert") || strings.Contains(page.Text, "<img src=x") {
					t.Errorf("anna: %s, %q: %d", path, text, page.StatusCode)
				}
				for _, word := range []string{"SELECT", "syntax error", "SQLSTATE", "sqlite:", "jackc/pgx", "pgconn", "erp_sales", "goroutine"} {
					if strings.Contains(page.Text, word) {
						t.Errorf("anna: %s, %q tells %q", path, text, word)
					}
				}
			}
			for _, path := range []string{"/portal/orders", "/portal/invoices"} {
				page := paul.open(path + "?q=" + url.QueryEscape(text))
				if page.StatusCode >= 500 || strings.Contains(page.Text, "<script>alert") {
					t.Errorf("paul: %s, %q: %d", path, text, page.StatusCode)
				}
				c.onlyOwn(path+" "+text, page.Text, mine)
			}
		}
		if !anna.signedIn() || !paul.signedIn() {
			t.Error("a search ended a session")
		}
	})
}
