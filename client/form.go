package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// Limits of forms that are kept while somebody signs in again.
const (
	// maxKeptForm is the largest body of a form that is kept, in bytes, and
	// keptFormLife how long. MaxKeptForms is how many of a person's there are.
	maxKeptForm  = 128 << 10
	keptFormLife = 30 * time.Minute
)

// MaxKeptForms is how many forms of one person a [FormStore] keeps; the oldest
// makes room.
const MaxKeptForms = 3

// FormField is the name of the hidden field, or of the parameter of a form's
// action, that holds a [UserSession.FormToken].
const FormField = "tandem_form"

// StoredForm is a row of a [FormStore]: a form that came when nobody was signed
// in any more.
type StoredForm struct {
	Key    SessionKey
	UserID string
	// Sealed is what was typed, encrypted and bound to Key and UserID.
	Sealed    []byte
	ExpiresAt time.Time
}

// FormStore keeps forms for as long as their people need to sign in again. A
// [SessionStore] that is one as well keeps them for all replicas; otherwise they
// are in the memory of the process.
type FormStore interface {
	// KeepForm adds a row, and removes the oldest of the user beyond
	// [MaxKeptForms]. The key is random and new.
	KeepForm(ctx context.Context, f StoredForm) error
	// Form returns a row or [tandem.ErrNotFound]. It may return expired rows.
	Form(ctx context.Context, key SessionKey) (StoredForm, error)
	// PurgeForms removes the rows that expired at or before now.
	PurgeForms(ctx context.Context, now time.Time) error
}

// KeptForm is a form that was sent when its person was not signed in any more.
// Nothing was done with it. It is shown to that person alone, who decides
// whether to send it.
type KeptForm struct {
	// Action is where it was posted to: a path of this host with its query.
	Action string `json:"a"`
	// Fields are what was typed. Passwords are left out.
	Fields url.Values `json:"f"`
}

// SignInAgain is what the page says to somebody who sent a form and is not
// signed in any more.
type SignInAgain struct {
	// Message says what has happened.
	Message string
	// SignInURL leads to the sign-in, and from there to the form when Kept.
	SignInURL string
	Kept      bool
}

// FormToken is what a [UserSession.FormToken] says.
type FormToken struct {
	// UserID is the person whom the form was made for, and ID a random text of
	// this one making of it: a form that comes twice has it twice.
	UserID   string    `json:"u"`
	ID       string    `json:"i"`
	OpenedAt time.Time `json:"t"`
}

// FormToken is a text for the hidden field [FormField] of a form. It says whom
// the form was made for, so that it is not taken as another person's in the same
// browser, and tells the form from all others, so that a form that is sent twice
// can be noticed. [UserTokens.ReadFormToken] reads it.
func (s *UserSession) FormToken() string {
	t := s.tokens
	return t.sealText(FormToken{s.Identity().UserID, rand.Text(), t.clock.Now()}, t.place("form token"))
}

// ReadFormToken reads a form's token; ok is false when it is none of this
// application's, or older than a session can be.
func (t *UserTokens) ReadFormToken(text string) (token FormToken, ok bool) {
	if !t.openText(text, t.place("form token"), &token) {
		return FormToken{}, false
	}
	return token, t.clock.Now().Sub(token.OpenedAt) <= t.config.AbsoluteTimeout
}

func (t *UserTokens) place(what string) string {
	return what + "|" + t.config.Provider.issuer + "|" + t.config.ApplicationURI
}

// sealText makes a text for a browser of a value that always marshals.
func (t *UserTokens) sealText(v any, place string) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(t.config.Box.Seal(text, place))
}

