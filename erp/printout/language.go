package printout

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/site/words"
)

// Language is the one that a request asks for: by ?culture=, else by the cookie
// .AspNetCore.Culture (c=de-AT|uic=de-AT), else by Accept-Language, else English. Neither
// documents nor customers have a language of their own.
func Language(r *http.Request) words.Language {
	return words.Choose(r.URL.Query().Get("culture"), cookieCulture(r), r.Header.Get("Accept-Language"))
}

func cookieCulture(r *http.Request) string {
	c, err := r.Cookie(".AspNetCore.Culture")
	if err != nil {
		return ""
	}
	value, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	culture := ""
	for part := range strings.SplitSeq(value, "|") {
		if name, ok := strings.CutPrefix(part, "uic="); ok {
			return name
		}
		if name, ok := strings.CutPrefix(part, "c="); ok {
			culture = name
		}
	}
	return culture
}
