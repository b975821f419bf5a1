package platform

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// RequestExplanation is what is on record of a request.
type RequestExplanation struct {
	// ID is that of the request that is on record; Repeat is how many like it had come
	// when this one was refused, 0 for the one that is recorded.
	ID     string
	Repeat string
	Events []EventExplanation
}

// EventExplanation is one event of a request, with what decided.
type EventExplanation struct {
	tandem.AuditEvent
	Facts tandem.Facts
	// Now is how it would be decided today; nil where there was nothing to decide.
	Now *Step
	// Mend are commands that would let the account do it.
	Mend []string
}

// How long before and after the time in its id the events of a request are looked for: a
// clock may be set, and an Import takes its time.
const (
	requestBefore = 5 * time.Second
	requestAfter  = 20 * time.Minute
)

// ExplainRequest tells what is on record of the request that was answered with the id, and
// how what was refused would be decided now. Calls that were allowed are not recorded one
// by one: of them there is nothing to tell, which is [tandem.CodeNotFound].
func (a *Administration) ExplainRequest(ctx context.Context, id string) (*RequestExplanation, error) {
	x := &RequestExplanation{}
	x.ID, x.Repeat, _ = strings.Cut(strings.ToLower(strings.TrimSpace(id)), ".")
	parsed, err := uuid.Parse(x.ID)
	if err != nil || parsed.Version() != 7 {
		return nil, tandem.Errorf(tandem.CodeInvalid, "%q is no id of a request: it is what Tandem-Request-Id of an answer says", tandem.Clip(id, 60))
	}
	at := time.Unix(parsed.Time().UnixTime())
	events, err := a.Audit.List(ctx, audit.Filter{
		RequestID: x.ID, Forward: true, After: sqldb.FirstID(at.Add(-requestBefore)), Before: sqldb.FirstID(at.Add(requestAfter)),
	})
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, tandem.Errorf(tandem.CodeNotFound, "nothing is on record of the request %s of %s: calls that were allowed are not recorded one by one, "+
			"and old events are removed", x.ID, at.UTC().Format(time.DateTime))
	}
	for i := range events {
		e := EventExplanation{AuditEvent: events[i]}
		if e.Facts, err = tandem.ParseFacts(e.AuditEvent.Facts); err != nil {
			return nil, err
		}
		if err := a.explainEvent(ctx, &e); err != nil {
			return nil, err
		}
		x.Events = append(x.Events, e)
	}
	return x, a.note(ctx, "asked why the request %s was refused", x.ID)
}

// explainEvent decides once more, by what holds now.
func (a *Administration) explainEvent(ctx context.Context, e *EventExplanation) error {
	if e.Facts.Rule == "" || e.Facts.Rule == tandem.RuleKind {
		return nil
	}
	of, err := a.Permissions.Of(ctx, e.Actor)
	if err != nil {
		return err
	}
	x := &explaining{Administration: a, of: of, e: &Explanation{Login: of.User.Login, Status: 403}, facts: e.Facts}
	if err := x.prepare(ctx); err != nil {
		return err
	}
	if e.Facts.Rule == tandem.RuleScope {
		app, err := a.Apps.Get(ctx, e.ApplicationURI)
		if err != nil {
			return err
		}
		has := app.FlowScope(e.Flow).Has(e.Facts.Need)
		e.Now = &Step{What: "the scope " + e.Facts.Need + " of the application", Allowed: has}
		if has {
			e.Mend = []string{"none: the application may have it, and did not ask for it"}
		}
		return nil
	}
	s := x.again()
	e.Now = &s
	if !s.Allowed {
		x.mend()
		e.Mend = x.e.Mend
	}
	return nil
}

// again decides what the facts say was decided.
func (x *explaining) again() Step {
	f := &x.facts
	need, _, err := permission.ParseRights(f.Need, permission.All)
	if err != nil {
		return Step{What: "a right " + f.Need + " that there is no more"}
	}
	if f.Need != permission.Read.String() {
		need &^= permission.Read
	}
	what, allowed := f.Need+" "+f.Set, false
	switch f.Rule {
	case tandem.RuleAttribute:
		what, allowed = what+"."+f.Attribute, x.rights.Column(f.Set, f.Attribute)&need == need
	case tandem.RuleLimited:
		what, allowed = what+"."+f.Attribute, x.rights.MayUpdate(f.Set, f.Attribute)
	case tandem.RuleRow:
		what, allowed = f.Need+" "+f.Row+" by "+f.Guard, x.rights.Key(f.Key, need)
	case tandem.RuleType:
		what, allowed = f.Need+" "+f.Row+" by "+f.Guard, x.rights.Key(f.Key, need)
	case tandem.RuleAbility:
		need = permission.Read // an ability is granted or not
		what, allowed = "give "+f.Attribute+" of "+f.Row+" by an ability", x.rights.Can(f.Key)
	case tandem.RuleKey:
		what, allowed = "give a row of "+f.Set+" another key", x.rights.Manages() || f.Key != "" && x.rights.Key(f.Key, permission.Administer)
	default:
		allowed = x.rights.Set(f.Set, need)
	}
	s := x.keyStep(f.Key, need, allowed, "")
	s.What = what
	return s
}