func (t *UserTokens) openText(text, place string, into any) bool {
	if len(text) > 1024 {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := t.config.Box.Open(sealed, place)
	return err == nil && json.Unmarshal(plain, into) == nil
}

// lastPerson says who signed in in this browser last. It outlives the session,
// to tell whose a form without a token is.
type lastPerson struct {
	UserID string `json:"u"`
	// SharedUntil is set when somebody else was signed in before: then a form
	// without a token may be of either.
	SharedUntil time.Time `json:"s"`
}

func (t *UserTokens) lastCookie() string { return t.cookie + "-last" }

func (t *UserTokens) lastPerson(r *http.Request) (p lastPerson, ok bool) {
	c, err := r.Cookie(t.lastCookie())
	return p, err == nil && t.openText(c.Value, t.place("last person"), &p)
}

func (t *UserTokens) rememberPerson(w http.ResponseWriter, r *http.Request, userID string) {
	now := lastPerson{UserID: userID}
	if before, ok := t.lastPerson(r); ok {
		now.SharedUntil = before.SharedUntil
		if before.UserID != userID {
			now.SharedUntil = t.clock.Now().Add(t.config.AbsoluteTimeout)
		}
	}
	t.setCookie(w, t.lastCookie(), t.sealText(now, t.place("last person")), int(t.config.AbsoluteTimeout/time.Second))
}

// ownerOf is whose the form is: the person of its token, or of the session that
// has just ended, or who was the only one to sign in in this browser.
func (t *UserTokens) ownerOf(r *http.Request, fields url.Values) string {
	text := fields.Get(FormField)
	if text == "" {
		text = r.URL.Query().Get(FormField)
	}
	if text != "" {
		token, _ := t.ReadFormToken(text)
		return token.UserID // empty for one that is not good
	}
	if s := UserSessionOf(r.Context()); s != nil {
		return s.Identity().UserID
	}
	if p, ok := t.lastPerson(r); ok && !t.clock.Now().Before(p.SharedUntil) {
		return p.UserID
	}
	return ""
}

// AskToSignIn answers a request that needs a sign-in which has ended. A browser
// that sends a form gets a page; what was typed is kept, sealed, for half an hour
// and for its person alone, and is shown again after the sign-in. It is never
// sent again by itself. A browser that navigates is sent to SignIn and comes
// back, everything else gets 401.
//
// [UserTokens.Require] does this by itself; an application calls it when a call
// ends with [ErrSignedOut]. The session here, if there still is one, ends.
func (t *UserTokens) AskToSignIn(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	if s := UserSessionOf(r.Context()); s != nil {
		t.forget(r.Context(), s.state.Load().key)
	}
	switch {
	case navigates(r):
		http.Redirect(w, r, t.config.SignInURL+"?return_to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	case sends(r):
		t.keepAndAsk(w, r)
	default:
		http.Error(w, "Please sign in.", http.StatusUnauthorized)
	}
}

// sends reports whether a browser sends a form to see a page.
func sends(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (t *UserTokens) keepAndAsk(w http.ResponseWriter, r *http.Request) {
	ask := SignInAgain{Message: "You are not signed in any more, so nothing was done.", SignInURL: t.config.SignInURL}
	id, err := t.keepForm(r)
	switch {
	case err != nil:
		t.log.WarnContext(r.Context(), "a form was not kept", "error", err)
		ask.Message += " What you typed could not be kept: after you have signed in, please enter it once more."
	case id == "":
		ask.Message += " After you have signed in, please enter it once more."
	default:
		ask.Kept, ask.SignInURL = true, t.formURL(id)
		ask.Message += " What you typed is kept for half an hour: sign in and you get it back."
	}
	t.signInAgain(w, r, ask)
}

// errTooLarge is a form that is larger than what is kept.
var errTooLarge = errors.New("the form is larger than what is kept")

// keepForm keeps the form for its owner; the id is empty when nobody knows whose
// it is, or it is no form of fields.
func (t *UserTokens) keepForm(r *http.Request) (id string, err error) {
	fields, err := formFields(r)
	if err != nil || fields == nil {
		return "", err
	}
	owner := t.ownerOf(r, fields)
	if owner == "" || !localPath(r.URL.RequestURI()) {
		return "", nil
	}
	for name := range fields {
		if strings.Contains(strings.ToLower(name), "password") {
			delete(fields, name)
		}
	}
	text, err := json.Marshal(KeptForm{r.URL.RequestURI(), fields})
	if err != nil {
		return "", err
	}
	id, key := newSessionID()
	row := StoredForm{Key: key, UserID: owner, Sealed: t.config.Box.Seal(text, t.formPlace(key, owner)),
		ExpiresAt: t.clock.Now().Add(keptFormLife)}
	return id, t.forms.KeepForm(r.Context(), row)
}

func (t *UserTokens) formPlace(key SessionKey, owner string) string {
	return t.place("form") + "|" + hex.EncodeToString(key[:]) + "|" + owner
}

// formFields are the fields of a form that was sent url-encoded; nil for all
// others. What an application has read already is used as it is, also of a form with
// files (multipart/form-data): the files are not kept.
func formFields(r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if read := mediaType == "multipart/form-data" && r.PostForm != nil; err != nil || mediaType != "application/x-www-form-urlencoded" && !read {
		return nil, nil
	}
	if r.PostForm != nil {
		if len(r.PostForm.Encode()) > maxKeptForm {
			return nil, errTooLarge
		}
		return r.PostForm, nil
	}
	body, err := readLimited(r.Body, maxKeptForm)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(bytes.TrimSpace(body)))
}

// formParameter is that of SignInURL which names a kept form.
const formParameter = "form"

func (t *UserTokens) formURL(id string) string {
	path, _, _ := strings.Cut(t.config.SignInURL, "?")
	return path + "?" + formParameter + "=" + id
}

// showForm shows a kept form to its person.
func (t *UserTokens) showForm(w http.ResponseWriter, r *http.Request, key SessionKey) {
	form, err := t.keptForm(r, key)
	switch {
	case errors.Is(err, tandem.ErrNotFound):
		t.problem(w, r, http.StatusNotFound, "What you had typed is not kept any more. Please enter it once more.", nil)
	case tandem.ErrorCode(err) == tandem.CodeForbidden:
		t.problem(w, r, http.StatusForbidden,
			"This form was filled by another person. Only they can go on with it: sign out, and let them sign in.", nil)
	case err != nil:
		t.problem(w, r, http.StatusServiceUnavailable, "What you had typed cannot be read at the moment. Please try again shortly.", err)
	default:
		noStore(w)
		t.formPage(w, r, form)
	}
}

func (t *UserTokens) keptForm(r *http.Request, key SessionKey) (*KeptForm, error) {
	row, err := t.forms.Form(r.Context(), key)
	if err != nil {
		return nil, err
	}
	if !t.clock.Now().Before(row.ExpiresAt) {
		return nil, tandem.ErrNotFound
	}
	who := UserSessionOf(r.Context()).Identity().UserID
	if who == "" || who != row.UserID {
		return nil, tandem.Errorf(tandem.CodeForbidden, "the form is another person's")
	}
	text, err := t.config.Box.Open(row.Sealed, t.formPlace(key, row.UserID))
	if err != nil {
		return nil, err
	}
	form := &KeptForm{}
	if err := json.Unmarshal(text, form); err != nil {
		return nil, err
	}
	return form, nil
}
