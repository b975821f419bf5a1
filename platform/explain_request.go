package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Means says what the rule is, Finding which rule of the audit looks after it. Both
	// are empty where no rule decided.
	Means, Finding string
	// Credential says which of the application's matched; empty for none.
	Credential string
	// Why says more, where more is on record.
	Why string
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

// ExplainRequest tells what is on record of the request that was answered with the id, or
// of the event with the id, and how what was refused would be decided now. Calls that were
// allowed are not recorded one by one: of them there is nothing to tell, which is
// [tandem.CodeNotFound].
func (a *Administration) ExplainRequest(ctx context.Context, id string) (*RequestExplanation, error) {
	x := &RequestExplanation{}
	x.ID, x.Repeat, _ = strings.Cut(strings.ToLower(strings.TrimSpace(id)), ".")
	parsed, err := uuid.Parse(x.ID)
	if err != nil || parsed.Version() != 7 || len(x.ID) != 36 {
		return nil, tandem.Errorf(tandem.CodeInvalid, "%q is no id of a request or an event: it is what %s of an answer says, or a page as its reference, "+
			"or tandem record list -o json as id", tandem.Clip(id, 60), tandem.RequestIDHeader)
	}
	events, at, err := a.eventsOf(ctx, parsed)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, tandem.Errorf(tandem.CodeNotFound, "nothing is on record of the request %s of %s: calls that were allowed are not recorded one by one, "+
			"and old events are removed", x.ID, at.UTC().Format(time.DateTime))
	}
	for i := range events {
		e, err := a.explained(ctx, events[i])
		if err != nil {
			return nil, err
		}
		x.Events = append(x.Events, *e)
	}
	return x, a.note(ctx, a.config.By, tandem.Facts{}, "asked about the request "+x.ID)
}

// eventsOf are the events of a request, or the event itself, with the time in the id.
func (a *Administration) eventsOf(ctx context.Context, id uuid.UUID) ([]tandem.AuditEvent, time.Time, error) {
	at := time.Unix(id.Time().UnixTime())
	from, until := sqldb.FirstID(at.Add(-requestBefore)), sqldb.FirstID(at.Add(requestAfter))
	events, err := a.Audit.List(ctx, audit.Filter{RequestID: id.String(), Forward: true, After: from, Before: until})
	if err == nil && len(events) == 0 {
		events, err = a.Audit.List(ctx, audit.Filter{ID: id.String(), Limit: 1})
	}
	return events, at, err
}

// explained reads the facts of an event, and says what they mean.
func (a *Administration) explained(ctx context.Context, event tandem.AuditEvent) (e *EventExplanation, err error) {
	e = &EventExplanation{AuditEvent: event}
	if e.Facts, err = tandem.ParseFacts(event.Facts); err != nil {
		return nil, err
	}
	if e.Credential, err = a.credentialWords(ctx, event.ApplicationURI, e.Facts.Credential); err != nil {
		return nil, err
	}
	meaning, known := e.Facts.Rule.Meaning()
	if known {
		e.Means, e.Finding = meaning.Means, meaning.Finding
		e.Mend = a.mended(e.Facts.Rule, event, e.Facts)
	}
	return e, a.explainEvent(ctx, e)
}

// mended is what to do where the rule decides about the event: a command with the names
// in it, or words. The names are a stranger's who was refused: each is quoted, as the
// command is made to be pasted.
func (a *Administration) mended(rule tandem.Rule, e tandem.AuditEvent, f tandem.Facts) []string {
	meaning, known := rule.Meaning()
	if !known || meaning.Mend == "" {
		return nil
	}
	names := map[string]string{"ID": e.ApplicationURI, "LOGIN": e.Actor, "FLOW": string(e.Flow), "SCOPE": union(f.Limit, f.Asked)}
	words := strings.Split(meaning.Mend, " ")
	for i, word := range words {
		if name := names[word]; name != "" {
			words[i] = permission.Quoted(name)
		}
	}
	return []string{strings.Join(words, " ")}
}

// union is what is in either scope and an application can be configured to have.
func union(limit, asked string) string {
	all := tandem.ParseScope(limit + " " + asked)
	return slices.DeleteFunc(all, tandem.IsProtocolScope).String()
}

