package write

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/internal/jsontext"
	"github.com/hybridapps/tandem/permission"
)

// criterion is the one condition by which an object is looked up.
type criterion struct {
	kind          string // ExternalId, Id, Code, Name, DisplayText
	value, system string
	hasSystem     bool
	exact         bool // of names: equal in a language, not only contained
}

// String is the criterion as @erpnet.findBy spells it.
func (c *criterion) String() string {
	if c == nil {
		return "{}"
	}
	b := append(jsontext.AppendString([]byte{'{'}, c.kind), ':')
	b = jsontext.AppendString(b, model.Shown(c.value))
	if c.hasSystem {
		b = append(b, `,"ExternalSystem":`...)
		b = jsontext.AppendString(b, model.Shown(c.system))
	}
	return string(append(b, '}'))
}

// find looks an object up by its @erpnet.findBy, or by its own members. within
// limits children to those of one owner. At most two rows come back; none also
// when the object has nothing to be found by.
func (w *Writer) find(s *model.Set, o *Object, within *Change) ([]model.Entity, *criterion, error) {
	by, err := criterionOf(s, o)
	if err != nil || by == nil {
		return nil, by, err
	}
	if within == nil && s.Owner != nil && by.kind == "Code" && s.Code.Property.Kind == model.KindInt {
		return nil, by, invalid("%s: %s is a number within one %s; find the row by Id.", s.Name, s.Code, s.Owner.Name)
	}
	if within != nil && within.New {
		return nil, by, nil
	}
	if within != nil {
		found, err := w.search(s, by, within)
		return found, by, err
	}
	key := "find " + s.Name + by.String()
	if by.exact {
		key += " exactly"
	}
	if e, ok := w.lookups[key]; ok && len(by.value) < 80 {
		// Somebody, or this call itself, may have closed the row since.
		if sees, err := w.sees(e, permission.Read); err != nil || sees {
			return []model.Entity{e}, by, err
		}
	}
	found, err := w.search(s, by, nil)
	if len(found) == 1 {
		w.remember(key, found[0], by.kind == "Name" || by.kind == "DisplayText", by.paths(s)...)
	}
	return found, by, err
}

func (w *Writer) search(s *model.Set, by *criterion, within *Change) ([]model.Entity, error) {
	if by.hidden(s, w.by.Granted) {
		return nil, nil
	}
	q := &query.Query{Set: s, By: w.by.Granted.Rights, Limit: 2}
	var where query.And
	if within != nil {
		where = append(where, query.Equal(s.Owner, model.TextValue(within.ID)))
	}
	switch by.kind {
	case "ExternalId":
		where = append(where, query.Equal(s.Property("ExternalId"), model.TextValue(by.value)))
		if by.hasSystem {
			where = append(where, query.Equal(s.Property("ExternalSystem"), model.TextValue(by.system)))
		}
	case "Id":
		where = append(where, query.Equal(s.ID(), model.TextValue(by.value)))
	case "DisplayText":
		q.Search = by.value
	default:
		path := s.Code
		if by.kind == "Name" {
			path = s.NameMember
		}
		switch path.Property.Kind {
		case model.KindMultiLanguage:
			q.Where = append(where, query.Contains(path, by.value))
			return w.byName(q, path, by)
		case model.KindInt:
			n, ok := wholeNumber(json.Number(by.value))
			if !ok {
				return nil, invalid("%s: %s %q is not a number.", s.Name, path, model.Shown(by.value))
			}
			where = append(where, &query.Compare{Path: path, Value: model.IntValue(n)})
		default:
			where = append(where, &query.Compare{Path: path, Value: model.TextValue(by.value)})
		}
	}
	q.Where = where
	return w.tx.Find(q)
}

// namesAtOnce is how many rows are looked at together for the one that has a name.
const namesAtOnce = 100

