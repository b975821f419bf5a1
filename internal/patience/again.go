package patience

import "net/http"

// ComeAgain tells, in the head of an answer that says "not now", when to ask again,
// unless the head tells that already.
func ComeAgain(h http.Header, status int) {
	if (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "2") // seconds
	}
}
