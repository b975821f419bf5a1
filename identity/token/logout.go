package token

import (
	"encoding/json"
	"errors"
	"time"
)

// LogoutLifetime is that of a logout token. OpenID Connect Back-Channel Logout section 2.4
// wants two minutes at most, so that one that leaks is soon of no use.
const LogoutLifetime = 2 * time.Minute

// logoutEvent is the member of the claim events that makes a JWT a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutToken is what a logout token says.
type LogoutToken struct {
	// ApplicationURI is whom it is for.
	ApplicationURI string
	// Subject is the login, empty for an account that was deleted since; SignInID is the
	// claim sid of the sign-in that has ended.
	Subject, SignInID string
	// Algorithm is that of the application's ID tokens.
	Algorithm string
}

// logoutClaims are those of a logout token. It has no nonce, so that it is no ID token.
type logoutClaims struct {
	Issuer    string              `json:"iss"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	ExpiresAt int64               `json:"exp"`
	ID        string              `json:"jti"`
	Subject   string              `json:"sub,omitempty"`
	SignInID  string              `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

// Logout makes a logout token (OpenID Connect Back-Channel Logout section 2.4), good from
// now on. Each try to deliver has its own.
func (m *Minter) Logout(t LogoutToken) (Minted, error) {
	if t.SignInID == "" {
		return Minted{}, errors.New("token: a logout token of no sign-in")
	}
	now := m.Clock.Now()
	key, err := m.Keys.signer(idUse(t.Algorithm), now)
	if err != nil {
		return Minted{}, err
	}
	minted := Minted{ID: NewTokenID(), Lifetime: LogoutLifetime, ExpiresAt: time.Unix(now.Unix(), 0).Add(LogoutLifetime), KeyID: key.ID}
	claims, err := json.Marshal(logoutClaims{
		Issuer: m.Issuer, Audience: t.ApplicationURI, IssuedAt: now.Unix(), ExpiresAt: minted.ExpiresAt.Unix(), ID: minted.ID,
		Subject: t.Subject, SignInID: t.SignInID, Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return Minted{}, err
	}
	minted.JWT, err = key.signAs(key.logoutHeader, func(b []byte) []byte { return append(b, claims...) })
	return minted, err
}
