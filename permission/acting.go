package permission

import (
	"context"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
)

// Who administers as an account gives nothing that the account does not hold, so that a
// power user is no administrator in disguise (invariant E13). What somebody gives to
// themselves is allowed, and recorded as such.

// acting are the rights of the account that administers, and its groups; nil for none.
func (a *Admin) acting(ctx context.Context) (*Rights, []string, Definitions, error) {
	d, err := a.Store.Definitions(ctx)
	if err != nil || a.As == nil {
		return nil, nil, d, err
	}
	put, _, err := a.Store.GroupsOf(ctx, a.As.ID)
	if err != nil {
		return nil, nil, d, err
	}
	groups := GroupsOf(a.As, put)
	return NewTable(d).Rights(groups), groups, d, nil
}

// mayManage refuses an account that may not change who may do what.
func (a *Admin) mayManage(ctx context.Context) error {
	if a.As == nil {
		return nil
	}
	rights, _, _, err := a.acting(ctx)
	if err == nil && !rights.Manages() {
		err = tandem.Errorf(tandem.CodeForbidden, "only administrators and power users change who may do what, and %s is neither", a.As.Login)
	}
	return err
}

// mayGive refuses an account that gives what it does not hold: the grants, or all that a
// group has.
func (a *Admin) mayGive(ctx context.Context, g *Group, grants []GrantOn) error {
	if a.As == nil {
		return nil
	}
	if err := a.mayManage(ctx); err != nil {
		return err
	}
	rights, _, d, err := a.acting(ctx)
	if err != nil || rights.Everything() {
		return err
	}
	if g != nil {
		if g.Type == AllData && !rights.allRows {
			return a.lacks("all that the group " + g.Name + " has")
		}
		grants = d.of(g.ID)
	}
	for i := range grants {
		if give := &grants[i]; !rights.holds(&give.Key, give.Grant) {
			return a.lacks(give.Words() + " on " + give.Key.Words())
		}
	}
	return nil
}

// mayTake refuses an account that takes from a group the last grant of an ability which it
// does not have itself: what no group is granted everybody has. An empty key is all that
// the group has.
func (a *Admin) mayTake(ctx context.Context, g *Group, key string) error {
	if a.As == nil {
		return nil
	}
	if err := a.mayManage(ctx); err != nil {
		return err
	}
	d, err := a.Store.Definitions(ctx)
	if err != nil {
		return err
	}
	opens := slices.DeleteFunc(d.of(g.ID), func(had GrantOn) bool {
		return had.Key.Kind != SystemKey || key != "" && had.Key.ID != key ||
			slices.ContainsFunc(d.Grants, func(other Grant) bool { return other.Key == had.Key.ID && other.Group != g.ID })
	})
	return a.mayGive(ctx, nil, opens)
}

func (a *Admin) lacks(what string) error {
	return tandem.Errorf(tandem.CodeForbidden, "%s does not hold %s, and so cannot give it to anybody; an administrator can", a.As.Login, what)
}

// of are the grants of a group.
func (d *Definitions) of(group string) (all []GrantOn) {
	for _, g := range d.Grants {
		at := slices.IndexFunc(d.Keys, func(k Key) bool { return k.ID == g.Key })
		if g.Group == group && at >= 0 {
			all = append(all, GrantOn{g, d.Keys[at]})
		}
	}
	return all
}

// holds reports whether all of a grant on the key is held.
func (r *Rights) holds(k *Key, g Grant) bool {
	if k.Kind == ColumnKey {
		return r.Column(k.EntityName, k.Attribute)&g.Rights == g.Rights
	}
	had := r.on(k)
	if had.Rights&g.Rights != g.Rights {
		return false
	}
	return k.Kind != SetKey || g.Rights&Update == 0 || !wider(g.UpdateAttributes, had.UpdateAttributes)
}

// self reports whether a login is that of whoever does it.
func (a *Admin) self(by tandem.By, login string) bool {
	if a.As != nil {
		return strings.EqualFold(a.As.Login, login)
	}
	return strings.EqualFold(by.Login, login)
}

// isIn reports whether the account that administers is in a group; what is for everybody is
// for nobody in particular.
func (a *Admin) isIn(ctx context.Context, group string) (bool, error) {
	if a.As == nil || group == EverybodyID {
		return false, nil
	}
	_, groups, _, err := a.acting(ctx)
	return slices.Contains(groups, group), err
}

func byThemselves(self bool) string {
	if self {
		return ", by themselves"
	}
	return ""
}
