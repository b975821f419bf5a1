package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// personKept is for how long it is remembered which Person an account is.
const personKept = 30 * time.Second

// person is the Person of an account; its id is empty where it has none.
type person struct {
	id   string
	name client.Text
}

func (p person) in(language string) *wire.Named {
	if p.id == "" {
		return nil
	}
	return &wire.Named{ID: p.id, Name: p.name.In(language)}
}

// persons remembers people in bounded memory.
type persons struct {
	mu    sync.Mutex
	known map[string]knownPerson
	asked singleflight.Group
}

func (p *persons) put(userID string, known knownPerson) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxPersons {
		p.known = map[string]knownPerson{}
	}
	p.known[userID] = known
}

type knownPerson struct {
	person
	until time.Time
}

const maxPersons = 10_000

func (c *Cloud) peoplePart() part {
	return part{routes: func(on routes) { on.handle("GET", "me", c.serveMe) }}
}

func (c *Cloud) serveMe(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	p, err := c.personOf(r.Context(), who.Behalf())
	if err != nil {
		return err
	}
	if err := c.store.notePerson(r.Context(), who.UserID, p.id, languageOf(r), c.clock.Now()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, wire.Me{
		ID: who.UserID, Login: who.Subject, Name: who.Name, Person: p.in(languageOf(r)), Schema: wire.Schema, Now: c.clock.Now().UTC(),
	})
	return nil
}

// errNobody is of a sign-in that does not say who it is: what is asked for it would be
// answered for the service itself.
var errNobody = problem(http.StatusForbidden, wire.Refused, wire.SignInUnclear, nil)

// personOf is which Person of the ERP an account is.
func (c *Cloud) personOf(ctx context.Context, e client.Behalf) (person, error) {
	if !e.Whole() {
		return person{}, errNobody
	}
	now := c.clock.Now()
	c.persons.mu.Lock()
	known, ok := c.persons.known[e.UserID]
	c.persons.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.person, nil
	}
	return once(ctx, &c.persons.asked, e.UserID, func(ctx context.Context) (person, error) {
		p, err := c.readPerson(ctx, e)
		if err == nil {
			err = c.store.notePerson(ctx, e.UserID, p.id, "", now)
		}
		if err == nil {
			c.persons.put(e.UserID, knownPerson{p, now.Add(personKept)})
		}
		return p, err
	})
}

func (c *Cloud) readPerson(ctx context.Context, e client.Behalf) (person, error) {
	var raw []byte
	if err := c.reads.Do(client.OnBehalfOf(ctx, e), http.MethodGet, "GetPerson()?$select=Id,PartyName", nil, &raw); err != nil {
		return person{}, err
	}
	var told struct {
		ID        string `json:"Id"`
		PartyName client.Text
	}
	if len(raw) > 0 { // nothing says that there is none
		if err := json.Unmarshal(raw, &told); err != nil {
			return person{}, err
		}
	}
	return person{told.ID, told.PartyName}, nil
}

// inOffice reports whether a caller is in the office's group or an administrator, now.
func (c *Cloud) inOffice(ctx context.Context, who *client.Caller) (bool, error) {
	groups, err := c.server.Groups(ctx, who)
	if err != nil {
		return false, err
	}
	for _, g := range groups {
		if g == c.config.Office || g == administrators {
			return true, nil
		}
	}
	return false, nil
}

// administrators is the group that all administrators are in.
const administrators = "Administrators"
