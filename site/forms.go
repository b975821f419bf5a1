package site

import (
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/site/words"
)

// Bounds of forms.
const (
	// FormLifetime is how long a form may stay open before it is sent.
	FormLifetime = 12 * time.Hour
	// heldLifetime is how long a form waits for its person to sign in again.
	heldLifetime = 30 * time.Minute
	// saidLifetime is how long a message may be on its way to its page.
	saidLifetime = 5 * time.Minute
	// maxHeld bounds a form that waits, in bytes: it travels in an address.
	maxHeld = 5 << 10
)

// Forms makes and reads what travels through browsers, good for one sign-in and one
// place. Nothing of it is stored.
type Forms struct{ Sealer }

type formToken struct {
	At int64  `json:"at"` // Unix seconds
	ID string `json:"id"`
}

// Token is the hidden field of a form that is sent to the path by the sign-in's person.
// With it comes an id for what the form makes, so that sending it twice makes it once.
func (f *Forms) Token(signInID, path string) string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New()
	}
	return f.mustSeal(formToken{f.Clock.Now().Unix(), id.String()}, "form|"+signInID+"|"+path)
}

// Read opens the token of a form that was sent to the path. It is false for a token that
// was not made for it and the sign-in, and for one that is too old.
func (f *Forms) Read(token, signInID, path string) (id string, ok bool) {
	var t formToken
	if !f.Open(token, "form|"+signInID+"|"+path, &t) || !f.Fresh(t.At, FormLifetime) {
		return "", false
	}
	return t.ID, true
}

// Held is a form that was sent and waits for its person to sign in again.
type Held struct {
	Path   string     `json:"p"`
	Values url.Values `json:"v"`
	At     int64      `json:"at"`
}

// Hold seals a form for the sign-in; false for one that is too large to wait.
func (f *Forms) Hold(signInID, path string, values url.Values) (text string, ok bool) {
	text = f.mustSeal(Held{path, values, f.Clock.Now().Unix()}, "held|"+signInID)
	return text, len(text) <= maxHeld
}

// Resume opens a form that has waited.
func (f *Forms) Resume(text, signInID string) (Held, bool) {
	var h Held
	ok := f.Open(text, "held|"+signInID, &h) && f.Fresh(h.At, heldLifetime)
	return h, ok
}

type saidText struct {
	English string   `json:"t"`
	Args    []string `json:"a,omitempty"`
	At      int64    `json:"at"`
}

// Send seals a message for the page that comes next. Its arguments are said with %s.
func (f *Forms) Send(signInID string, t words.Text) string {
	said := saidText{English: t.English, At: f.Clock.Now().Unix()}
	for _, a := range t.Args {
		said.Args = append(said.Args, fmt.Sprint(a))
	}
	return f.mustSeal(said, "said|"+signInID)
}

// Said opens a message; an empty one for anything else.
func (f *Forms) Said(text, signInID string) words.Text {
	var said saidText
	if text == "" || !f.Open(text, "said|"+signInID, &said) || !f.Fresh(said.At, saidLifetime) {
		return words.Text{}
	}
	t := words.Text{English: said.English}
	for _, a := range said.Args {
		t.Args = append(t.Args, a)
	}
	return t
}

// mustSeal seals what always encodes: texts and numbers.
func (f *Forms) mustSeal(v any, place string) string {
	text, err := f.Seal(v, place)
	if err != nil {
		panic(err)
	}
	return text
}
