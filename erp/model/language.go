package model

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/internal/jsontext"
)

// A multilanguage string is kept as a JSON object with upper-case two-letter
// keys in alphabetical order, so that equal ones are equal texts.

// DefaultLanguage is what display texts prefer.
const DefaultLanguage = "EN"

// Language is the key of a language that a caller named, in any case: two
// letters.
func Language(name string) (key string, ok bool) {
	key = strings.ToUpper(name)
	return key, len(key) == 2 && key[0] >= 'A' && key[0] <= 'Z' && key[1] >= 'A' && key[1] <= 'Z'
}

type translation struct{ language, text string }

func appendLanguages(dst []byte, list []translation) []byte {
	slices.SortFunc(list, func(a, b translation) int { return strings.Compare(a.language, b.language) })
	dst = append(dst, '{')
	for i, t := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, t.language), ':')
		dst = jsontext.AppendString(dst, t.text)
	}
	return append(dst, '}')
}

// MultiLanguage makes the stored form from pairs of language and text.
func MultiLanguage(pairs ...string) string {
	list := make([]translation, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, translation{pairs[i], pairs[i+1]})
	}
	return string(appendLanguages(nil, list))
}

// translations reads the stored form.
func translations(stored string) []translation {
	dec := json.NewDecoder(strings.NewReader(stored))
	var list []translation
	var language string
	for {
		token, err := dec.Token()
		if err != nil {
			return list
		}
		text, isText := token.(string)
		switch {
		case !isText:
		case language == "":
			language = text
		default:
			list = append(list, translation{language, text})
			language = ""
		}
	}
}

// HasTranslation reports whether a stored multilanguage string has the text in
// a language: see [SameText].
func HasTranslation(stored, text string) bool {
	return slices.ContainsFunc(translations(stored), func(t translation) bool { return SameText(t.text, text) })
}

// Translation is the text of a stored multilanguage string in the language, or
// in the default language, or else in the first it has.
func Translation(stored, language string) string {
	list := translations(stored)
	for _, want := range [...]string{language, DefaultLanguage} {
		for _, t := range list {
			if t.language == want {
				return t.text
			}
		}
	}
	if len(list) > 0 {
		return list[0].text
	}
	return ""
}

// Fold is the form in which texts are searched and names ordered ([FoldText]),
// with all languages of a multilanguage string one after another, the default
// one first.
func (p *Property) Fold(v Value) string {
	if v.Null {
		return ""
	}
	if p.Kind != KindMultiLanguage {
		return FoldText(v.Text)
	}
	var first, others []string
	for _, t := range translations(v.Text) {
		if t.language == DefaultLanguage {
			first = append(first, FoldText(t.text))
		} else {
			others = append(others, FoldText(t.text))
		}
	}
	return strings.Join(append(first, others...), "\n")
}

// JoinLanguages joins multilanguage values in every language that one of them
// has; a value without the language gives its default one. Empty when all are.
func JoinLanguages(separator string, values ...Value) string {
	var list []translation
	for _, v := range values {
		for _, t := range translations(v.Text) {
			if !slices.ContainsFunc(list, func(o translation) bool { return o.language == t.language }) {
				list = append(list, translation{language: t.language})
			}
		}
	}
	for i := range list {
		var words []string
		for _, v := range values {
			if word := Translation(v.Text, list[i].language); word != "" {
				words = append(words, word)
			}
		}
		list[i].text = strings.Join(words, separator)
	}
	if len(list) == 0 {
		return ""
	}
	return string(appendLanguages(nil, list))
}
