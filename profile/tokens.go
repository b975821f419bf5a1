package profile

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// TokenApp is an application that admits personal access tokens of a person.
type TokenApp struct {
	ApplicationURI, Name string
	// Scope is the most that one may have.
	Scope tandem.Scope
}

// NewToken is what a person makes a token of.
type NewToken struct {
	// ID is made with the form: a second one of the same form is refused with
	// [tandem.CodeConflict].
	ID, ApplicationURI, Name string
	Scope                    tandem.Scope
	ExpiresAt                time.Time
}

// Tokens are people's personal access tokens.
type Tokens interface {
	// OfUser are those of a person over all applications, the newest first, after the one
	// with the id.
	OfUser(ctx context.Context, userID, after string, limit int) ([]tandem.ReferenceToken, error)
	// Get finds one, whosever it is.
	Get(ctx context.Context, id string) (tandem.ReferenceToken, error)
	// Applications are those that admit tokens of the person.
	Applications(u *tandem.User) []TokenApp
	Create(ctx context.Context, by tandem.By, n NewToken) (tandem.ReferenceToken, string, error)
	Revoke(ctx context.Context, by tandem.By, id string) error
	// Live is how many of a person's are good now, and RevokeAll ends those and says how many.
	Live(ctx context.Context, userID string) (int, error)
	RevokeAll(ctx context.Context, by tandem.By, userID string) (int, error)
	// Roll makes the successor, with the id, of a token that then ends after the overlap.
	Roll(ctx context.Context, by tandem.By, id, successor string, overlap time.Duration, expiresAt time.Time) (tandem.ReferenceToken, string, error)
}

const tokenRows = 50

// lives are for how many days a token can be made.
var lives = []int{30, 90, 180, 365}

type tokenRow struct {
	tandem.ReferenceToken
	State words.Text
	Live  bool
}

type tokensPage struct {
	Tokens []tokenRow
	Apps   []TokenApp
	Lives  []int
	// Typed is the form as it was sent.
	Typed url.Values
	Pager site.Pager
}

// Asks reports whether the scope was ticked.
func (p tokensPage) Asks(scope string) bool {
	for _, s := range p.Typed["scope"] {
		if s == scope {
			return true
		}
	}
	return p.Typed == nil && scope == tandem.ScopeRead
}

// Scopes are those that any of the applications may have.
func (p tokensPage) Scopes() []string {
	var all []string
	seen := map[string]bool{}
	for _, a := range p.Apps {
		for _, s := range a.Scope {
			if !seen[s] {
				seen[s], all = true, append(all, s)
			}
		}
	}
	return all
}

func (s *Site) tokensPage(v *visit) (tokensPage, error) {
	after := tandem.Clip(v.r.URL.Query().Get("after"), 40)
	found, err := s.Tokens.OfUser(v.r.Context(), v.who.ID, after, tokenRows+1)
	d := tokensPage{Apps: s.Tokens.Applications(&v.who.User), Lives: lives}
	if len(found) > tokenRows {
		found = found[:tokenRows]
		d.Pager.Next = pathTokens + "?after=" + found[tokenRows-1].ID
	}
	if after != "" {
		d.Pager.First = pathTokens
	}
	for _, t := range found {
		row := tokenRow{ReferenceToken: t, Live: t.Live(v.now())}
		switch {
		case !t.RevokedAt.IsZero():
			row.State = words.T("revoked")
		case !row.Live:
			row.State = words.T("expired")
		default:
			row.State = words.T("active")
		}
		d.Tokens = append(d.Tokens, row)
	}
	return d, err
}

// tokens shows the person's tokens.
func (s *Site) tokens(v *visit) error {
	d, err := s.tokensPage(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "tokens", words.T("Tokens"), d)
}

// createToken makes a token. Its text is in this answer, and nowhere else.
func (s *Site) createToken(v *visit) error {
	n := NewToken{ID: v.id, ApplicationURI: v.form.Get("application"), Name: strings.TrimSpace(v.form.Get("name")), Scope: v.form["scope"]}
	days, ok := daysOf(v.form.Get("days"))
	problem := words.Text{}
	switch {
	case n.Name == "":
		problem = words.T("Say what the token is for.")
	case len(n.Scope) == 0:
		problem = words.T("Tick what the token may do.")
	case !ok:
		problem = words.T("Choose for how long the token lives.")
	default:
		n.ExpiresAt = v.now().AddDate(0, 0, days)
		problem = s.mayHave(v, &n)
	}
	if !problem.Empty() {
		return s.tokenWrong(v, problem)
	}
	made, text, err := s.Tokens.Create(v.r.Context(), v.by(), n)
	if tandem.ErrorCode(err) == tandem.CodeConflict {
		return s.tokenConflict(v, err)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "token_made", words.T("Your new token"), madeToken{made, text})
}

