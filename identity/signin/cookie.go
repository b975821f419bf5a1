package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// The cookies. On https their names begin with __Host-, so that no sibling
// host and no plain connection can plant them. They end with a hash of the
// issuer: a browser keeps one jar for all ports of a host, and two instances on
// one machine must not take each other's.
const (
	sessionCookie = "tandem_identity" // the identity session
	formCookie    = "tandem_form"     // what a form's CSRF token is bound to, before there is a session
	deviceCookie  = "tandem_device"   // which people have signed in with the browser
)

// cookieBytes is the size of a cookie's random value: 256 bits.
const cookieBytes = 32

func (h *Handler) cookieName(name string) string {
	name += h.cookieSuffix
	if h.secure {
		return "__Host-" + name
	}
	return name
}

// cookieSuffix is what tells the issuer's cookies from another's.
func cookieSuffix(issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return "_" + hex.EncodeToString(sum[:4])
}

// cookieValue returns the value of a cookie that the server may have set:
// 256 bits in base64url. Anything else counts as no cookie.
func (h *Handler) cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(h.cookieName(name))
	if err != nil {
		return ""
	}
	if b, err := base64.RawURLEncoding.Strict().DecodeString(c.Value); err != nil || len(b) != cookieBytes {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie for the session of the browser, or for maxAge when
// it is positive; negative deletes it.
func (h *Handler) setCookie(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	c := &http.Cookie{
		Name: h.cookieName(name), Value: value, Path: "/",
		Secure: h.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if maxAge != 0 {
		c.MaxAge = int(maxAge / time.Second)
	}
	http.SetCookie(w, c)
}

func newCookieValue() string { return base64.RawURLEncoding.EncodeToString(randomBytes(cookieBytes)) }

func hashCookie(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }

// signedIn is the person behind a request.
type signedIn struct {
	SignIn
	Account Account
}

// current returns who is signed in with the request's browser, or nil. A
// sign-in of a user who may not sign in any more counts for nothing.
func (h *Handler) current(r *http.Request) (*signedIn, error) {
	value := h.cookieValue(r, sessionCookie)
	if value == "" {
		return nil, nil
	}
	ctx, now := r.Context(), h.Clock.Now()
	s, err := h.SignIns.ByCookie(ctx, hashCookie(value))
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !s.LiveAt(now, h.Lifetimes.ForIdle()) {
		return nil, nil
	}
	acc, err := h.Users.ByID(ctx, s.UserID)
	if err != nil {
		return nil, err
	}
	if !acc.canSignIn() {
		return nil, nil
	}
	if now.Sub(s.LastSeenAt) >= touchEvery {
		from := netaddr.Host(r.RemoteAddr)
		if err := h.SignIns.Touch(ctx, s.ID, now, from); err != nil {
			return nil, err
		}
		s.LastSeenAt, s.LastSeenFrom = now, from
	}
	return &signedIn{s, acc}, nil
}

// begin makes an identity session for the account, always with a new cookie
// value, so that a value known before the sign-in opens nothing
// (session fixation). The same person keeps their sign-in; another person's goes on
// without this browser. A sign-in that is raised keeps its time and bounds.
func (h *Handler) begin(r *http.Request, before *signedIn, acc *Account, p *pending) (s SignIn, value string, err error) {
	ctx := r.Context()
	now, value := h.Clock.Now(), newCookieValue()
	from := netaddr.Host(r.RemoteAddr)
	s = SignIn{ID: uuid.NewString(), UserID: acc.ID, CreatedAt: now, CreatedFrom: from}
	again := before != nil && before.UserID == acc.ID
	if again {
		s = before.SignIn
	}
	s.CookieHash, s.Authentication = hashCookie(value), p.How
	if !again || p.SignInID != s.ID {
		s.AuthTime, s.Keep, s.ExpiresAt = now, p.Keep, now.Add(h.Lifetimes.ForSignIn())
		if p.AuthTime != 0 {
			s.AuthTime = time.Unix(p.AuthTime, 0)
		}
	}
	s.LastSeenAt = now
	s.LastSeenFrom, s.UserAgent = from, userAgent(r)

	store := h.SignIns.Create
	if again {
		store = h.SignIns.Renew
	} else if before != nil {
		if err := h.leaveBrowser(ctx, before.SignIn); err != nil {
			return SignIn{}, "", err
		}
	}
	return s, value, store(ctx, s)
}

// leaveBrowser takes the browser from a sign-in, for another person. What its applications
// hold goes on: they did not sign out. No cookie opens it any more.
func (h *Handler) leaveBrowser(ctx context.Context, s SignIn) error {
	s.CookieHash = hashCookie(newCookieValue())
	err := h.SignIns.Renew(ctx, s)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil // it has ended meanwhile
	}
	return err
}

// userAgent is what the browser calls itself, as far as it is kept: printable text.
func userAgent(r *http.Request) string {
	clean := strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, tandem.Clip(r.UserAgent(), 4*MaxUserAgent))
	return tandem.Clip(clean, MaxUserAgent-len("…"))
}

// keepCookie gives the browser the value of its identity session.
func (h *Handler) keepCookie(w http.ResponseWriter, value string, keep bool) {
	var maxAge time.Duration // until the browser closes
	if keep {
		maxAge = h.Lifetimes.ForSignIn()
	}
	h.setCookie(w, sessionCookie, value, maxAge)
}

// forget deletes the browser's session cookie.
func (h *Handler) forget(w http.ResponseWriter) { h.setCookie(w, sessionCookie, "", -time.Second) }