// byName finds the rows whose name is the one looked for, in a language and whatever the
// case, among all that contain it; or else these, but for a search by an object's own
// name.
func (w *Writer) byName(q *query.Query, path *model.Path, by *criterion) ([]model.Entity, error) {
	var first []model.Entity
	for q.Limit = namesAtOnce; q.Offset <= MaxLines; q.Offset += namesAtOnce {
		found, err := w.tx.Find(q)
		if err != nil {
			return nil, err
		}
		if q.Offset == 0 {
			if first = found; len(first) < 2 && !by.exact || len(path.Refs) > 0 {
				return first, nil
			}
		}
		exact, err := w.named(path, found, by.value)
		if err != nil || len(exact) > 0 {
			return exact, err
		}
		if len(found) < namesAtOnce {
			if by.exact {
				return nil, nil
			}
			return first, nil
		}
	}
	return nil, broken(q.Set, "more than %d rows have %q in their %s; find the row by its Id%s.",
		MaxLines, model.Shown(by.value), path, orCode(q.Set))
}

func orCode(s *model.Set) string {
	if s.Code != nil {
		return " or " + s.Code.String()
	}
	return ""
}

// named are those of the rows that have the name.
func (w *Writer) named(path *model.Path, found []model.Entity, name string) ([]model.Entity, error) {
	var exact []model.Entity
	for _, e := range found {
		r, err := w.record(e.Set, e.ID)
		if err != nil {
			return nil, err
		}
		if model.HasTranslation(r.Get(path.Property).Text, name) {
			exact = append(exact, e)
		}
	}
	return exact, nil
}

// criterionOf chooses the one criterion of an object: of its @erpnet.findBy,
// or of its own members, in the order ExternalId, Id, Code, Name, DisplayText.
func criterionOf(s *model.Set, o *Object) (*criterion, error) {
	v, explicit := o.Get("@erpnet.findBy")
	if !explicit {
		return ownCriterion(s, o)
	}
	by, ok := v.(*Object)
	if !ok {
		return nil, invalid(`%s: @erpnet.findBy must be an object like {"Code":"…"}.`, s.Name)
	}
	texts := map[string]string{}
	for _, m := range by.Members {
		text, ok := m.Value.(string)
		if n, isNumber := m.Value.(json.Number); isNumber {
			text, ok = n.String(), true
		}
		if !ok {
			return nil, invalid("%s: @erpnet.findBy: %s must be a text.", s.Name, model.Shown(m.Name))
		}
		if err := model.CheckText(s, "@erpnet.findBy", text); err != nil {
			return nil, err
		}
		switch m.Name {
		case "ExternalId", "ExternalSystem", "Id", "Code", "Name", "DisplayText":
			texts[m.Name] = text
		default:
			return nil, invalid("%s: @erpnet.findBy has no key %q; use ExternalId (with ExternalSystem), Id, Code, Name or DisplayText.", s.Name,
				model.Shown(m.Name))
		}
	}
	for _, kind := range [...]string{"ExternalId", "Id", "Code", "Name", "DisplayText"} {
		text, ok := texts[kind]
		if !ok {
			continue
		}
		c := &criterion{kind: kind, value: text}
		c.system, c.hasSystem = texts["ExternalSystem"]
		c.hasSystem = c.hasSystem && kind == "ExternalId"
		return c, c.check(s)
	}
	return nil, invalid("%s: @erpnet.findBy is empty; use ExternalId (with ExternalSystem), Id, Code, Name or DisplayText.", s.Name)
}

func (c *criterion) check(s *model.Set) error {
	switch {
	case c.kind == "ExternalId" && s.Property("ExternalId") == nil,
		c.kind == "Code" && s.Code == nil,
		c.kind == "Name" && s.NameMember == nil:
		return invalid("%s: objects of this set cannot be found by %s.", s.Name, c.kind)
	}
	if c.kind == "Id" {
		id, err := uuid.Parse(c.value)
		if err != nil || len(c.value) != 36 {
			return invalid("%s: @erpnet.findBy: Id %q is not a GUID.", s.Name, model.Shown(c.value))
		}
		c.value = id.String()
	}
	return nil
}

