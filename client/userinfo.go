package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/patience"
)

// Userinfo is what the provider tells of the person beyond the ID token (OpenID Connect
// Core section 5.3).
type Userinfo struct {
	// Subject is the claim sub: that of the ID token, always.
	Subject string
	// Name, Email and EmailVerified need the scopes profile and email.
	Name, Email   string
	EmailVerified bool
	// Claims are all of them, by their names, as JSON has them.
	Claims map[string]any
}

// Userinfo asks the provider's userinfo endpoint. An answer about another person than the
// ID token's is refused (section 5.3.2), with a [tandem.Error] with
// [tandem.CodeUnauthorized]; [tandem.CodeUnavailable] says that the endpoint does not
// answer, or that there is none. The access token goes in the header, or with
// UserinfoInBody in the body of a form.
func (s *UserSession) Userinfo(ctx context.Context) (Userinfo, error) {
	m, err := s.tokens.config.Provider.Metadata(ctx)
	if err != nil {
		return Userinfo{}, err
	}
	if m.UserinfoEndpoint == "" {
		return Userinfo{}, tandem.Errorf(tandem.CodeUnavailable, "%s has no userinfo endpoint", m.Issuer)
	}
	res, err := s.askUserinfo(ctx, m.UserinfoEndpoint)
	if err != nil {
		return Userinfo{}, err
	}
	defer res.Body.Close()
	body, err := readLimited(res.Body, maxDocument)
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return Userinfo{}, fail(tandem.CodeUnauthorized, fmt.Errorf("status %s", res.Status), "the userinfo endpoint of %s refuses the access token", m.Issuer)
	case err == nil && res.StatusCode != http.StatusOK:
		err = fmt.Errorf("status %s", res.Status)
	}
	var claims map[string]any
	if err == nil && json.Unmarshal(body, &claims) != nil {
		err = errors.New("the answer is not the JSON expected")
	}
	if err != nil {
		return Userinfo{}, fail(tandem.CodeUnavailable, err, "the userinfo endpoint of %s does not answer as it should: %v", m.Issuer, err)
	}
	u := Userinfo{Claims: claims}
	u.Subject, _ = claims["sub"].(string)
	u.Name, _ = claims["name"].(string)
	u.Email, _ = claims["email"].(string)
	u.EmailVerified, _ = claims["email_verified"].(bool)
	if u.Subject == "" || u.Subject != s.Identity().Subject {
		return Userinfo{}, tandem.Errorf(tandem.CodeUnauthorized, "the userinfo endpoint of %s answered about another person than signed in", m.Issuer)
	}
	return u, nil
}

func (s *UserSession) askUserinfo(ctx context.Context, address string) (*http.Response, error) {
	u, err := secureURL(address)
	if err != nil {
		return nil, err
	}
	if !s.tokens.config.UserinfoInBody {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json")
		return s.calls.do(req, origin(u))
	}
	t, err := s.access(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{"access_token": {t.raw()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return patience.Do(s.tokens.api, req, patienceOf(ctx, userPatience))
}
