package platform

import (
	"context"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// rowSteps are the guards of the row that the call names.
func (x *explaining) rowSteps(ctx context.Context) error {
	set := x.model.Set(x.target.Name)
	if set == nil || x.target.Key == "" || set.View || x.of.User.Type == tandem.ExternalCommunityUser {
		return nil
	}
	e, err := x.concrete(ctx, model.Entity{Set: set, ID: x.target.Key})
	if err != nil {
		return err
	}
	if e.ID == "" {
		x.e.Steps = append(x.e.Steps, Step{What: "there is no such row: administrators would not find it either"})
		return nil
	}
	steps := rowExplaining{x, x.rowNeeds(set), nil}
	if e.Set != set {
		steps.set(e.Set)
	}
	return x.rows.Try(ctx, write.Platform("", ""), func(w *write.Writer) error {
		steps.Writer = w
		return steps.row(e, "the row")
	})
}

// rowExplaining makes the steps of one row.
type rowExplaining struct {
	*explaining
	needs []permission.Right
	*write.Writer
}

// set is the right to read what the row is, or hangs on.
func (x *rowExplaining) set(s *model.Set) {
	name := s.Permissive().Name
	x.asked(x.keyStep(permission.SetKeyID(name), permission.Read, "", x.rights.Set(name, permission.Read), ""), "read "+name, permission.SetKeyID(name), permission.Read)
}

// asked adds a step about a key, and remembers the first that is refused.
func (x *rowExplaining) asked(s Step, what, key string, need permission.Right) {
	if what != "" {
		s.What = what
	}
	x.e.Steps = append(x.e.Steps, s)
	if !s.Allowed && x.hiddenBy == nil {
		x.hiddenBy = &lacking{key: key, need: need}
	}
}

// row are the guards of a row, and of that which it hangs on.
func (x *rowExplaining) row(e model.Entity, called string) error {
	guards, err := x.RowGuards(e)
	if err != nil {
		return err
	}
	for i := range guards {
		g := &guards[i]
		if g.IsKey() && g.Key == "" {
			x.e.Steps = append(x.e.Steps, Step{What: called + " has no " + g.Path, Allowed: true})
			continue
		}
		needs := x.needs
		if !g.IsKey() && (g.Personal != nil || g.ReadOn) {
			needs = []permission.Right{permission.Read}
		}
		for _, need := range needs {
			opens, err := x.Opens(g, x.rights, need)
			if err != nil {
				return err
			}
			switch {
			case g.IsKey():
				x.asked(x.keyStep(g.Key, need, "", opens, "of "+called+" ("+g.Path+")"), "", g.Key, need)
			case g.Personal != nil:
				x.e.Steps = append(x.e.Steps, Step{What: called + " is for its " + g.Path + " alone" + because(g.Personal), Allowed: opens})
			case g.On.Set == nil:
				x.e.Steps = append(x.e.Steps, Step{What: called + " hangs on nothing (" + g.Path + ")", Allowed: opens})
			default:
				on := g.On.String()
				x.e.Steps = append(x.e.Steps, Step{What: need.String() + " " + on + ", which " + called + " hangs on (" + g.Path + ")", Allowed: opens})
			}
		}
		if g.On.Set != nil {
			if err := x.hangsOn(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// hangsOn are the guards of the row that another hangs on.
func (x *rowExplaining) hangsOn(g *write.RowGuard) error {
	x.set(g.On.Set)
	there, err := x.There(g.On)
	if err != nil || !there {
		return err
	}
	on := *x
	if g.ReadOn {
		on.needs = []permission.Right{permission.Read}
	}
	return on.row(g.On, g.On.String())
}

// because says why a row is one account's own.
func because(p *model.Personal) string {
	if p.When == nil {
		return ""
	}
	return ", as " + p.When.Name + " says"
}

// rowAllows reports whether the guards of a row, as Set(id), let be done with it what is
// needed.
func (x *explaining) rowAllows(ctx context.Context, row string, need permission.Right) (allowed bool, err error) {
	set, id, err := x.model.ParseID(row)
	if err != nil {
		return false, nil // of a set that there is no more
	}
	e, err := x.concrete(ctx, model.Entity{Set: set, ID: id})
	if err != nil || e.ID == "" {
		return false, err
	}
	err = x.rows.Try(ctx, write.Platform("", ""), func(w *write.Writer) error {
		guards, err := w.RowGuards(e)
		if err != nil {
			return err
		}
		for i := range guards {
			opens, err := w.Opens(&guards[i], x.rights, need)
			if err != nil || !opens {
				return err
			}
		}
		allowed = true
		return nil
	})
	return allowed, err
}

// rowNeeds are the rights that the call asks for of the guards of the row that it names.
func (x *explaining) rowNeeds(set *model.Set) []permission.Right {
	switch {
	case x.method == http.MethodDelete && set.Owner == nil:
		return []permission.Right{permission.Read, permission.Delete}
	case x.method == http.MethodPatch, x.method == http.MethodDelete, x.method == http.MethodPost && x.child(),
		x.facts.Rule == tandem.RuleRow && x.facts.Need == permission.Update.String():
		return []permission.Right{permission.Read, permission.Update}
	}
	return []permission.Right{permission.Read} // actions ask for rights of their own
}

// concrete is the row by the set that it is one of; without an id where there is none.
func (x *explaining) concrete(ctx context.Context, e model.Entity) (found model.Entity, err error) {
	q := query.ByID(e.Set, e.ID)
	q.Fields = []*model.Property{e.Set.ID()}
	err = x.rows.Query(ctx, q, func(r *query.Row) error {
		found = model.Entity{Set: r.Set, ID: e.ID}
		return nil
	})
	return found, err
}
