package erp

import (
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// The states of a document; they only advance. Only who is granted the right to
// reopen documents of a type returns completed ones to Released.
const (
	StateNew        = 0
	StateAdjustment = 5
	StatePlanned    = 10
	StateFirm       = 20
	StateReleased   = 30
	StateCompleted  = 40
	StateClosed     = 50
)

func documentState() *model.Enum {
	return &model.Enum{Name: "General_DocumentState", Members: []model.Member{
		{Name: "New", Value: StateNew}, {Name: "Adjustment", Value: StateAdjustment}, {Name: "Planned", Value: StatePlanned},
		{Name: "FirmPlanned", Value: StateFirm},
		{Name: "Released", Value: StateReleased}, {Name: "Completed", Value: StateCompleted}, {Name: "Closed", Value: StateClosed},
	}}
}

// changeState is ChangeState {"newState":"Released"}: the state only advances. With a
// userStatus the document gets that one; with the state that it has, that alone.
// notes say why, and are kept in StateChanges.
func changeState(c *write.Change, args *write.Arguments) error {
	states := c.Property("State").Enum
	name, err := args.Text("newState")
	if err != nil {
		return err
	}
	notes, err := args.Text("notes")
	if err != nil {
		return err
	}
	status, err := c.Referred(args, "userStatus", "UserStatus")
	if err != nil {
		return err
	}
	state, ok := states.Member(name)
	if !ok {
		return tandem.Errorf(tandem.CodeInvalid, "%s: ChangeState needs newState, one of %s.", c.Record.Set.Name, states.Names())
	}
	if notes != "" {
		kept := c.Record.Set.Child("StateChanges").Set.Must("Notes")
		if err := errors.Join(c.PermittedTo(kept), kept.CheckLength(c.Record.Set, notes)); err != nil {
			return err
		}
	}
	if status == nil || state != c.Get("State").Int {
		if err := advance(c, state); err != nil {
			return err
		}
	} else if c.Get("Void").Int != 0 {
		return voidAlready(c)
	}
	if status != nil {
		if err := setStatus(c, status, state); err != nil {
			return err
		}
	}
	if c.Touched("State") || c.Touched("UserStatus") || notes != "" {
		noteState(c, notes, false)
	}
	return nil
}

func voidAlready(c *write.Change) error {
	if !c.Tells("Void") {
		return c.Fail("the state of %s cannot change any more.", called(c))
	}
	return c.Fail("%s is void; its state cannot change.", called(c))
}

// complete is Complete {"completion":"OnlyDocument"}.
func complete(c *write.Change, args *write.Arguments) error {
	if err := args.Only("completion", "complete the documents that follow from this one by themselves", "OnlyDocument"); err != nil {
		return err
	}
	if err := advance(c, StateCompleted); err != nil {
		return err
	}
	noteState(c, "", false)
	return nil
}

// advance moves the document forward, or a completed one back to Released, and
// notes when it was released and completed.
func advance(c *write.Change, state int64) error {
	if err := c.PermittedTo(c.Property("State")); err != nil {
		return err
	}
	if err := permittedState(c, state); err != nil {
		return err
	}
	if c.Get("Void").Int != 0 {
		return voidAlready(c)
	}
	now, at := c.Get("State").Int, model.IntValue(c.Now().UnixMicro())
	reopens, err := reopening(c, state)
	switch {
	case err != nil:
		return err
	case reopens:
		c.Put("CompleteTime", model.NullValue)
	case state <= now:
		states := c.Property("State").Enum
		return c.Fail("%s is %s; a state only advances, so it cannot become %s.",
			called(c), states.MemberName(now), states.MemberName(state))
	}
	if err := leaves(c, state); err != nil {
		return err
	}
	if now < StateReleased && state >= StateReleased {
		if err := fourEyes(c, "released"); err != nil {
			return err
		}
		c.Put("ReleaseTime", at)
		c.Put("ReadOnly", model.BoolValue(true))
	}
	if now < StateCompleted && state >= StateCompleted {
		c.Put("CompleteTime", at)
	}
	c.Put("State", model.IntValue(state))
	return giveStatus(c, state, false)
}

// makeVoid is MakeVoid {"reason":"…","voidType":"VoidDocument"}.
func makeVoid(c *write.Change, args *write.Arguments) error {
	if err := args.Only("voidType", "void the documents that follow from this one by themselves, before it", "VoidDocument"); err != nil {
		return err
	}
	if err := keepParentState(c, args); err != nil {
		return err
	}
	if err := mayBeVoid(c); err != nil {
		return err
	}
	reason, err := args.Text("reason")
	if err != nil {
		return err
	}
	if reason == "" {
		return tandem.Errorf(tandem.CodeInvalid, "%s: MakeVoid needs a reason.", c.Record.Set.Name)
	}
	if err := c.PermittedTo(c.Property("VoidReason")); err != nil {
		return err
	}
	if err := c.Property("VoidReason").CheckLength(c.Record.Set, reason); err != nil {
		return err
	}
	c.Put("Void", model.BoolValue(true))
	c.Put("VoidReason", model.TextValue(reason))
	c.Put("VoidTime", model.IntValue(c.Now().UnixMicro()))
	c.Put("ReadOnly", model.BoolValue(true))
	noteState(c, reason, false)
	return nil
}

func mayBeVoid(c *write.Change) error {
	if err := c.PermittedTo(c.Property("Void")); err != nil {
		return err
	}
	if err := permittedByType(c, permission.MakeVoid, "become void"); err != nil {
		return err
	}
	if c.Get("Void").Int != 0 {
		return c.Fail("%s is void already.", called(c))
	}
	return nil
}

// keepParentState refuses a resetParentState that would mean something: a state
// only advances, and that of a document that this one follows from stays.
func keepParentState(c *write.Change, args *write.Arguments) error {
	reset, err := args.Bool("resetParentState")
	if err != nil || !reset || !c.Has("Parent") {
		return err
	}
	return args.Without("resetParentState", "the state of the document that this one follows from stays as it is: send false")
}
