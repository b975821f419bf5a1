package client_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// TestDevicePace: a device asks as seldom as the provider wants, less often while it does not
// answer (RFC 8628 section 3.5), and no more after an answer that is of no use.
func TestDevicePace(t *testing.T) {
	unavailable := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	pending := func(w http.ResponseWriter) { refuse(w, 400, oauth.AuthorizationPending) }
	denied := func(w http.ResponseWriter) { refuse(w, 400, oauth.AccessDenied) }
	later := func(seconds int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", fmt.Sprint(seconds))
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}
	bearers := func(w http.ResponseWriter) {
		writeJSON(w, 200, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60})
	}
	for name, test := range map[string]struct {
		interval float64
		key      *dpop.Key
		answers  []func(http.ResponseWriter) // the last again and again
		asked    []float64                   // seconds from the begin
		ends     float64
		code     tandem.Code
	}{
		"an interval of nearly nothing": {0.001, nil, []func(http.ResponseWriter){pending, pending, denied}, []float64{1, 2, 3}, 3, tandem.CodeForbidden},
		"one of two minutes":            {120, nil, []func(http.ResponseWriter){pending, denied}, []float64{120, 240}, 240, tandem.CodeForbidden},
		"unavailable":                   {5, nil, []func(http.ResponseWriter){unavailable, unavailable, pending, denied}, []float64{5, 15, 35, 55}, 55, tandem.CodeForbidden},
		"out of reach":                  {5, nil, []func(http.ResponseWriter){denied}, []float64{135}, 135, tandem.CodeForbidden},
		"asked to wait, once":           {5, nil, []func(http.ResponseWriter){later(300), denied}, []float64{5, 305}, 305, tandem.CodeForbidden},
		"for longer than the code":      {5, nil, []func(http.ResponseWriter){later(3000)}, []float64{5}, 600, tandem.CodeUnauthorized},
		"a bearer's where a key is":     {5, boundKey(t), []func(http.ResponseWriter){bearers}, []float64{5}, 5, tandem.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				began := time.Now()
				var asked []float64
				f.onToken = func(w http.ResponseWriter, _ *http.Request) bool {
					answer := test.answers[min(len(asked), len(test.answers)-1)]
					asked = append(asked, time.Since(began).Seconds())
					answer(w)
					return true
				}
				d, code := f.device(t, test.interval, test.key)
				if name == "out of reach" { // tried after 5, 15, 35 and 75 s too
					f.net.set(func() { f.net.down[f.host] = true })
					time.AfterFunc(100*time.Second, func() { f.net.set(func() { f.net.down[f.host] = false }) })
				}
				_, err := d.Wait(t.Context(), code)
				if ends := time.Since(began).Seconds(); tandem.ErrorCode(err) != test.code || ends != test.ends || !slices.Equal(asked, test.asked) {
					t.Errorf("asked at %v, ended at %v: %v", asked, ends, err)
				}
			})
		})
	}
}
