package signin

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// knownMode reports whether a response can travel so.
func knownMode(mode string) bool {
	return mode == oauth.ModeQuery || mode == oauth.ModeFragment || mode == oauth.ModeFormPost
}

// usualMode is the mode of a response type where none is asked for. With a token in
// the response, or in what was asked for and is refused, it is the fragment (Multiple
// Response Type Encoding Practices section 5).
func usualMode(responseType string) string {
	for _, word := range strings.Fields(responseType) {
		if word == "id_token" || word == "token" {
			return oauth.ModeFragment
		}
	}
	return oauth.ModeQuery
}

// sameWords reports whether a response type has these words, in any order.
func sameWords(responseType, words string) bool {
	asked, want := strings.Fields(responseType), strings.Fields(words)
	slices.Sort(asked)
	slices.Sort(want)
	return slices.Equal(asked, want)
}

// respond sends the fields to the request's redirect URI, which has been
// checked. It adds state, and iss (RFC 9207), which tells an application with
// several identity servers whose response it holds.
func (h *Handler) respond(w http.ResponseWriter, r *http.Request, req *authorizationRequest, fields ...field) error {
	if req.State != "" {
		fields = append(fields, field{"state", req.State})
	}
	fields = append(fields, field{"iss", h.Issuer})
	if req.ResponseMode == oauth.ModeFormPost {
		return h.render(w, r, http.StatusOK, "form_post.html", page{
			Title: words.T("Continue"), Application: req.ApplicationName, Action: template.URL(req.RedirectURI), Fields: fields,
		}, cspSource(req.RedirectURI))
	}
	// The redirect URI goes out as it was registered, its own query included.
	var b strings.Builder
	b.WriteString(req.RedirectURI)
	separator := "?"
	switch {
	case req.ResponseMode == oauth.ModeFragment:
		separator = "#"
	case strings.HasSuffix(req.RedirectURI, "?"):
		separator = ""
	case strings.Contains(req.RedirectURI, "?"):
		separator = "&"
	}
	for _, f := range fields {
		b.WriteString(separator + f.Name + "=" + url.QueryEscape(f.Value))
		separator = "&"
	}
	noStore(w.Header())
	// What this page's URL held must not reach the application by Referer.
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", b.String())
	w.WriteHeader(http.StatusSeeOther) // never repeats a form's body (RFC 9700 section 4.12)
	return nil
}
