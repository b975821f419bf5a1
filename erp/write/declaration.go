package write

import (
	"time"

	"github.com/hybridapps/tandem/erp/model"
)

// Declaration is all there is to say about an entity set: its shape, and what
// writing its rows means. The functions work on a row whose members are
// assigned; a nil one does nothing.
type Declaration struct {
	Set model.SetDeclaration
	// Prepare fills what a new row needs and did not get.
	Prepare func(*Change) error
	// Compute keeps what depends on other values of the row, whenever one of
	// them changes.
	Compute func(*Change) error
	// Totals keeps what depends on the row's children, once they are settled.
	Totals func(*Change) error
	// Finish changes what is not the actor's to decide, of a row that is written: it may
	// make the row one that the actor does not see. It is asked once for each write.
	Finish func(*Change) error
	// Guard refuses changes of a row that is past changing, and of its parts.
	// Actions are not asked for.
	Guard func(*Change) error
	// Remove refuses that a part is deleted.
	Remove func(*Change) error
	// Rules are the conditions that every saved row keeps.
	Rules []Rule
	// Actions do what the set's [model.Action] of the name says. Each reads all of
	// its [Arguments].
	Actions map[string]func(c *Change, args *Arguments) error
	// Functions answer what the set's functions of the name ask. They write nothing.
	Functions map[string]Function
	// OwnRights says that the actions ask for what the actor must be granted, by
	// [Change.Permitted] and [Change.PermittedBy]. Otherwise it is the right to
	// update, and the action need not ask.
	OwnRights bool
}

// Function answers a question about a row.
type Function struct {
	// Shows are the attributes of the row that every answer shows: who may not read one
	// of them gets none. What only some answers show, Answer looks after by [Change.Tells].
	Shows  []string
	Answer func(c *Change) (*Object, error)
}

// Rule is a condition that every saved row keeps.
type Rule struct {
	// Code is shown as (Constraint CODE).
	Code string
	// Text says what is wrong and how to mend it.
	Text string
	// Broken reports whether the row breaks the rule.
	Broken func(*Change) (bool, error)
}

// Model is a model with what writing means: the table of behaviours beside
// the sets. It is immutable and safe for concurrent use.
type Model struct {
	*model.Model
	// Log makes the log of an import; nil keeps none.
	Log func(m *Model, by Actor, req *ImportRequest, at time.Time) ImportLog

	behaviours map[*model.Set]*Declaration
	common     map[string]func(*Change, *Arguments) error
}

// NewModel links the sets of the declarations. A mistake in one panics:
// declarations are constants of the program, and a test makes the model.
func NewModel(declarations []Declaration, renames []model.Rename) *Model {
	sets := make([]model.SetDeclaration, len(declarations))
	m := &Model{behaviours: make(map[*model.Set]*Declaration, len(declarations))}
	for i := range declarations {
		d := &declarations[i]
		sets[i], m.behaviours[d.Set.Set] = d.Set, d
		for _, a := range d.Set.Actions {
			if d.Actions[a.Name] == nil {
				panic("write: " + d.Set.Name + " declares " + a.Name + " and does not do it")
			}
		}
		for _, name := range d.Set.Functions {
			if d.Functions[name].Answer == nil {
				panic("write: " + d.Set.Name + " declares " + name + " and does not answer it")
			}
		}
	}
	m.Model = model.New(sets, renames)
	return m
}

// Rules are the conditions that every saved row of the set keeps.
func (m *Model) Rules(s *model.Set) []Rule {
	if d := m.behaviours[s]; d != nil {
		return d.Rules
	}
	return nil
}

// Common gives the rows of all sets that files can hang on an action that changes nothing
// of the row, and makes other rows by [Change.Beside]. Who sees the row may call it: do
// asks for what else the actor must be granted. It is for the making of a model.
func (m *Model) Common(a *model.Action, do func(*Change, *Arguments) error) {
	common := *a
	common.Common = true
	m.common = map[string]func(*Change, *Arguments) error{a.Name: do}
	for _, s := range m.Sets {
		if s.TakesFiles() {
			s.Actions = append(s.Actions, &common)
		}
	}
}
