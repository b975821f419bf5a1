package worker

import (
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/worker/jobs"
)

// person is the verified evidence of who asks.
type person struct {
	client.IDToken
}

func (p *person) asker() *jobs.Asker {
	return &jobs.Asker{UserID: p.UserID, Login: p.Login, SignInID: p.SignInID, IssuedAt: p.IssuedAt}
}

// audience says whom a path is for.
type audience int

const (
	anybody  audience = iota // who has the channel key
	internal                 // employees
	external                 // portal users
)

// evidence verifies the ID token of the request, and that its person still may
// ask; nil when it has none.
func (w *Worker) evidence(r *http.Request) (*person, error) {
	sent := r.Header.Values(internalapi.HeaderEvidence)
	switch {
	case len(sent) == 0 || len(sent) == 1 && sent[0] == "":
		return nil, nil
	case len(sent) > 1 || len(sent[0]) > maxEvidence:
		return nil, tandem.Errorf(tandem.CodeUnauthorized, "the evidence must be one ID token")
	}
	t, err := w.people.Verify(r.Context(), sent[0])
	if err != nil {
		return nil, w.refusal(r, err)
	}
	w.facts.know(t)
	return &person{t}, nil
}

// refusal is what a person is told of evidence that is not accepted. Where
// nobody could be asked a new sign-in would not help, and the cause is for the
// log.
func (w *Worker) refusal(r *http.Request, err error) error {
	code := tandem.ErrorCode(err)
	if r.Context().Err() != nil || code == tandem.CodeUnauthorized {
		return tandem.Errorf(code, "%v", err)
	}
	w.log.Warn("it cannot be checked whether a person still may act", "path", r.Pattern, "error", err)
	var protocol *oauth.Error
	if errors.As(err, &protocol) && protocol.Code == oauth.InvalidClient {
		return tandem.Errorf(tandem.CodeUnavailable, "the back end is not admitted by the ERP right now (the application is disabled)")
	}
	return tandem.Errorf(tandem.CodeUnavailable, "it cannot be checked right now whether you are still signed in; try again in a moment")
}

// admit decides by the kind of account alone; unknown kinds get nothing.
func admit(who audience, p *person) error {
	switch {
	case who == anybody:
		return nil
	case p == nil:
		return tandem.Errorf(tandem.CodeUnauthorized, "the ID token of the person who asks is missing")
	case who == internal && p.UserType == tandem.InternalUser, who == external && p.UserType == tandem.ExternalCommunityUser:
		return nil
	case who == external && p.UserType == tandem.InternalUser:
		return tandem.Errorf(tandem.CodeForbidden, "the portal is for external users; employees read orders with their own token")
	}
	return tandem.Errorf(tandem.CodeForbidden, "this is for employees")
}
