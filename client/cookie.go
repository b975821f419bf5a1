package client

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem/oauth"
)

// Limits of a sign-in that is under way.
const (
	signInLifetime = 30 * time.Minute
	maxSignIns     = 6 // at the same time, in one browser
	maxReturnTo    = 1024
)

// newSessionID makes the value of a session cookie, 256 random bits, and the
// key that it is stored under.
func newSessionID() (string, SessionKey) {
	id := make([]byte, 32)
	rand.Read(id)
	return base64.RawURLEncoding.EncodeToString(id), sha256.Sum256(id)
}

func keyOf(cookie string) (SessionKey, bool) {
	id, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || len(id) != 32 {
		return SessionKey{}, false
	}
	return sha256.Sum256(id), true
}

// setCookie sets a cookie that scripts cannot read and other sites cannot send
// with anything but a link. maxAge -1 removes it; 0 keeps it until the browser
// closes.
func (t *UserTokens) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: t.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// signIn is what must be remembered between the way to the provider and the
// way back. It is sealed in a cookie of the browser that started it.
type signIn struct {
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	ReturnTo string `json:"r"`
	At       int64  `json:"t"`
}

func newSignIn(returnTo string, now time.Time) (state string, s signIn) {
	return rand.Text(), signIn{Nonce: rand.Text(), Verifier: oauth.NewVerifier(), ReturnTo: returnTo, At: now.Unix()}
}

// signInPlace binds the cookie to its state, and to this application at this
// issuer: another's callback does not open it (the mix-up attack).
func (t *UserTokens) signInPlace(state string) string {
	c := &t.config
	return "signin|" + c.Provider.issuer + "|" + c.ApplicationURI + "|" + c.RedirectURL + "|" + state
}

// signInCookie is the name of the cookie of one sign-in, so that tabs do not
// disturb each other.
func (t *UserTokens) signInCookie(state string) string {
	return t.signInPrefix() + state[:12]
}

func (t *UserTokens) signInPrefix() string { return t.cookie + "-signin-" }

// validState reports whether a state can be one of ours (rand.Text).
func validState(state string) bool {
	return len(state) == 26 && !strings.ContainsFunc(state, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') })
}

func (t *UserTokens) rememberSignIn(w http.ResponseWriter, r *http.Request, state string, s signIn) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	t.makeRoom(w, r)
	// The time before the sealed text says which sign-in is the oldest. It is
	// sealed as well: nothing but the order of leaving depends on it.
	value := strconv.FormatInt(t.clock.Now().UnixMilli(), 36) + "." +
		base64.RawURLEncoding.EncodeToString(t.config.Box.Seal(text, t.signInPlace(state)))
	t.setCookie(w, t.signInCookie(state), value, int(signInLifetime/time.Second))
	return nil
}

// makeRoom removes the oldest sign-ins that nobody finished: browsers limit what
// a host may keep, and servers what they take.
func (t *UserTokens) makeRoom(w http.ResponseWriter, r *http.Request) {
	var started []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, t.signInPrefix()) {
			started = append(started, c)
		}
	}
	slices.SortStableFunc(started, func(a, b *http.Cookie) int { return cmp.Compare(startedAt(a), startedAt(b)) })
	for i := 0; i <= len(started)-maxSignIns; i++ {
		t.setCookie(w, started[i].Name, "", -1)
	}
}

// startedAt is when the sign-in of a cookie began, in milliseconds since 1970;
// zero when it does not say.
func startedAt(c *http.Cookie) int64 {
	at, _, _ := strings.Cut(c.Value, ".")
	n, err := strconv.ParseInt(at, 36, 64)
	if err != nil {
		return 0
	}
	return n
}

// recallSignIn finds the sign-in of a state in the browser's cookies and removes
// it from them: it is good once.
func (t *UserTokens) recallSignIn(w http.ResponseWriter, r *http.Request, state string) (signIn, bool) {
	var s signIn
	if !validState(state) {
		return s, false
	}
	cookie, err := r.Cookie(t.signInCookie(state))
	if err != nil {
		return s, false
	}
	_, value, _ := strings.Cut(cookie.Value, ".")
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return s, false
	}
	text, err := t.config.Box.Open(sealed, t.signInPlace(state))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return s, false
	}
	t.setCookie(w, cookie.Name, "", -1)
	age := t.clock.Now().Sub(time.Unix(s.At, 0))
	if age < -clockSkew || age > signInLifetime {
		return s, false
	}
	return s, t.used.add(state, s.ReturnTo) // also when the cookie comes again
}

// localPath reports whether a browser takes the text for a path of this host
// and nothing else.
func localPath(text string) bool {
	if !strings.HasPrefix(text, "/") || len(text) > maxReturnTo ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return false
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(text, "//") {
		return false
	}
	return !strings.HasPrefix(u.Path, "//") && !strings.Contains(u.Path, "\\")
}

// returnTo is where to go after the sign-in: a local path that does not lead
// straight into the next sign-in.
func (t *UserTokens) returnTo(asked string) string {
	if !localPath(asked) {
		return t.config.SignedInURL
	}
	signIn, _, _ := strings.Cut(t.config.SignInURL, "?")
	path, _, _ := strings.Cut(asked, "?")
	if slices.Contains([]string{signIn, t.callback.Path}, path) {
		return t.config.SignedInURL
	}
	return asked
}
