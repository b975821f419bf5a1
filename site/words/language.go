package words

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// Language is one that pages are written in. The zero value is English. The data of a
// page embeds it, so that a template writes {{.Say "Sign in"}}.
type Language struct {
	tag   string
	texts map[string]string
}

// Tag is the language's BCP 47 tag: en, de or bg.
func (l Language) Tag() string {
	if l.tag == "" {
		return "en"
	}
	return l.tag
}

// Say says an English text in the language; the arguments stand for its verbs, as with
// [fmt.Sprintf].
func (l Language) Say(text string, args ...any) string {
	if said, ok := l.texts[text]; ok {
		text = said
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// SayHTML says a text that has elements of HTML in it, such as <strong>. The arguments
// are text, and stay it, whatever they hold.
func (l Language) SayHTML(text string, args ...any) template.HTML {
	safe := make([]any, len(args))
	for i, a := range args {
		safe[i] = a
		if _, number := a.(int); !number {
			safe[i] = template.HTMLEscapeString(fmt.Sprint(a))
		}
	}
	return template.HTML(l.Say(text, safe...))
}

// Tell says what was put into words elsewhere; nothing for the zero value.
func (l Language) Tell(t Text) string {
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		args[i] = a
		if inner, ok := a.(Text); ok {
			args[i] = l.Tell(inner)
		}
	}
	return l.Say(t.English, args...)
}

// Text is something to say, before it is known in which language. The zero value says
// nothing. An argument may be a Text itself.
type Text struct {
	English string
	Args    []any
}

// T is the text with its arguments. The text is a literal, for the test that looks for
// its translations.
func T(text string, args ...any) Text { return Text{text, args} }

// String says it in English, as records and logs are written.
func (t Text) String() string { return Language{}.Tell(t) }

// Empty reports whether it says nothing.
func (t Text) Empty() bool { return t.English == "" }

//go:embed *.yaml
var files embed.FS

// languages are those that there are, the one first that everybody gets who wants none.
var languages = []Language{{}, read("de"), read("bg")}

func read(tag string) Language {
	b, err := files.ReadFile(tag + ".yaml")
	if err != nil {
		panic(err) // it is embedded
	}
	l := Language{tag: tag, texts: map[string]string{}}
	if err := yaml.Unmarshal(b, &l.texts); err != nil {
		panic("words: " + tag + ".yaml: " + err.Error())
	}
	return l
}

// Tags are the languages of pages, as discovery names them.
func Tags() []string {
	tags := make([]string, len(languages))
	for i, l := range languages {
		tags[i] = l.Tag()
	}
	return tags
}

// Names are the languages by tag, in the order of [Tags], each as its own people call it.
func Names() []Name {
	return []Name{{"en", "English"}, {"de", "Deutsch"}, {"bg", "Български"}}
}

// Name is a language for people to choose.
type Name struct{ Tag, Name string }

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.Make(l.Tag())
	}
	return language.NewMatcher(tags)
})

// maxAsked bounds what is looked at of a list of languages, in bytes.
const maxAsked = 256

// Choose is the language to speak: the first that we have of what the application asked
// for (ui_locales of OpenID Connect Core section 3.1.2.1: tags with spaces between), what
// the person chose for themselves, and what their browser prefers (Accept-Language, RFC
// 9110 section 12.5.4). Each may be empty, and anything.
func Choose(uiLocales, own, acceptLanguage string) Language {
	var asked []language.Tag
	for _, tag := range strings.Fields(clip(uiLocales)) {
		if t, err := language.Parse(tag); err == nil {
			asked = append(asked, t)
		}
	}
	for _, tags := range [][]language.Tag{asked, parse(own), accepted(acceptLanguage)} {
		if len(tags) == 0 {
			continue
		}
		if _, i, confidence := matcher().Match(tags...); confidence != language.No {
			return languages[i]
		}
	}
	return Language{}
}

func parse(tag string) []language.Tag {
	t, err := language.Parse(clip(tag))
	if err != nil || t == language.Und {
		return nil
	}
	return []language.Tag{t}
}

func accepted(header string) []language.Tag {
	if len(header) > maxAsked { // whole items only
		header = header[:maxAsked]
		header = header[:max(0, strings.LastIndexByte(header, ','))]
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil
	}
	return tags
}

func clip(text string) string { return text[:min(len(text), maxAsked)] }
