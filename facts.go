package tandem

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Facts are what a decision was made by, beside the words of an [AuditEvent]: names
// and ids, and never a value of a row. They are for administrators, who may know
// keys and rows that whoever was refused may not.
type Facts struct {
	// Rule is which of our rules decided; see the constants.
	Rule Rule `json:"r,omitempty"`
	// Method and Path are the call's, without its query.
	Method string `json:"m,omitempty"`
	Path   string `json:"p,omitempty"`
	// Set, Attribute and Need are what was asked for: an entity set, an attribute of
	// it, and the name of a right or a scope.
	Set       string `json:"set,omitempty"`
	Attribute string `json:"attr,omitempty"`
	Need      string `json:"need,omitempty"`
	// Guard is the path to the key that guards the row, Key that key's id, and Row the
	// row as Set(id).
	Guard string `json:"guard,omitempty"`
	Key   string `json:"key,omitempty"`
	Row   string `json:"row,omitempty"`
	// Scope is what the token was granted.
	Scope string `json:"got,omitempty"`
	// Person is the user id that the call was narrowed to.
	Person string `json:"narrow,omitempty"`
	// Group and User are the ids of the group that was granted the Key, or into which
	// the user was put; Self says that this was for who did it.
	Group string `json:"group,omitempty"`
	User  string `json:"user,omitempty"`
	Self  bool   `json:"self,omitempty"`

	// Grant is how a token, a code or a pushed request came to be: the grant type, or the
	// endpoint's word.
	Grant string `json:"g,omitempty"`
	// Credential is the id of the application's credential that matched, [ClassicCredential]
	// for the one secret of both flows; empty where none did or none was needed. Method is
	// the authentication method (client_secret_basic …).
	Credential string `json:"c,omitempty"`
	Auth       string `json:"a,omitempty"`
	// Asked is the scope asked for, empty for nothing; Scope above what was granted;
	// Limit what the flow could have had at most then; Dropped what was left out.
	Asked   string    `json:"ask,omitempty"`
	Dropped []Dropped `json:"drop,omitempty"`
	Limit   string    `json:"max,omitempty"`
	// AppVersion and UserVersion are the versions of the registration and of the account
	// that the decision was made by.
	AppVersion  int64 `json:"av,omitempty"`
	UserVersion int64 `json:"uv,omitempty"`
	// Audience are the APIs that the token is for beside the issuer's own resources; KeyID
	// signed it, and Expires is when it ends, in Unix seconds.
	Audience string `json:"aud,omitempty"`
	Expires  int64  `json:"exp,omitempty"`
	KeyID    string `json:"k,omitempty"`
	// Family is the refresh family with the generation of the token given, ID#N.
	Family string `json:"f,omitempty"`
	// AMR is how the person proved who they are (RFC 8176) and ACR how well, UserType what they are as the
	// registry knows it.
	AMR      string   `json:"amr,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	UserType UserType `json:"ut,omitempty"`

	// Via is the door through which somebody administered, and Subject what it was done
	// to. Before and After are what changed of it: see [Facts.Changed].
	Via     Via        `json:"via,omitempty"`
	Subject Subject    `json:"on,omitzero"`
	Before  Attributes `json:"before,omitempty"`
	After   Attributes `json:"after,omitempty"`
	// By is who administered, where the event is of another account: of one whose
	// session or sign-in was ended.
	By string `json:"by,omitempty"`
}

// ClassicCredential stands for the application's one secret of both flows where
// credentials are named by their ids.
const ClassicCredential = "classic"

// Dropped is a scope that was asked for, or granted before, and not given: with the rule
// that took it away.
type Dropped struct {
	Scope string
	Rule  Rule
}

// MarshalJSON implements [json.Marshaler]: a pair.
func (d Dropped) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]string{d.Scope, string(d.Rule)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Dropped) UnmarshalJSON(text []byte) error {
	var pair [2]string
	err := json.Unmarshal(text, &pair)
	d.Scope, d.Rule = pair[0], Rule(pair[1])
	return err
}

// JSON is how facts are stored: without what is empty. It is written by hand, because
// every token has some.
func (f *Facts) JSON() string {
	var w factsWriter
	w.out.Grow(288)
	w.text("r", string(f.Rule))
	w.text("m", f.Method)
	w.text("p", f.Path)
	w.text("set", f.Set)
	w.text("attr", f.Attribute)
	w.text("need", f.Need)
	w.text("guard", f.Guard)
	w.text("key", f.Key)
	w.text("row", f.Row)
	w.text("g", f.Grant)
	w.text("c", f.Credential)
	w.text("a", f.Auth)
	w.text("ask", f.Asked)
	w.text("got", f.Scope)
	w.text("max", f.Limit)
	w.text("aud", f.Audience)
	w.text("k", f.KeyID)
	w.text("f", f.Family)
	w.text("amr", f.AMR)
	w.text("acr", f.ACR)
	w.text("ut", string(f.UserType))
	w.text("narrow", f.Person)
	w.text("group", f.Group)
	w.text("user", f.User)
	w.number("av", f.AppVersion)
	w.number("uv", f.UserVersion)
	w.number("exp", f.Expires)
	if f.Self {
		w.name("self")
		w.out.WriteString("true")
	}
	if len(f.Dropped) > 0 {
		w.value("drop", f.Dropped)
	}
	f.writeDeed(&w)
	if w.out.Len() == 0 {
		return "{}"
	}
	w.out.WriteByte('}')
	return w.out.String()
}

// writeDeed writes what only administration has.
func (f *Facts) writeDeed(w *factsWriter) {
	w.text("via", string(f.Via))
	if f.Subject != (Subject{}) {
		w.value("on", f.Subject)
	}
	if len(f.Before) > 0 {
		w.value("before", f.Before)
	}
	if len(f.After) > 0 {
		w.value("after", f.After)
	}
	w.text("by", f.By)
}

// factsWriter writes an object.
type factsWriter struct{ out strings.Builder }

func (w *factsWriter) name(name string) {
	if w.out.Len() == 0 {
		w.out.WriteString(`{"`)
	} else {
		w.out.WriteString(`,"`)
	}
	w.out.WriteString(name)
	w.out.WriteString(`":`)
}

// text writes a text that is not empty. Nearly all are plain.
func (w *factsWriter) text(name, text string) {
	if text == "" {
		return
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			w.value(name, text)
			return
		}
	}
	w.name(name)
	w.out.WriteByte('"')
	w.out.WriteString(text)
	w.out.WriteByte('"')
}

func (w *factsWriter) number(name string, n int64) {
	if n != 0 {
		var digits [20]byte
		w.name(name)
		w.out.Write(strconv.AppendInt(digits[:0], n, 10))
	}
}

// value writes what is seldom there.
func (w *factsWriter) value(name string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always marshal
	}
	w.name(name)
	w.out.Write(text)
}

// ParseFacts reads what [Facts.JSON] wrote; the empty text has none.
func ParseFacts(text string) (f Facts, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &f)
	}
	return f, err
}
