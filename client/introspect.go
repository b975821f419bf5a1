package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// maxIntrospection bounds an answer, in bytes.
const maxIntrospection = 64 << 10

// introspect asks the provider (RFC 7662): with the service token where the provider says
// that it takes one, which costs it no check of a credential, else with the credential. It
// is no call of the API, and nobody observes it.
func (s *ServiceTokens) introspect(ctx context.Context, form url.Values) (answer oauth.Introspection, err error) {
	m, err := s.endpoint.provider.Metadata(ctx)
	if err != nil {
		return answer, err
	}
	if m.IntrospectionEndpoint == "" {
		return answer, errNoIntrospection
	}
	return s.introspectAt(ctx, &m, form, slices.Contains(m.IntrospectionAuthMethods, oauth.TokenTypeBearer))
}

// introspectAt asks the endpoint of the metadata, with the service token or with the
// credential.
func (s *ServiceTokens) introspectAt(ctx context.Context, m *oauth.Metadata, form url.Values, bearer bool) (answer oauth.Introspection, err error) {
	address, err := secureURL(m.IntrospectionEndpoint)
	if err != nil {
		return answer, err
	}
	for again := false; ; again = true {
		res, err := s.askIntrospection(ctx, m, address, form, bearer)
		if err != nil {
			return answer, withoutURL(err)
		}
		body, err := readLimited(res.Body, maxIntrospection)
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxIntrospection)) // to keep the connection
		_ = res.Body.Close()
		switch {
		case err != nil:
			return answer, err
		case res.StatusCode == http.StatusOK:
			return answer, json.Unmarshal(body, &answer)
		case res.StatusCode != http.StatusUnauthorized || again || !bearer:
			return answer, fmt.Errorf("it answers %d", res.StatusCode)
		} // the service token was refused and is dropped: once more with another
	}
}

func (s *ServiceTokens) askIntrospection(ctx context.Context, m *oauth.Metadata, address *url.URL, form url.Values, bearer bool) (*http.Response, error) {
	body, header := url.Values{}, http.Header{}
	for name, values := range form {
		body[name] = values
	}
	if !bearer {
		if err := s.endpoint.credential.authenticate(body, header, s.endpoint.applicationURI, m, s.clock.Now()); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(body.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !bearer {
		return s.endpoint.provider.http.Do(req)
	}
	calls := *s.calls
	calls.observe = nil
	return calls.do(req, origin(address))
}
