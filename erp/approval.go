package erp

import (
	"cmp"
	"slices"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// Approval is data of the document type. Where a type has exit statuses for a state,
// its documents leave that state only from one of them. Below the type's limits a
// document gets the first exit status by itself, else the first that is none, which
// is left by who is granted the right to approve. It happens where documents are
// written, so that no door avoids it.

// userStatuses are the active statuses of a type for a state, in their order.
type userStatuses []*model.Record

// statusesFor are those of the document's type.
func statusesFor(c *write.Change, state int64) (userStatuses, error) {
	documentType, err := c.Ref("DocumentType")
	if err != nil || documentType == nil {
		return nil, err
	}
	all, err := c.Parts(documentType, "UserStatuses")
	if err != nil {
		return nil, err
	}
	var active userStatuses
	for _, s := range all {
		if get(s, "Active").Int != 0 && get(s, "State").Int == state {
			active = append(active, s)
		}
	}
	slices.SortFunc(active, func(a, b *model.Record) int {
		return cmp.Or(cmp.Compare(get(a, "DisplayOrder").Int, get(b, "DisplayOrder").Int), cmp.Compare(a.ID, b.ID))
	})
	return active, nil
}

func get(r *model.Record, property string) model.Value { return r.Get(r.Set.Must(property)) }

func isExit(status *model.Record) bool { return get(status, "IsExitStatus").Int != 0 }

// first is the first status that is an exit, or is none; nil when there is no such.
func (s userStatuses) first(exit bool) *model.Record {
	if i := slices.IndexFunc(s, func(r *model.Record) bool { return isExit(r) == exit }); i >= 0 {
		return s[i]
	}
	return nil
}

// approves reports whether documents of the type need approval, rather than that
// their statuses tell how far somebody is.
func approves(documentType *model.Record) bool {
	return get(documentType, "FourEyes").Int != 0 ||
		!get(documentType, "ApprovalLimit").Null || !get(documentType, "ApprovalDiscountLimit").Null
}

// aside are what a document says of itself and not of what is agreed in it.
var aside = []string{"AccessKey", "AssignedToUser"}

// rewritten reports whether a document says anything else than before.
func rewritten(c *write.Change) bool {
	return c.New || c.PartsChanged() || slices.ContainsFunc(c.Record.Set.Properties, func(p *model.Property) bool {
		return p.Stored() && c.Changed(p) && !slices.Contains(aside, p.Name)
	})
}

// approve keeps the user status in step with what the document says: a change after
// the approval undoes it. Actions say themselves what becomes of it.
func approve(c *write.Change) error {
	if c.Action() != "" || !rewritten(c) && (c.Has("UserStatus") || c.Get("State").Int >= StateReleased) {
		return nil
	}
	if c.PartsChanged() || c.Touched("DocumentType") || touched(c, "Customer") || touched(c, "DocumentCurrency") {
		c.Put("LinesUpdateUser", c.Login())
	}
	documentType, err := c.Ref("DocumentType")
	if err != nil || documentType == nil {
		return err
	}
	status, err := c.Ref("UserStatus")
	if err != nil {
		return err
	}
	state := c.Get("State").Int
	stays := status != nil && get(status, "DocumentType").Text == documentType.ID && get(status, "State").Int == state
	if stays && !approves(documentType) {
		return nil
	}
	return giveStatus(c, state, true)
}

// touched is [write.Change.Touched] of what only some documents have.
func touched(c *write.Change, property string) bool {
	return c.Record.Set.Property(property) != nil && c.Touched(property)
}

// giveStatus gives the document the status that it has in a state by itself, and
// notes it where that is another one.
func giveStatus(c *write.Change, state int64, note bool) error {
	all, err := statusesFor(c, state)
	if err != nil {
		return err
	}
	within, err := withinLimits(c)
	if err != nil {
		return err
	}
	status := all.first(within)
	if status == nil && within {
		status = all.first(false)
	}
	before := c.Get("UserStatus")
	putStatus(c, status)
	if note && !c.Get("UserStatus").Equal(before) {
		noteState(c, "", true)
	}
	return nil
}

func putStatus(c *write.Change, status *model.Record) {
	if status == nil {
		c.Put("UserStatus", model.NullValue)
		return
	}
	c.Put("UserStatus", c.Property("UserStatus").Refer(model.Entity{Set: status.Set, ID: status.ID}))
}

// withinLimits reports whether the document needs nobody's approval. Without limits
// all do; an amount in another currency than the limit's is not compared with it.
func withinLimits(c *write.Change) (bool, error) {
	documentType, err := c.Ref("DocumentType")
	if err != nil {
		return false, err
	}
	total, discount := get(documentType, "ApprovalLimit"), get(documentType, "ApprovalDiscountLimit")
	if total.Null && discount.Null || c.Record.Set.Property("TotalLineAmount") == nil {
		return false, nil
	}
	sameCurrency := c.Get("DocumentCurrency").Equal(get(documentType, "ApprovalCurrency"))
	if !total.Null && (!sameCurrency || abs(c.Get("TotalLineAmount").Int) > abs(total.Int)) {
		return false, nil
	}
	if discount.Null {
		return true, nil
	}
	for _, kind := range []string{"LineCustomDiscountPercent", "LineStandardDiscountPercent"} {
		highest, err := c.MaxOfChildren("Lines", kind)
		if err != nil || highest > discount.Int {
			return false, err
		}
	}
	return true, nil
}

// leaves refuses to take the document past a state that has exit statuses, unless it
// has one of them, or needs nobody's approval.
func leaves(c *write.Change, to int64) error {
	now := c.Get("State").Int
	for _, m := range c.Property("State").Enum.Members {
		if m.Value < now || m.Value >= to {
			continue
		}
		all, err := statusesFor(c, m.Value)
		if err != nil {
			return err
		}
		exit := all.first(true)
		if exit == nil {
			continue
		}
		status, err := c.Ref("UserStatus")
		if err != nil {
			return err
		}
		if m.Value == now && status != nil {
			if isExit(status) && get(status, "State").Int == now {
				continue
			}
			if !tellsStatuses(c) {
				return c.Fail("%s is %s, and leaves this state only with an exit status: somebody has to approve it.", called(c), m.Name)
			}
			return c.Fail("%s is %s with the status “%s”, and leaves this state only with an exit status, like “%s”: "+
				"somebody has to approve it.", called(c), m.Name, statusName(status), statusName(exit))
		}
		within, err := withinLimits(c)
		if err != nil {
			return err
		}
		if !within {
			with := "an exit status"
			if tellsStatuses(c) {
				with = "the status “" + statusName(exit) + "”"
			}
			return c.Fail("%s has to be approved as %s before it can go on: give it that state, and somebody %s.", called(c), m.Name, with)
		}
	}
	return nil
}

// tellsStatuses reports whether the actor may be told of the statuses of documents, and
// which one this has.
func tellsStatuses(c *write.Change) bool {
	return c.Tells("UserStatus.UserStatusName") && c.Tells("UserStatus.IsExitStatus")
}

func statusName(status *model.Record) string {
	return model.Translation(get(status, "UserStatusName").Text, model.DefaultLanguage)
}

// setStatus gives the document a status by hand.
func setStatus(c *write.Change, status *model.Record, state int64) error {
	if err := c.PermittedTo(c.Property("UserStatus")); err != nil {
		return err
	}
	documentType, err := c.Ref("DocumentType")
	if err != nil {
		return err
	}
	name := "this status"
	if tellsStatuses(c) {
		name = "the status " + statusName(status)
	}
	before, err := c.Ref("UserStatus")
	if err != nil {
		return err
	}
	if isExit(status) || before != nil && isExit(before) || approves(documentType) {
		need := permission.Approve
		if state >= StateReleased {
			need = permission.ApproveReleased
		}
		if err := permittedByType(c, need, "get "+name); err != nil {
			return err
		}
	} else if err := c.Permitted(); err != nil {
		return err
	}
	if get(status, "DocumentType").Text != documentType.ID || get(status, "State").Int != state || get(status, "Active").Int == 0 {
		return c.Fail("%s is not an active one of the document's type for the state %s.", name, c.Property("State").Enum.MemberName(state))
	}
	if isExit(status) {
		if err := fourEyes(c, "approved"); err != nil {
			return err
		}
	}
	putStatus(c, status)
	return nil
}

// fourEyes refuses to let who entered a document, or changed its lines last, approve
// or release it, where the type wants two people. System Users are people here: what
// one imported, one person may approve.
func fourEyes(c *write.Change, done string) error {
	documentType, err := c.Ref("DocumentType")
	if err != nil || get(documentType, "FourEyes").Int == 0 {
		return err
	}
	login := c.Login().Text
	for _, by := range []struct{ property, what string }{{"CreationUser", "entered it"}, {"LinesUpdateUser", "changed its lines last"}} {
		if v := c.Get(by.property); !v.Null && v.Text == login {
			who := login
			if c.Tells(by.property) {
				who += ", who " + by.what
			}
			return c.Fail("%s cannot be %s by %s: somebody else has to (four eyes).", called(c), done, who)
		}
	}
	return nil
}

// noteState notes which state and status the document has now.
func noteState(c *write.Change, notes string, bySystem bool) {
	r := c.Note("StateChanges")
	r.Put("NewState", c.Get("State"))
	r.Put("UserStatus", c.Get("UserStatus"))
	r.Put("UpdateTime", model.IntValue(c.Now().UnixMicro()))
	r.Put("UpdateUser", c.Login())
	r.Put("SystemInitiated", model.BoolValue(bySystem))
	r.Put("Void", c.Get("Void"))
	if notes != "" {
		r.Put("Notes", model.TextValue(notes))
	}
}
