package pwa_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/assets/look"
	"github.com/hybridapps/tandem/examples/field/wire"
)

var (
	// entry is a text of a language: 'key': 'text' or key: 'text'.
	entry       = regexp.MustCompile(`(?:'([a-zA-Z._]+)'|\b([a-z]+)): '((?:[^'\\]|\\.)*)'`)
	placeholder = regexp.MustCompile(`\{\w+\}`)
	// said are the keys in the screens; a key that ends in a dot is the beginning of several.
	said = regexp.MustCompile(`\b(t|count|maybe)\((?:[a-z]+ \? )?((?:'[a-zA-Z._]+'(?: : )?)+)( \+|[,)])`)
)

func wordsOf(t *testing.T, lang string) map[string]string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("app", "words", lang+".js"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range entry.FindAllStringSubmatch(string(source), -1) {
		key := m[1] + m[2]
		if _, twice := out[key]; twice {
			t.Errorf("%s: %s is there twice", lang, key)
		}
		out[key] = m[3]
	}
	return out
}

// TestScreensAreTranslated: every text is there in each language, with the same gaps, and
// every text is said somewhere.
func TestScreensAreTranslated(t *testing.T) {
	english := wordsOf(t, "en")
	if len(english) < 100 {
		t.Fatalf("only %d texts were read", len(english))
	}
	for _, lang := range []string{"de", "bg"} {
		other := wordsOf(t, lang)
		for key := range maps.Keys(other) {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is not in English", lang, key)
			}
		}
		for key, text := range english {
			if got, want := gaps(other[key]), gaps(text); other[key] == "" || !slices.Equal(got, want) {
				t.Errorf("%s: %s is %q, with %v, want %v", lang, key, other[key], got, want)
			}
		}
	}
	files, _ := filepath.Glob("app/screens/*.js")
	var source strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, m := range said.FindAllStringSubmatch(source.String(), -1) {
		for key := range strings.SplitSeq(m[2], " : ") {
			key = strings.Trim(key, "'")
			has := func(k string) bool {
				return k == key || m[1] == "count" && k == key+".other" || m[3] == " +" && strings.HasPrefix(k, key)
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(english)), has) {
				t.Errorf("the screens say %s, which is no text", key)
			}
		}
	}
	for key := range english {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		begins := key[:strings.LastIndexByte("."+key, '.')]
		if !strings.Contains(source.String(), "'"+stem+"'") && !strings.Contains(source.String(), "'"+begins+"'") && !strings.Contains(source.String(), "`"+begins) && !strings.Contains(source.String(), "t(kind + '.none')") {
			t.Errorf("nobody says %s", key)
		}
	}
}

// TestEveryRefusalHasItsText: what the API may refuse is said in each language, with arguments
// that come with it.
func TestEveryRefusalHasItsText(t *testing.T) {
	if len(wire.Reasons) < 50 {
		t.Fatalf("only %d reasons", len(wire.Reasons))
	}
	for _, lang := range []string{"en", "de", "bg"} {
		said := wordsOf(t, lang)
		for reason, english := range wire.Reasons {
			text := said["no."+string(reason)]
			if text == "" {
				t.Errorf("%s: %s has no text", lang, reason)
			}
			for _, gap := range gaps(text) {
				if gap != "{message}" && !slices.Contains(gaps(english), gap) {
					t.Errorf("%s: %s has %s, and nothing comes for it", lang, reason, gap)
				}
			}
			delete(said, "no."+string(reason))
		}
		for key := range said {
			if strings.HasPrefix(key, "no.") {
				t.Errorf("%s: nothing is refused as %s", lang, key)
			}
		}
	}
}

func gaps(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return found
}

// TestScreensHaveTheLook: the app's colours are those of the other web apps.
func TestScreensHaveTheLook(t *testing.T) {
	sheet, err := os.ReadFile("app/style.css")
	if err != nil {
		t.Fatal(err)
	}
	colour := regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+|var\([^)]*\)|rgb[^;]*);`)
	read := func(css string) map[string][]string {
		out := map[string][]string{}
		for _, m := range colour.FindAllStringSubmatch(css, -1) {
			out[m[1]] = append(out[m[1]], m[2]) // light, then dark
		}
		return out
	}
	own, theirs := read(string(sheet)), read(look.Colours())
	if len(own) < 15 {
		t.Fatalf("only %d colours were read", len(own))
	}
	for name, values := range own {
		if !slices.Equal(values, theirs[name]) {
			t.Errorf("--%s is %v here and %v there", name, values, theirs[name])
		}
	}
}

// TestScreensParseNoMarkup: nothing that turns text into markup or code is in the screens,
// and nothing of other origins.
func TestScreensParseNoMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser|\.style\b|https?://|//[a-z]+\.[a-z]`)
	files, _ := filepath.Glob("app/screens/*.js")
	for _, f := range append(files, "app/style.css", "app/index.html") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range forbidden.FindAllString(string(text), -1) {
			if m != "http://" || !strings.Contains(string(text), "http://www.w3.org/2000/svg") {
				t.Errorf("%s has %s", f, m)
			}
		}
	}
}
