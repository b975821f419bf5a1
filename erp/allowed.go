package erp

import (
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// allowedStates is GetAllowedStates(): what the account may make of the document, so
// that a page offers that and nothing else. Each answer is that of the action itself,
// tried on a copy. What is not allowed has the type and the text of its error. Who may not
// read statuses can give none, and gets none.
func allowedStates(c *write.Change) (*write.Object, error) {
	now := c.Get("State").Int
	var states, statuses []any
	for _, m := range c.Property("State").Enum.Members {
		if m.Value <= now && (m.Value != StateReleased || now != StateCompleted) {
			continue
		}
		o := (&write.Object{}).Set("state", m.Name)
		err := allowed(o, c.Would("ChangeState", func(c *write.Change) error { return advance(c, m.Value) }))
		if err != nil {
			return nil, err
		}
		states = append(states, o)
	}
	var all userStatuses
	if tellsStatuses(c) {
		var err error
		if all, err = statusesFor(c, now); err != nil {
			return nil, err
		}
	}
	for _, status := range all {
		if status.ID == c.Get("UserStatus").Text {
			continue
		}
		o := (&write.Object{}).Set("userStatus", (&write.Object{}).Set("@odata.id", setUserStatuses+"("+status.ID+")")).
			Set("name", statusName(status)).Set("isExitStatus", isExit(status))
		err := allowed(o, c.Would("ChangeState", func(c *write.Change) error {
			if c.Get("Void").Int != 0 {
				return voidAlready(c)
			}
			return setStatus(c, status, now)
		}))
		if err != nil {
			return nil, err
		}
		statuses = append(statuses, o)
	}
	void, edit := &write.Object{}, &write.Object{}
	err := errors.Join(
		allowed(void, c.Would("MakeVoid", mayBeVoid)),
		allowed(edit, c.Would("", func(c *write.Change) error { return errors.Join(c.Permitted(), pastChanging(c)) })),
	)
	return (&write.Object{}).Set("states", orNone(states)).Set("userStatuses", orNone(statuses)).Set("void", void).Set("edit", edit), err
}

func orNone(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}

// allowed notes whether something would be refused, and why; other errors are faults.
func allowed(o *write.Object, refused error) error {
	var denied *permission.Denied
	var broken *tandem.Error
	switch {
	case refused == nil:
		o.Set("allowed", true)
	case errors.As(refused, &denied):
		o.Set("allowed", false).Set("type", "PermissionDenied").Set("reason", denied.Error())
	case errors.As(refused, &broken) && broken.Code == tandem.CodeRule:
		o.Set("allowed", false).Set("type", "RuleBroken").Set("reason", broken.Message)
	default:
		return refused
	}
	return nil
}