// credentialWords say which credential an id is of.
func (a *Administration) credentialWords(ctx context.Context, application, id string) (string, error) {
	switch {
	case id == "":
		return "", nil
	case id == tandem.ClassicCredential:
		return "the classic secret, which is good for both flows", nil
	}
	app, err := a.Apps.Get(ctx, application)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return "", err
	}
	for i := range app.Credentials {
		if c := &app.Credentials[i]; c.ID == id {
			words := fmt.Sprintf("%s (%s, %s flow)", id, c.Kind, c.Flow)
			if c.Name != "" {
				words = fmt.Sprintf("%s %q (%s, %s flow)", id, c.Name, c.Kind, c.Flow)
			}
			if c.Revoked() {
				words += ", revoked " + c.RevokedAt.UTC().Format(time.DateTime)
			}
			return words, nil
		}
	}
	return id + ", which is no more", nil
}

// explainEvent decides once more, by what holds now.
func (a *Administration) explainEvent(ctx context.Context, e *EventExplanation) error {
	if e.Facts.Rule == tandem.RuleScope {
		return a.explainScope(ctx, e)
	}
	if !strings.HasPrefix(string(e.Facts.Rule), rightRules) {
		return nil
	}
	of, err := a.Permissions.Of(ctx, e.Actor)
	if errors.Is(err, tandem.ErrNotFound) { // gone since
		return nil
	}
	if err != nil {
		return err
	}
	x := &explaining{Administration: a, of: of, e: &Explanation{Login: of.User.Login, Status: 403}, facts: e.Facts}
	if err := x.prepare(ctx); err != nil {
		return err
	}
	s, err := x.again(ctx)
	if err != nil {
		return err
	}
	e.Now, e.Mend = &s, nil
	if !s.Allowed {
		err = x.mend(ctx)
		e.Mend = x.e.Mend
	}
	return err
}

// rightRules is what the names of rules about rights begin with.
const rightRules = "right."

// tokenLife is how long before its use a token can have been issued.
const tokenLife = 25 * time.Hour

// explainScope says whether the application may have the scope that was missing, and what
// was asked for when the token was issued.
func (a *Administration) explainScope(ctx context.Context, e *EventExplanation) error {
	app, err := a.Apps.Get(ctx, e.ApplicationURI)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	has := app.FlowScope(e.Flow).Has(e.Facts.Need)
	e.Now = &Step{What: "the scope " + e.Facts.Need + " of the application", Allowed: has}
	if has {
		e.Mend = []string{"none: the application may have it, and did not ask for it"}
	}
	issued, err := a.Audit.List(ctx, audit.Filter{
		Kind: tandem.AuditTokenIssued, TokenID: e.TokenID, Limit: 1, Before: e.ID, After: sqldb.FirstID(e.At.Add(-tokenLife)),
	})
	if err != nil || len(issued) == 0 || e.TokenID == "" {
		return err
	}
	f, err := tandem.ParseFacts(issued[0].Facts)
	asked := f.Asked
	if asked == "" {
		asked = "nothing, which is all that the flow may have"
	}
	e.Why = fmt.Sprintf("when the token was issued, %s was asked for, %s given, and %s could have been", asked, f.Scope, cmp.Or(f.Limit, "nothing"))
	return err
}

// again decides what the facts say was decided.
func (x *explaining) again(ctx context.Context) (Step, error) {
	f := &x.facts
	need, _, err := permission.ParseRights(f.Need, permission.All)
	if err != nil {
		return Step{What: "a right " + f.Need + " that there is no more"}, nil //nolint:nilerr // it says so
	}
	attribute := ""
	if f.Need != permission.Read.String() {
		need &^= permission.Read
	}
	what, allowed := f.Need+" "+f.Set, false
	switch f.Rule {
	case tandem.RuleAttribute:
		what, allowed = what+"."+f.Attribute, x.rights.Column(f.Set, f.Attribute)&need == need
	case tandem.RuleLimited:
		what, allowed, attribute = what+"."+f.Attribute, x.rights.MayUpdate(f.Set, f.Attribute), f.Attribute
	case tandem.RuleRow:
		what, allowed = f.Need+" "+f.Row+" by "+f.Guard, x.rights.Key(f.Key, need)
		if f.Key == "" { // it is another account's own, or hangs on another row
			allowed, err = x.rowAllows(ctx, f.Row, need)
		}
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
	s := x.keyStep(f.Key, need, attribute, allowed, "")
	s.What = what
	return s, err
}
