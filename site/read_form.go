package site

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hybridapps/tandem/site/words"
)

// MaxForm bounds the body of a form, in bytes.
const MaxForm = 32 << 10

// BadForm is what is wrong with a form, before anybody looks at what it says.
type BadForm struct {
	Status int
	Text   words.Text
}

// ReadForm parses the body of a POST, and only that.
func ReadForm(w http.ResponseWriter, r *http.Request) (url.Values, *BadForm) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, &BadForm{http.StatusUnsupportedMediaType, words.T("The form came in a format that is not understood.")}
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &BadForm{http.StatusRequestEntityTooLarge, words.T("The form is too large.")}
		}
		return nil, &BadForm{http.StatusBadRequest, words.T("The form cannot be read.")}
	}
	for name, values := range r.PostForm {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, &BadForm{http.StatusBadRequest, words.T("The form holds bytes that are no text.")}
			}
		}
	}
	return r.PostForm, nil
}
