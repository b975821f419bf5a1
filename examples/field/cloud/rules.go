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
		return refused("there is no such visit any more")
	}
	if p.id == "" || v.responsible() != p.id {
		return notYours(v)
	}
	now := c.clock.Now()
	switch {
	case k.doneAt.After(now.Add(maxAhead)):
		return refused("by the clock of the device this was done in the future; set its clock right")
	case k.doneAt.Before(now.Add(-maxAge)):
		return refused("this was done more than %d days ago", int(maxAge/(24*time.Hour)))
	case v.from(stateReleased) && k.kind == wire.FileAttach && !k.doneAt.After(v.ended().Add(endSlack)):
		// it was taken at the visit, and had a longer way than what finished it
	case v.from(stateReleased):
		return refused("visit %s is %s and cannot be changed any more", v.DocumentNo, v.State)
	case v.State != stateFirm && slices.Contains(statused, k.kind):
		return refused("visit %s is not yet planned by the office (%s)", v.DocumentNo, v.State)
	}
	day, err := time.ParseInLocation(time.DateOnly, v.day(), c.zone)
	if err != nil {
		return refused("visit %s has no day", v.DocumentNo)
	}
	at := k.doneAt.In(c.zone)
	done := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, c.zone)
	if done.Before(day.AddDate(0, 0, -1)) || done.After(day.AddDate(0, 0, 1)) {
		return refused("visit %s is of %s, and can be worked on the day before it, on it and the day after", v.DocumentNo, v.day())
	}
	if k.kind == wire.MaterialAdd && v.Store == nil {
		return refused("visit %s has no store to take material from; ask the office", v.DocumentNo)
	}
	return nil
}

// notYours says whose the visit is now.
func notYours(v *visit) *refusal {
	r := problem(http.StatusConflict, wire.NotYours, "this visit is somebody else's now")
	if v.ResponsibleParty != nil {
		r.answer.Responsible = &wire.Named{ID: v.ResponsibleParty.ID, Name: v.ResponsibleParty.PartyName.In("EN")}
	}
	return r
}
