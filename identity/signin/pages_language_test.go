package signin

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
)

// TestEveryPageInEveryLanguage shows every template in every language: nothing that is
// said is the same as in English.
func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	full := page{
		Title: words.T("Sign in"), Host: "9.9.9.9", Application: "1", Problem: nothingTyped, Hint: startAgain, Again: "/", SignOut: true, Code: "2", ID: "3",
		May: ScopeWords([]string{"openid", "profile", "offline_access", "read", "update"}, "InternalUser", &registry.Registry{}), Login: "4", Name: "5", Discovery: "/d", CSRF: "6", Request: "7", ReturnHost: "8",
	}
	bare := page{Title: words.T("Signed out"), Host: "9.9.9.9", Problem: nothingTyped}
	for _, tmpl := range templates.Templates() {
		if !strings.HasSuffix(tmpl.Name(), ".html") || tmpl.Name() == "layout.html" {
			continue
		}
		for _, p := range []page{full, bare} {
			said := map[string][]string{}
			for _, tag := range words.Tags() {
				p.Language = words.Choose(tag, "", "")
				var b bytes.Buffer
				if err := tmpl.Execute(&b, p); err != nil {
					t.Fatal(err)
				}
				said[tag] = texts(b.String())
			}
			for _, tag := range words.Tags()[1:] {
				for _, text := range said[tag] {
					if slices.Contains(said["en"], text) && text != "Code" {
						t.Errorf("%s in %s says %q", tmpl.Name(), tag, text)
					}
				}
			}
		}
	}
}

// texts are what a page says: its text and what is read out, but for our name.
func texts(page string) (said []string) {
	z := html.NewTokenizer(strings.NewReader(strings.ReplaceAll(page, "Tandem", "")))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if text := strings.TrimSpace(token.Data); token.Type == html.TextToken && strings.ContainsFunc(text, unicode.IsLetter) {
			said = append(said, text)
		}
		for _, a := range token.Attr {
			if a.Key == "aria-label" || a.Key == "alt" && a.Val != "" || a.Key == "title" {
				said = append(said, a.Val)
			}
		}
	}
	return said
}
