package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/worker/jobs"
)

// person is the verified evidence of who asks, and the groups that they are in now.
type person struct {
	client.IDToken
	groups []string
}

func (p *person) in(group string) bool { return slices.Contains(p.groups, group) }

// evidence is who it was, for the record of an approval. The token is not in it.
func (p *person) evidence() string {
	text, err := json.Marshal(jobs.Asker{UserID: p.UserID, Login: p.Login, SignInID: p.SignInID, IssuedAt: p.IssuedAt})
	if err != nil {
		return ""
	}
	return string(text)
}

// maxEvidence is the longest ID token, in bytes.
const maxEvidence = 16 << 10

// personOf verifies the evidence of a request: an ID token whose sign-in lives, of an
// employee.
func (a *Agent) personOf(r *http.Request) (*person, error) {
	sent := r.Header.Values(internalapi.HeaderEvidence)
	if len(sent) != 1 || sent[0] == "" || len(sent[0]) > maxEvidence {
		return nil, tandem.Errorf(tandem.CodeUnauthorized, "the evidence must be one ID token of the person who asks")
	}
	t, err := a.people.Verify(r.Context(), sent[0])
	if err != nil {
		return nil, a.refusal(r, err)
	}
	if t.UserType != tandem.InternalUser {
		return nil, tandem.Errorf(tandem.CodeForbidden, "this is for employees")
	}
	groups, err := a.people.Groups(r.Context(), t)
	if err != nil {
		return nil, a.refusal(r, err)
	}
	return &person{t, groups}, nil
}

// refusal is what a person is told whose evidence is not accepted. Where nobody could
// be asked, a new sign-in would not help.
func (a *Agent) refusal(r *http.Request, err error) error {
	if r.Context().Err() != nil || tandem.ErrorCode(err) == tandem.CodeUnauthorized {
		return tandem.Errorf(tandem.ErrorCode(err), "%v", err)
	}
	a.log.Warn("it cannot be checked whether a person still may act", "path", r.Pattern, "error", err)
	var protocol *oauth.Error
	if errors.As(err, &protocol) && protocol.Code == oauth.InvalidClient {
		return tandem.Errorf(tandem.CodeUnavailable, "the agent is not admitted by the ERP right now (the application is disabled)")
	}
	return tandem.Errorf(tandem.CodeUnavailable, "it cannot be checked right now whether you are still signed in; try again in a moment")
}

// edits reports whether somebody may edit mappings and connectors, and hand in files.
func (a *Agent) edits(p *person) bool { return p.Admin || p.in(a.config.Editors) }

func (a *Agent) mustEdit(p *person) error {
	if a.edits(p) {
		return nil
	}
	return tandem.Errorf(tandem.CodeForbidden, "only members of the group %s and administrators may do this", a.config.Editors)
}

// manages refuses who may not pause, resume, cancel or take back a batch.
func (a *Agent) manages(ctx context.Context, p *person, b *batch) error {
	approvers, err := a.approvers(ctx, b)
	if err != nil || a.edits(p) || p.in(approvers) {
		return err
	}
	return tandem.Errorf(tandem.CodeForbidden, "only members of the groups %s and %s, and administrators, may do this", approvers,
		a.config.Editors)
}

// approvers is the group that decides about a batch, by the newest version of its
// mapping; none where no mapping is for it.
func (a *Agent) approvers(ctx context.Context, b *batch) (string, error) {
	if b.mapping == "" {
		return "", nil
	}
	m, err := a.store.mapping(ctx, b.mapping, 0)
	if err != nil {
		return "", err
	}
	rules, err := parseRules([]byte(m.content))
	if err != nil {
		return "", err
	}
	return rules.Approvers, nil
}
