package cloud

import (
	"net/http"

	"golang.org/x/text/language"
)

// languages are those of the app; the first is what others get.
var languages = language.NewMatcher([]language.Tag{language.English, language.German, language.Bulgarian})

// languageOf is the two-letter language that a request wants texts in.
func languageOf(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return "en"
	}
	_, i, _ := languages.Match(tags...)
	return []string{"en", "de", "bg"}[i]
}
