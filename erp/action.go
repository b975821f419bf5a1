package erp

import "fmt"

// Do runs a bound action of a document.
//
//	ChangeState {"newState":"Released"}   the state only advances
//	Complete    {"completion":"OnlyDocument"}
//	MakeVoid    {"reason":"…","voidType":"VoidDocument"}
func (w *Writer) Do(e Entity, action string, args *Object) error {
	if !e.Set.Document {
		return invalid("%s has no action %q.", e.Set.Name, clip(action))
	}
	c, err := w.open(e)
	if err != nil {
		return err
	}
	c.forced = true // an action may change what a PATCH may not
	switch action {
	case "ChangeState":
		err = c.changeState(args)
	case "Complete":
		if err = allowArguments(e.Set, action, args, "completion"); err == nil {
			err = c.advance(StateCompleted)
		}
	case "MakeVoid":
		err = c.makeVoid(args)
	default:
		err = invalid("%s has no action %q; it has ChangeState, Complete and MakeVoid.", e.Set.Name, clip(action))
	}
	if err != nil {
		return err
	}
	_, err = c.write()
	return err
}

func allowArguments(s *Set, action string, args *Object, names ...string) error {
next:
	for _, m := range args.Members {
		for _, name := range names {
			if m.Name == name {
				continue next
			}
		}
		return invalid("%s: %s has no parameter %q.", s.Name, action, clip(m.Name))
	}
	return nil
}

func (c *Change) changeState(args *Object) error {
	s := c.Record.Set
	if err := allowArguments(s, "ChangeState", args, "newState", "userStatus"); err != nil {
		return err
	}
	v, _ := args.Get("newState")
	name, _ := v.(string)
	state, ok := c.at("State").Enum.Member(name)
	if !ok {
		return invalid("%s: ChangeState needs newState, one of %s.", s.Name, c.at("State").Enum.names())
	}
	return c.advance(state)
}

// advance moves the document forward and notes when it was released and
// completed.
func (c *Change) advance(state int64) error {
	if c.Get("Void").Int != 0 {
		return c.fail("document " + c.Get("DocumentNo").Text + " is void; its state cannot change.")
	}
	now := c.Get("State").Int
	if state <= now {
		e := c.at("State").Enum
		return c.fail(fmt.Sprintf("document %s is %s; a state only advances, so it cannot become %s.", c.Get("DocumentNo").Text, e.MemberName(now), e.MemberName(state)))
	}
	at := IntValue(c.Now().UnixMicro())
	c.Put("State", IntValue(state))
	if now < StateReleased && state >= StateReleased {
		c.Put("ReleaseTime", at)
		c.Put("ReadOnly", BoolValue(true))
	}
	if now < StateCompleted && state >= StateCompleted {
		c.Put("CompleteTime", at)
	}
	return nil
}

func (c *Change) makeVoid(args *Object) error {
	s := c.Record.Set
	if err := allowArguments(s, "MakeVoid", args, "reason", "voidType", "resetParentState"); err != nil {
		return err
	}
	if c.Get("Void").Int != 0 {
		return c.fail("document " + c.Get("DocumentNo").Text + " is void already.")
	}
	v, _ := args.Get("reason")
	reason, ok := v.(string)
	if !ok || reason == "" {
		return invalid("%s: MakeVoid needs a reason.", s.Name)
	}
	if err := c.at("VoidReason").checkLength(s, reason); err != nil {
		return err
	}
	c.Put("Void", BoolValue(true))
	c.Put("VoidReason", TextValue(reason))
	c.Put("VoidTime", IntValue(c.Now().UnixMicro()))
	c.Put("ReadOnly", BoolValue(true))
	return nil
}