// ownCriterion is made of the object's own ExternalId, Id, code or name.
func ownCriterion(s *model.Set, o *Object) (*criterion, error) {
	text := func(name string) (string, bool) {
		v, _ := o.Get(name)
		switch v := v.(type) {
		case string:
			return v, v != ""
		case json.Number:
			return v.String(), true
		case *Object: // a multilanguage name
			pairs := make([]string, 0, 2*len(v.Members))
			for _, m := range v.Members {
				if t, ok := m.Value.(string); ok && t != "" {
					pairs = append(pairs, strings.ToUpper(m.Name), t)
				}
			}
			return model.Translation(model.MultiLanguage(pairs...), model.DefaultLanguage), len(pairs) > 0
		}
		return "", false
	}
	c := &criterion{exact: true}
	var ok bool
	if v, isText := text("@odata.id"); isText {
		set, id, err := s.Model().ParseID(v)
		if err != nil {
			return nil, err
		}
		if !s.Includes(set) && !set.Includes(s) {
			return nil, invalid("%s: @odata.id %q is of another set.", s.Name, model.Shown(v))
		}
		c.kind, c.value = "Id", id
		return c, nil
	}
	if s.Property("ExternalId") != nil {
		if c.value, ok = text("ExternalId"); ok {
			c.kind = "ExternalId"
			c.system, c.hasSystem = text("ExternalSystem")
			return c, model.CheckText(s, "ExternalId", c.value+c.system)
		}
	}
	if c.value, ok = text("Id"); ok {
		c.kind = "Id"
		return c, c.check(s)
	}
	for _, member := range [...]struct {
		kind string
		path *model.Path
	}{{"Code", s.Code}, {"Name", s.NameMember}} {
		if member.path == nil || len(member.path.Refs) > 0 {
			continue
		}
		if c.value, ok = text(member.path.Property.Name); ok {
			c.kind = member.kind
			return c, model.CheckText(s, member.path.Property.Name, c.value)
		}
	}
	return nil, nil
}

// paths are what the criterion compares; an Id, which stays what it is, is none.
func (c *criterion) paths(s *model.Set) []*model.Path {
	switch c.kind {
	case "ExternalId":
		return []*model.Path{{Property: s.Property("ExternalId")}, {Property: s.Property("ExternalSystem")}}
	case "Code":
		return []*model.Path{s.Code}
	case "Name":
		return []*model.Path{s.NameMember}
	case "DisplayText":
		return s.SearchPaths
	}
	return nil
}

// hidden reports whether the criterion compares an attribute that the actor may not
// read: then it finds nothing. A DisplayText is searched for, which leaves such
// attributes out by itself.
func (c *criterion) hidden(s *model.Set, by permission.Granted) bool {
	for _, path := range c.paths(s) {
		if path.Property.Name == "ExternalSystem" && !c.hasSystem {
			continue
		}
		if !by.Passes(func(by permission.Granted) error { return permitThrough(by, path) }) && c.kind != "DisplayText" {
			return true
		}
	}
	return false
}

// permitThrough refuses an actor who may not read what a path leads to, or over.
func permitThrough(by permission.Granted, path *model.Path) error {
	for _, ref := range path.Refs {
		if err := ref.PermitTo(by, permission.Read); err != nil {
			return err
		}
		if err := ref.Target.Permit(by, permission.Read); err != nil {
			return err
		}
	}
	return path.Property.PermitTo(by, permission.Read)
}

// uses reports whether the member of an object is what it is found by.
func (c *criterion) uses(s *model.Set, member string) bool {
	if c == nil {
		return false
	}
	switch c.kind {
	case "ExternalId":
		return member == "ExternalId" || member == "ExternalSystem"
	case "Code":
		return len(s.Code.Refs) == 0 && member == s.Code.Property.Name
	case "Name":
		return len(s.NameMember.Refs) == 0 && member == s.NameMember.Property.Name
	}
	return member == c.kind
}

// byCode finds a currency or unit by its code; of units the case does not
// matter where no unit has it exactly.
func (w *Writer) byCode(s *model.Set, code string) (model.Entity, error) {
	if err := model.CheckText(s, s.Code.String(), code); err != nil {
		return model.Entity{}, err
	}
	key := "code " + s.Name + "|" + model.Shown(code)
	if e, ok := w.lookups[key]; ok && len(code) <= 80 {
		return e, nil
	}
	for _, spelling := range [...]string{code, strings.ToLower(code), strings.ToUpper(code)} {
		found, err := w.tx.Find(&query.Query{Set: s, Limit: 1, Where: &query.Compare{Path: s.Code, Value: model.TextValue(spelling)}})
		if err != nil {
			return model.Entity{}, err
		}
		if len(found) > 0 {
			w.remember(key, found[0], false, s.Code)
			return found[0], nil
		}
	}
	return model.Entity{}, nil
}
