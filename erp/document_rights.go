package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// What may be done with a document besides reading, changing and deleting it is
// granted on the key of its type. Where the type has no key, whoever may change the
// document may do it.

// permittedByType refuses an actor who is not granted a right on the document's
// type; cannot says what the document cannot then.
func permittedByType(c *write.Change, need permission.Right, cannot string) error {
	key, err := c.Key("DocumentType")
	if err != nil {
		return err
	}
	if key == "" {
		return c.Permitted()
	}
	return c.PermittedBy("DocumentType", need, cannot)
}

// permittedState refuses an actor who may not give the document a state: each of the
// states that are secured, and are passed on the way, needs its right.
func permittedState(c *write.Change, state int64) error {
	now := c.Get("State").Int
	passes := func(secured int64) bool { return now < secured && secured <= state }
	secured := false
	for _, s := range []struct {
		needed bool
		right  permission.Right
		cannot string
	}{
		{passes(StateReleased), permission.Release, "become Released"},
		{passes(StateReleased) && !releasedOnItsDay(c), permission.OtherDate, "become Released today"},
		{passes(StateCompleted), permission.Complete, "become Completed"},
		{now == StateCompleted && state == StateReleased, permission.Reopen, "become Released again"},
	} {
		if !s.needed {
			continue
		}
		secured = true
		if err := permittedByType(c, s.right, s.cannot); err != nil {
			return err
		}
	}
	if secured {
		return nil
	}
	return c.Permitted()
}

// releasedOnItsDay reports whether today is the day of the document.
func releasedOnItsDay(c *write.Change) bool {
	return model.DayOf(c.Get("DocumentDate")) == model.IntValue(model.Day(c.Now().UTC()).UnixMicro())
}

// reopening reports whether a completed document returns to Released. It is not
// offered where nobody can be granted the right: in types without a key.
func reopening(c *write.Change, state int64) (bool, error) {
	if c.Get("State").Int != StateCompleted || state != StateReleased {
		return false, nil
	}
	key, err := c.Key("DocumentType")
	return key != "", err
}
