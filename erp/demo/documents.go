package demo

import (
	"time"

	"github.com/hybridapps/tandem/erp"
)

// life is what happened to a document.
type life struct {
	state                        int64
	created, released, completed time.Time // zero: not yet
	updated                      time.Time
	version                      int64
	void                         string // the reason; empty: it is not void
}

// live gives an order of the day the life that orders of its age have.
func (m *maker) live(date time.Time) life {
	created := date.Add(7*time.Hour + time.Duration(m.rand.IntN(9*3600))*time.Second)
	if created.After(m.o.Now) { // today
		created = date.Add(time.Duration(m.rand.Float64() * float64(m.o.Now.Sub(date)))).Truncate(time.Second)
	}
	l := life{created: created, updated: created, version: 1}
	l.advance(m, stateAt(int(m.today.Sub(date).Hours()/24), m.rand.Float64()))
	if m.chance(.015) {
		l.void = pick(m, []string{"Entered twice", "Ordered by mistake", "The customer withdrew", "Not available from the maker"})
		l.updated = m.atMost(l.updated.Add(time.Hour))
		l.version++
	}
	return l
}

// stateAt is the state of an order that is so many days old; u in [0, 1).
func stateAt(age int, u float64) int64 {
	type share struct {
		until float64
		state int64
	}
	shares := []share{{.4, erp.StateNew}, {.5, erp.StateAdjustment}, {.9, erp.StatePlanned}, {1, erp.StateFirm}}
	switch {
	case age > 60:
		shares = []share{{.97, erp.StateClosed}, {1, erp.StateCompleted}}
	case age > 25:
		shares = []share{{.4, erp.StateClosed}, {.97, erp.StateCompleted}, {1, erp.StateReleased}}
	case age > 10:
		shares = []share{{.6, erp.StateCompleted}, {1, erp.StateReleased}}
	case age > 4:
		shares = []share{{.7, erp.StateReleased}, {.85, erp.StateFirm}, {1, erp.StatePlanned}}
	case age > 1:
		shares = []share{{.3, erp.StateReleased}, {.6, erp.StateFirm}, {.85, erp.StatePlanned}, {1, erp.StateNew}}
	}
	for _, s := range shares {
		if u < s.until {
			return s.state
		}
	}
	return shares[len(shares)-1].state
}

// advance takes a document to a state, one write for each step.
func (l *life) advance(m *maker, state int64) {
	later := func(hours int) {
		l.updated = m.atMost(l.updated.Add(time.Duration(1+m.rand.IntN(hours*60)) * time.Minute))
		l.version++
	}
	l.state = state
	if state > erp.StateNew {
		later(8)
	}
	if state >= erp.StateReleased {
		later(36)
		l.released = l.updated
	}
	if state >= erp.StateCompleted {
		later(7 * 24)
		l.completed = l.updated
	}
	if state >= erp.StateClosed {
		later(15 * 24)
	}
}

// document fills what orders and invoices have in common.
func (m *maker) document(r row, l life, c *customer, date time.Time, total int64) {
	our, clerk := c.company, m.clerk()
	r.time("DocumentDate", date).time("ReferenceDate", date).text("EntityName", r.Set.Name).
		int("State", l.state).bool("Void", l.void != "").bool("ReadOnly", l.void != "" || l.state >= erp.StateReleased).
		time("CreationTime", l.created).text("CreationUser", clerk).text("LinesUpdateUser", clerk).
		int("TotalLineAmount", total).int("AmountToPay", total).
		ref("EnterpriseCompany", our.own.Record).ref("EnterpriseCompanyLocation", our.location.Record).
		ref("FromParty", our.party.Record).ref("ToParty", c.party.Record).ref("MasterDocument", r.Record).
		ref("ResponsiblePerson", pick(m, our.people).Record).ref("Customer", c.Record).ref("DocumentCurrency", c.currency.Record)
	if !l.released.IsZero() {
		r.time("ReleaseTime", l.released)
	}
	if !l.completed.IsZero() {
		r.time("CompleteTime", l.completed)
	}
	if l.void != "" {
		r.text("VoidReason", l.void).time("VoidTime", l.updated)
	}
}

// clerk is the login of one who enters things.
func (m *maker) clerk() string {
	if len(m.o.Staff) == 0 {
		return m.o.By.Login
	}
	return pick(m, m.o.Staff).Login
}
