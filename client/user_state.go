package client

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
)

// userState is an opened session. It is never changed: a renewal makes a new one.
type userState struct {
	key     SessionKey
	version int64
	// expiresAt is the row's: the end if the session is not used.
	expiresAt              time.Time
	createdAt, absoluteEnd time.Time
	access                 *accessToken
	refresh, idToken       string
	identity               IDToken
}

// sameAccess reports whether other still has the same access token.
func (st *userState) sameAccess(other *userState) bool { return other.access.raw() == st.access.raw() }

func (st *userState) idTokenLives(now time.Time, left time.Duration) bool {
	return now.Add(left).Before(st.identity.ExpiresAt)
}

// sealedState is the text that is sealed into a row. Times are milliseconds
// since 1970.
type sealedState struct {
	Access      string  `json:"a"`
	Issued      int64   `json:"ai"`
	Expires     int64   `json:"ae"`
	Scope       string  `json:"s"`
	Forced      bool    `json:"f,omitempty"`
	Refresh     string  `json:"r,omitempty"`
	IDToken     string  `json:"i"`
	Identity    IDToken `json:"p"`
	Created     int64   `json:"c"`
	AbsoluteEnd int64   `json:"e"`
}

// sessionPlace binds a sealed text to its row and version, and to this
// application at this issuer (spec F32: moved, changed or put back, it is
// refused).
func (t *UserTokens) sessionPlace(key SessionKey, version int64) string {
	return "session|" + t.config.Provider.issuer + "|" + t.config.ApplicationURI +
		"|" + hex.EncodeToString(key[:]) + "|" + strconv.FormatInt(version, 10)
}

func (t *UserTokens) seal(st *userState) (StoredSession, error) {
	text, err := json.Marshal(sealedState{
		Access: st.access.raw(), Issued: st.access.issuedAt.UnixMilli(), Expires: st.access.expiresAt.UnixMilli(),
		Scope: st.access.scope.String(), Forced: st.access.forced,
		Refresh: st.refresh, IDToken: st.idToken, Identity: st.identity,
		Created: st.createdAt.UnixMilli(), AbsoluteEnd: st.absoluteEnd.UnixMilli(),
	})
	if err != nil {
		return StoredSession{}, err
	}
	return StoredSession{
		Key: st.key, Version: st.version, Sealed: t.config.Box.Seal(text, t.sessionPlace(st.key, st.version)),
		UserID: st.identity.UserID, SignInID: st.identity.SignInID,
		CreatedAt: st.createdAt, ExpiresAt: st.expiresAt,
	}, nil
}

func (t *UserTokens) open(row *StoredSession) (*userState, error) {
	text, err := t.config.Box.Open(row.Sealed, t.sessionPlace(row.Key, row.Version))
	if err != nil {
		return nil, err
	}
	var s sealedState
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if s.Identity.UserID != row.UserID || s.Identity.SignInID != row.SignInID {
		return nil, errors.New("the row names another person or sign-in than its sealed part")
	}
	st := &userState{
		key: row.Key, version: row.Version, expiresAt: row.ExpiresAt,
		createdAt: time.UnixMilli(s.Created).UTC(), absoluteEnd: time.UnixMilli(s.AbsoluteEnd).UTC(),
		access:  newAccessToken(s.Access),
		refresh: s.Refresh, idToken: s.IDToken, identity: s.Identity,
	}
	a := st.access
	a.scope, a.forced, a.identity = tandem.ParseScope(s.Scope), s.Forced, s.Identity.Login
	a.issuedAt, a.expiresAt = time.UnixMilli(s.Issued).UTC(), time.UnixMilli(s.Expires).UTC()
	a.plan(0)
	return st, nil
}
