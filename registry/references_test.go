package registry_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/registry"
)

type noSessions struct{}

func (noSessions) CloseByKey(context.Context, string, tandem.EndReason) error { return nil }

// tokens administers the reference tokens of the portal, which admits them.
func (w *world) tokens() *registry.ReferenceTokens {
	w.Helper()
	_, err := w.apps.Update(w.Context(), by, portal, func(a *tandem.TrustedApp) error {
		a.AccessTokens = tandem.AccessTokensAuthenticatedUsers
		return nil
	})
	w.must(err)
	w.refresh()
	return &registry.ReferenceTokens{
		Store: data.NewReferences(w.db), Apps: data.NewApplications(w.db), Accounts: w.users, Sessions: noSessions{}, Audit: w.record, Clock: w.clock.Now,
	}
}

func (w *world) pat(a *registry.ReferenceTokens) (id, text string) {
	w.Helper()
	t, text, err := a.Create(w.Context(), by, registry.NewReference{
		Kind: tandem.ReferencePAT, Login: "anna", ApplicationURI: portal, Scope: tandem.Scope{"read"}, ExpiresAt: w.clock.Now().Add(time.Hour),
	})
	w.must(err)
	return t.ID, text
}

// What is offered for a token of a person's own is what one can be made of: no scope of a
// resource, and no application that has nothing else.
func TestWhatIsOfferedCanBeMade(t *testing.T) {
	each(t, func(w *world) {
		a := w.tokens()
		_, _, err := w.apps.Create(w.Context(), by, tandem.TrustedApp{
			ApplicationURI: "com.example/cloud", Enabled: true, ClientType: tandem.ClientConfidential, SystemUserAllowed: true, SystemUserID: w.svc.ID,
			Scope: tandem.Scope{"read"}, Resource: "https://cloud.example/api", ResourceScopes: tandem.Scope{"visits"}, AcceptsFrom: []string{portal},
		})
		w.must(err)
		for scope, offered := range map[string]string{"read visits": "read", "visits": "", "read update": "read update"} {
			_, err := w.apps.Update(w.Context(), by, portal, func(a *tandem.TrustedApp) error { a.Scope = tandem.ParseScope(scope); return nil })
			w.must(err)
			w.refresh()
			got := ""
			for _, app := range w.live.AdmitTokens(&w.anna) {
				got = app.ReferenceScope(tandem.ReferencePAT).String()
				_, _, err := a.Create(w.Context(), by, registry.NewReference{
					Kind: tandem.ReferencePAT, Login: "anna", ApplicationURI: app.ApplicationURI, Scope: app.ReferenceScope(tandem.ReferencePAT), ExpiresAt: w.clock.Now().Add(time.Hour),
				})
				if err != nil {
					t.Errorf("%q: %v", scope, err)
				}
			}
			if got != offered {
				t.Errorf("%q: offered is %q", scope, got)
			}
		}
	})
}

// slowReferences lets a reader that has its answer wait before it is told.
type slowReferences struct {
	registry.References
	read, goOn chan struct{}
}

func (s *slowReferences) ReferenceByHash(ctx context.Context, hash [sha256.Size]byte) (tandem.ReferenceToken, error) {
	t, err := s.References.ReferenceByHash(ctx, hash)
	if s.read != nil {
		s.read <- struct{}{}
		<-s.goOn
	}
	return t, err
}

// A reader who read a token before it was revoked does not bring it back after everybody
// has heard of the revocation.
func TestA12_AReferenceTokenIsNeverRevivedByAReader(t *testing.T) {
	each(t, func(w *world) {
		a := w.tokens()
		id, text := w.pat(a)
		slow := &slowReferences{References: w.live.References, read: make(chan struct{}), goOn: make(chan struct{})}
		w.live.References = slow
		read := make(chan error)
		go func() {
			_, err := w.live.Reference(w.Context(), text)
			read <- err
		}()
		<-slow.read
		w.must(a.Revoke(w.Context(), by, id))
		w.refresh()
		close(slow.goOn)
		w.must(<-read)
		slow.read = nil
		p, err := w.live.Reference(w.Context(), text)
		if err == nil {
			err = w.live.Check(w.Context(), p)
		}
		if tandem.ErrorCode(err) != tandem.CodeUnauthorized || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("the revoked token: %v", err)
		}
	})
}

// Callers, and one who revokes, at the same time: from the refresh after the revocation on
// no call passes.
func TestReferenceTokensUnderLoad(t *testing.T) {
	each(t, func(w *world) {
		a := w.tokens()
		for range 3 {
			id, text := w.pat(a)
			w.refresh()
			check := func() error {
				p, err := w.live.Reference(w.Context(), text)
				if err != nil {
					return err
				}
				return w.live.Check(w.Context(), p)
			}
			w.must(check())
			stop, all := make(chan struct{}), sync.WaitGroup{}
			for range 8 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if err := check(); err != nil && tandem.ErrorCode(err) != tandem.CodeUnauthorized {
							t.Error(err)
							return
						}
					}
				})
			}
			w.must(a.Revoke(w.Context(), by, id))
			w.refresh()
			if err := check(); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
				t.Errorf("revoked, and %v", err)
			}
			close(stop)
			all.Wait()
		}
	})
}

// silent is a database that does not answer for tokens, but for changes.
type silent struct{ registry.References }

func (silent) ReferenceByHash(ctx context.Context, _ [sha256.Size]byte) (tandem.ReferenceToken, error) {
	<-ctx.Done()
	return tandem.ReferenceToken{}, ctx.Err()
}

// Strangers who invent tokens while the database is slow do not all wait there: every call
// has an answer in time, and those that were seen before go on.
func TestInventedReferenceTokensDoNotPileUp(t *testing.T) {
	each(t, func(w *world) {
		_, text := w.pat(w.tokens())
		if _, err := w.live.Reference(w.Context(), text); err != nil {
			t.Fatal(err)
		}
		w.live.References = silent{w.live.References}
		ctx, cancel := context.WithTimeout(w.Context(), 300*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, err := w.live.Reference(ctx, fmt.Sprintf("%s%064X", tandem.ReferencePrefix, i))
				if code := tandem.ErrorCode(err); code != tandem.CodeUnavailable && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		if _, err := w.live.Reference(w.Context(), text); err != nil {
			t.Errorf("a token that was seen: %v", err)
		}
		all.Wait()
	})
}

// FuzzReferenceToken: nothing that is not of the form is looked up, whatever it is.
func FuzzReferenceToken(f *testing.F) {
	for _, text := range []string{"", tandem.ReferencePrefix, tandem.ReferencePrefix + strings.Repeat("A", 64), tandem.ReferencePrefix + strings.Repeat("g", 64), "ENRT_" + strings.Repeat("0", 64)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rest, ok := strings.CutPrefix(text, "enrt_")
		want := ok && len(rest) == 64 && strings.Trim(rest, "0123456789ABCDEF") == ""
		if tandem.IsReferenceToken(text) != want {
			t.Errorf("%q is taken for %t", text, !want)
		}
	})
}
