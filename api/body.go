package api

import (
	"mime"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem/erp/write"
)

// readBody reads one JSON object of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (*write.Object, error) {
	if err := checkMedia(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // do not read what is on its way
		return nil, tooLarge(limit)
	}
	return write.ReadObject(http.MaxBytesReader(w, r.Body, limit))
}

// checkMedia refuses bodies that are not JSON in UTF-8 (RFC 8259 section 8.1):
// text of another charset would be stored as something else than was typed.
func checkMedia(h http.Header) error {
	media, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return unsupportedMedia("The body must be JSON; send Content-Type: application/json.")
	}
	switch charset := strings.ToLower(parameters["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		return unsupportedMedia("The body must be in UTF-8, not in %q; send Content-Type: application/json;charset=utf-8.", clip(charset))
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return unsupportedMedia("The body must not be compressed; leave out Content-Encoding.")
	}
	return nil
}
