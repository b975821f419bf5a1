package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// i7: no name and no kind is taken for another.
func (r *run) i7(ctx context.Context) {
	r.core(ctx, "I7", "an ID token opens userinfo", func(ctx context.Context) (outcome, error) {
		return r.asBearer(ctx, func(t *tokens) string { return t.IDToken }, "an ID token")
	})
	r.core(ctx, "I7", "a refresh token opens userinfo", func(ctx context.Context) (outcome, error) {
		return r.asBearer(ctx, func(t *tokens) string { return t.RefreshToken }, "a refresh token")
	})
	r.core(ctx, "I7", "an access token refreshes", r.accessRefreshes)
	r.extra(ctx, "I7", "an access token ends a sign-in as id_token_hint", func(ctx context.Context) (outcome, error) {
		t, err := r.mainTokens(ctx)
		if err != nil {
			return outcome{}, err
		}
		return r.hint(ctx, t.AccessToken, "an access token")
	})
	r.extra(ctx, "I7", "an ID token calls the API", r.idCalls)
	r.extra(ctx, "I7", "a signed claim tells both kinds of access token apart", r.kinds)
	r.extra(ctx, "I7", "a user is named like an application, or the reverse", r.names)
}

// asBearer opens userinfo with what is no access token.
func (r *run) asBearer(ctx context.Context, of func(*tokens) string, what string) (outcome, error) {
	t, err := r.userinfoWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	wrong := of(t)
	if wrong == "" {
		return outcome{}, fmt.Errorf("the provider gave no such token as %s", what)
	}
	a, err := r.userinfo(ctx, wrong, what)
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, what+" opens userinfo")
}

func (r *run) accessRefreshes(ctx context.Context) (outcome, error) {
	t, err := r.refreshWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.front(), oauth.GrantRefreshToken, url.Values{"refresh_token": {t.AccessToken}})
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "an access token was taken for a refresh token")
}

func (r *run) idCalls(ctx context.Context) (outcome, error) {
	t, err := r.apiWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	if t.IDToken == "" {
		return outcome{}, errors.New("the provider gave no ID token")
	}
	a, err := r.api(ctx, http.MethodGet, "", t.IDToken, "ID token")
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "the API answers an ID token")
}

// kinds looks for a claim, or a type in the header, that both kinds of access token
// have and that differs. Without one a reader must guess: that is told, and is no
// failure on the wire.
func (r *run) kinds(ctx context.Context) (outcome, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	s, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	user, service := claimsOf(t.AccessToken), claimsOf(s.AccessToken)
	if user == nil || service == nil {
		return r.holds(s.answer), nil // opaque: only their issuer reads them
	}
	own := []string{"jti", "iat", "exp", "nbf", "sub", "aud", "scope", "scp", "client_id", "azp", "sid", "iss"}
	var telling []string
	for name, value := range user {
		other, there := service[name]
		if there && !slices.Contains(own, name) && isWord(value) && isWord(other) && value != other {
			telling = append(telling, name)
		}
	}
	if len(telling) == 0 {
		return outcome{}, errors.New("no signed claim tells them apart: whoever reads them must guess by what is missing")
	}
	slices.Sort(telling)
	return outcome{verdict: Holds, sent: Plain("compare the claims of both kinds"), answered: r.secrets.Show("told apart by " + list(telling))}, nil
}

// isWord says that a claim's value is a short word, as the name of a kind is.
func isWord(v any) bool {
	s, ok := v.(string)
	return ok && s != "" && len(s) <= 32 && !strings.ContainsAny(s, " -:/.")
}

func (r *run) names(ctx context.Context) (outcome, error) {
	in, err := r.inside()
	if err != nil {
		return outcome{}, err
	}
	made, err := in.TryNames(ctx, r.config.Application, r.config.Person.Login)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{verdict: Holds, sent: Plain("make a user named like the application, and an application named like the person"), answered: Plain("both were refused")}
	if len(made) > 0 {
		o.verdict, o.why, o.answered = Fails, "there could be "+list(made), r.secrets.Show(list(made))
	}
	return o, nil
}
