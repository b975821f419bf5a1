package signin

import (
	"encoding/base64"
	"net/url"
	"testing"
)

// Whatever comes as a request object, the response has a way that there is.
func FuzzRequestObject(f *testing.F) {
	for _, payload := range []string{`{"response_mode":"form_post","state":"x"}`, `{"state":{}}`, `[`, ``} {
		f.Add("e30."+base64.RawURLEncoding.EncodeToString([]byte(payload))+".", "")
	}
	f.Add("a.b.c.d.e", "s")
	f.Fuzz(func(t *testing.T, object, outside string) {
		q := url.Values{"request": {object}}
		if outside != "" {
			q.Set("state", outside)
		}
		back := wayBackOf(q)
		if !knownMode(back.Mode) {
			t.Errorf("mode %q", back.Mode)
		}
		if back.State != "" && (!checkParameter("state", []string{back.State}).Empty() || outside != "" && back.State != outside) {
			t.Errorf("state %q", back.State)
		}
	})
}