type madeToken struct {
	tandem.ReferenceToken
	Text string
}

// mayHave says why the person cannot have such a token.
func (s *Site) mayHave(v *visit, n *NewToken) words.Text {
	for _, a := range s.Tokens.Applications(&v.who.User) {
		if a.ApplicationURI != n.ApplicationURI {
			continue
		}
		if !n.Scope.Within(a.Scope) {
			return words.T("%s may not be given all that you have ticked.", a.Name)
		}
		return words.Text{}
	}
	return words.T("Choose an application that admits tokens of yours.")
}

func daysOf(text string) (int, bool) {
	for _, days := range lives {
		if text == strconv.Itoa(days) {
			return days, true
		}
	}
	return 0, false
}

func (s *Site) tokenWrong(v *visit, problem words.Text) error {
	d, err := s.tokensPage(v)
	if err != nil {
		return err
	}
	d.Typed = v.form
	return v.render(http.StatusBadRequest, "tokens", &site.Page{Title: words.T("Tokens"), Problem: problem, D: d, Path: pathTokens})
}

// tokenConflict tells a form that was sent twice from an account that has too many.
func (s *Site) tokenConflict(v *visit, err error) error {
	if _, there := s.Tokens.Get(v.r.Context(), v.id); there == nil {
		return &problem{http.StatusConflict, words.T("This was done already, and the token was shown once. If you have not kept it, revoke it and make another one."), ""}
	}
	return err
}

// own is a token of the person's; that of anybody else is not found.
func (s *Site) own(v *visit) (tandem.ReferenceToken, error) {
	t, err := s.Tokens.Get(v.r.Context(), v.form.Get("id"))
	if errors.Is(err, tandem.ErrNotFound) || err == nil && (t.Kind != tandem.ReferencePAT || t.UserID != v.who.ID) {
		return tandem.ReferenceToken{}, &problem{http.StatusNotFound, words.T("You have no such token."), ""}
	}
	return t, err
}

func (s *Site) revokeToken(v *visit) error {
	t, err := s.own(v)
	if err != nil {
		return err
	}
	if err := s.Tokens.Revoke(v.r.Context(), v.by(), t.ID); err != nil {
		return err
	}
	return v.done(pathTokens, words.T("The token was revoked. It is refused from now on."))
}

// overlaps are how long the old token may go on beside the new one.
var overlaps = map[string]time.Duration{"0": 0, "1h": time.Hour, "24h": 24 * time.Hour, "168h": 7 * 24 * time.Hour}

func (s *Site) rollToken(v *visit) error {
	t, err := s.own(v)
	if err != nil {
		return err
	}
	overlap, ok := overlaps[v.form.Get("overlap")]
	if !ok || !t.Live(v.now()) {
		return s.tokenWrong(v, words.T("This token has ended, or it was not said for how long it goes on. Make a new one."))
	}
	life := min(t.ExpiresAt.Sub(t.CreatedAt), 365*24*time.Hour)
	made, text, err := s.Tokens.Roll(v.r.Context(), v.by(), t.ID, v.id, overlap, v.now().Add(life))
	if tandem.ErrorCode(err) == tandem.CodeConflict {
		return s.tokenConflict(v, err)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "token_made", words.T("Your new token"), madeToken{made, text})
}

// mountTokens adds the pages of tokens.
func (s *Site) mountTokens(mux *http.ServeMux) {
	mux.Handle("GET "+pathTokens, s.page(internal, s.tokens))
	mux.Handle("POST "+pathTokens, s.deed(internal, site.Sensitive, s.createToken))
	mux.Handle("POST "+pathTokens+"/revoke", s.deed(internal, site.Change, s.revokeToken))
	mux.Handle("POST "+pathTokens+"/roll", s.deed(internal, site.Sensitive, s.rollToken))
}
