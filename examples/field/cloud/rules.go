package cloud

import (
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem/examples/field/wire"
)

// The business rule: whose visit may be changed, when, and how far it may have come. An
// app of your own puts its rule here. The ERP has rules of its own, which nothing avoids.

// statused are the types that change the user status, which planned visits have.
var statused = []string{wire.Start, wire.Finish, wire.Reopen}

// mayChange refuses what the person may not do with the visit as it is; nil where they may.
func (c *Cloud) mayChange(k *command, v *visit, p person) *refusal {
	if v == nil || v.Void {
		return refused(wire.VisitGone, nil)
	}
	if p.id == "" || v.responsible() != p.id {
		return notYours(v, k.language)
	}
	now := c.clock.Now()
	switch {
	case k.doneAt.After(now.Add(maxAhead)):
		return refused(wire.ClockAhead, nil)
	case k.doneAt.Before(now.Add(-maxAge)):
		return refused(wire.TooOld, wire.Args{"days": int(maxAge / (24 * time.Hour))})
	case v.from(stateReleased) && k.kind == wire.FileAttach && !k.doneAt.After(v.ended().Add(endSlack)):
		// it was taken at the visit, and had a longer way than what finished it
	case v.from(stateReleased):
		return refused(wire.VisitClosed, wire.Args{"visit": v.DocumentNo, "state": v.State})
	case v.State != stateFirm && slices.Contains(statused, k.kind):
		return refused(wire.VisitNotPlanned, wire.Args{"visit": v.DocumentNo, "state": v.State})
	}
	if no := c.onItsDay(k, v); no != nil {
		return no
	}
	if k.kind == wire.MaterialAdd && v.Store == nil {
		return refused(wire.VisitWithoutStore, wire.Args{"visit": v.DocumentNo})
	}
	return nil
}

// onItsDay refuses what was not done on a day of the visit, nor the day before or after one.
// What was begun in that time can be ended in it: to begin does not take the planned day away.
func (c *Cloud) onItsDay(k *command, v *visit) *refusal {
	days := v.days(c.zone)
	slices.Sort(days)
	done := midnight(k.doneAt, 0, c.zone)
	var nearest string
	for _, of := range days {
		day, err := time.ParseInLocation(time.DateOnly, of, c.zone)
		if err != nil {
			return refused(wire.VisitWithoutDay, wire.Args{"visit": v.DocumentNo})
		}
		if !done.Before(day.AddDate(0, 0, -1)) && !done.After(day.AddDate(0, 0, 1)) {
			return nil
		}
		if nearest == "" || done.After(day) {
			nearest = of
		}
	}
	return refused(wire.WrongDay, wire.Args{"visit": v.DocumentNo, "day": nearest})
}

// notYours says whose the visit is now.
func notYours(v *visit, language string) *refusal {
	r := problem(http.StatusConflict, wire.NotYours, wire.VisitOfAnother, nil)
	if v.ResponsibleParty != nil {
		r.answer.Responsible = &wire.Named{ID: v.ResponsibleParty.ID, Name: v.ResponsibleParty.PartyName.In(language)}
	}
	return r
}
