package write

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

// Arguments are what a call of an action was given. An action reads each that it
// has a parameter for: one that nobody has read when the action is done is a
// mistake of its declaration, and undoes it. So no argument is ever ignored.
type Arguments struct {
	set    *model.Set
	action *model.Action
	object *Object
	read   map[string]bool
}

// NewArguments refuses arguments that the action has no parameter for.
func NewArguments(s *model.Set, a *model.Action, o *Object) (*Arguments, error) {
	for _, m := range o.Members {
		if !slices.ContainsFunc(a.Parameters, func(p model.Parameter) bool { return p.Name == m.Name }) {
			return nil, invalid("%s: %s has no parameter %q.", s.Name, a.Name, model.Shown(m.Name))
		}
	}
	return &Arguments{set: s, action: a, object: o, read: map[string]bool{}}, nil
}

// unread is an error when an argument was not read.
func (a *Arguments) unread() error {
	for _, m := range a.object.Members {
		if !a.read[m.Name] {
			return tandem.Errorf(tandem.CodeInternal, "%s: %s does not read its parameter %s", a.set.Name, a.action.Name, m.Name)
		}
	}
	return nil
}

// Get is an argument of any type; null is none.
func (a *Arguments) Get(name string) (value any, given bool) {
	a.read[name] = true
	value, _ = a.object.Get(name)
	return value, value != nil
}

// Text is an argument that is a text, and empty where there is none.
func (a *Arguments) Text(name string) (string, error) {
	v, given := a.Get(name)
	text, ok := v.(string)
	if given && !ok {
		return "", a.refuse(name, "must be a text")
	}
	return text, nil
}

// Bool is an argument that is true or false, which is what it is where there is
// none.
func (a *Arguments) Bool(name string) (bool, error) {
	v, given := a.Get(name)
	b, ok := v.(bool)
	if given && !ok {
		return false, a.refuse(name, "must be true or false")
	}
	return b, nil
}

// Only refuses every text but those that the action does; why says how it is done
// instead.
func (a *Arguments) Only(name, why string, done ...string) error {
	text, err := a.Text(name)
	if err != nil || text == "" || slices.Contains(done, text) {
		return err
	}
	return a.refuse(name, "can be "+strings.Join(done, " or ")+" and nothing else; "+why)
}

// Without refuses an argument that the action does nothing with.
func (a *Arguments) Without(name, why string) error {
	if _, given := a.Get(name); given {
		return a.refuse(name, "is not offered; "+why)
	}
	return nil
}

func (a *Arguments) refuse(name, why string) error {
	return invalid("%s: %s of %s %s.", a.set.Name, name, a.action.Name, why)
}
