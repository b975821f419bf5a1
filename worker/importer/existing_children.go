package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// Limits of one question for parents that are there already.
const (
	maxAskedParents = 100
	maxAskedBytes   = 4000 // of their keys, in the URL
)

// existingChild is a child that a parent has in the ERP.
type existingChild struct {
	id string
	// key is what tells it from the others, text how people know it.
	key, text string
	taken     bool
}

// withChildren closes the objects of a batch: each gets its children, and those
// that its parent has already are found again by their keys. It asks the ERP what
// parents there are, so that a place in a file never says which child is meant.
func (i *attempt) withChildren(ctx context.Context, step *mapping.Step, b *batch) error {
	for _, c := range step.Children {
		if _, uploaded := i.files[c.File]; !uploaded || len(b.items) == 0 {
			continue
		}
		had, err := i.existing(ctx, step, c, b.items)
		if err != nil {
			return err
		}
		known, err := i.resolve(ctx, step, c, b.items, had)
		if err != nil {
			return err
		}
		for n := range b.items {
			it := &b.items[n]
			children, isThere := had[it.key]
			i.pair(step, c, it, children, isThere, known)
		}
	}
	for n := range b.items {
		b.items[n].object = append(b.items[n].object, '}')
	}
	return nil
}

// existing reads the children of those parents that are there, by the key of the
// parent.
func (i *attempt) existing(ctx context.Context, step *mapping.Step, c *mapping.Children, items []item,
) (map[string][]*existingChild, error) {
	set := i.metadata.Set(step.Object.Entity)
	if set == "" {
		return nil, tandem.Errorf(tandem.CodeInvalid, "the API has no entity set of %s, so what is there cannot be read", step.Object.Entity)
	}
	q := client.Query{Select: "Id,ExternalId,ExternalSystem", Expand: c.Collection + "($select=" + i.selected(step, c) + ")", Top: maxAskedParents}
	had := map[string][]*existingChild{}
	parents, err := i.parents(ctx, step, items)
	if err != nil {
		return nil, err
	}
	for len(parents.values) > 0 {
		some := parents.next()
		q.Filter = parents.filter + " in (" + strings.Join(some, ",") + ")"
		if parents.system != "" {
			q.Filter = client.And("ExternalSystem eq "+client.Quote(parents.system), q.Filter)
		}
		for row, err := range client.List[map[string]json.RawMessage](ctx, i.ERP, set, q) {
			if err != nil {
				return nil, err
			}
			if parents.system != "" && textOf(row["ExternalSystem"]) != parents.system {
				continue // filters do not tell capitals, systems and Import do
			}
			key := textOf(row["ExternalId"])
			if parents.keys != nil {
				key = parents.keys[strings.ToLower(textOf(row["Id"]))]
			}
			children, err := i.readChildren(c, row[c.Collection])
			if err != nil {
				return nil, err
			}
			had[key] = children
		}
	}
	return had, nil
}

// selected are the attributes of the children to read.
func (i *attempt) selected(step *mapping.Step, c *mapping.Children) string {
	selected := []string{"Id"}
	for _, attribute := range []string{c.Number, "LineNo", "DisplayText"} {
		if attribute != "" && !slices.Contains(selected, attribute) && i.metadata.Has(step.Object.Entity, c.Collection, attribute) {
			selected = append(selected, attribute)
		}
	}
	for _, attribute := range c.Key {
		if !slices.Contains(selected, attribute) {
			selected = append(selected, attribute)
		}
	}
	return strings.Join(selected, ",")
}

// asked are parents to ask for: literals of a filter.
type asked struct {
	filter, system string
	values         []string
	// keys are those of the rows by the Id that they have in the ERP; nil where
	// the ExternalId says it.
	keys map[string]string
}

// next takes as many as fit into one question.
func (a *asked) next() (some []string) {
	size := 0
	for len(a.values) > 0 && len(some) < maxAskedParents && (some == nil || size+len(url.QueryEscape(a.values[0])) <= maxAskedBytes) {
		size += len(url.QueryEscape(a.values[0])) + 1
		some, a.values = append(some, a.values[0]), a.values[1:]
	}
	return some
}

// parents are those of the items. Where they are matched by a code or a name the
// API says which they are.
func (i *attempt) parents(ctx context.Context, step *mapping.Step, items []item) (*asked, error) {
	a := &asked{filter: "ExternalId", system: step.Object.ExternalSystem}
	if a.system == "" {
		a.system = i.Mapping.ExternalSystem
	}
	if step.Object.Match == "" {
		for n := range items {
			a.values = append(a.values, client.Quote(items[n].key))
		}
		return a, nil
	}
	a.filter, a.system, a.keys = "Id", "", map[string]string{}
	searches := map[string]json.RawMessage{}
	for n := range items {
		by, err := json.Marshal(map[string]string{step.Object.Match: items[n].key})
		if err != nil {
			return nil, err
		}
		searches[items[n].key] = by
	}
	found, err := i.findAll(ctx, step.Object.Entity, searches)
	for key, id := range found {
		a.keys[id] = key
		a.values = append(a.values, id)
	}
	slices.Sort(a.values)
	return a, err
}

// findAll looks objects of a type up by their @erpnet.findBy, and gives the Ids of
// those that there are.
func (i *attempt) findAll(ctx context.Context, entity string, by map[string]json.RawMessage) (map[string]string, error) {
	found := map[string]string{}
	keys := make([]string, 0, len(by))
	for key := range by {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for some := range slices.Chunk(keys, batchObjects) {
		objects := make([]any, len(some))
		for n, key := range some {
			objects[n] = map[string]any{"@odata.type": "Erp." + entity, "@erpnet.action": "findOrNull", "@erpnet.findBy": by[key]}
		}
		noLog := 0 // nothing is written
		result, err := i.ERP.Import(ctx, client.ImportRequest{Transaction: client.ImportPerObject, LoggingLevel: &noLog, Objects: objects})
		if err != nil {
			return nil, err
		}
		if len(result.Objects) != len(some) {
			return nil, fmt.Errorf("import: %d results for %d objects", len(result.Objects), len(some))
		}
		for n := range result.Objects {
			if id := guidOf(result.Objects[n].ID); id != "" {
				found[some[n]] = id
			}
		}
	}
	return found, nil
}

// readChildren reads the children of one parent, those of one key in the order of
// the API.
func (i *attempt) readChildren(c *mapping.Children, list json.RawMessage) ([]*existingChild, error) {
	var rows []map[string]json.RawMessage
	if len(list) > 0 {
		if err := json.Unmarshal(list, &rows); err != nil {
			return nil, fmt.Errorf("%s of the API: %w", c.Collection, err)
		}
	}
	children := make([]*existingChild, len(rows))
	for n, row := range rows {
		e := &existingChild{id: textOf(row["Id"]), text: textOf(row["DisplayText"])}
		for k, attribute := range c.Key {
			if k > 0 {
				e.key += "\x00"
			}
			e.key += plainValue(row[attribute])
		}
		if e.text == "" {
			e.text = strings.TrimSpace(c.Collection + " " + plainValue(row["LineNo"]))
		}
		children[n] = e
	}
	return children, nil
}

// resolve finds the objects that the keys of children refer to, by the text of
// the reference; only of children whose parent is there.
func (i *attempt) resolve(ctx context.Context, step *mapping.Step, c *mapping.Children, items []item,
	had map[string][]*existingChild,
) (map[string]string, error) {
	known := map[string]string{}
	for k, attribute := range c.Key {
		target := i.metadata.Reference(step.Object.Entity, c.Collection, attribute)
		if target == "" {
			continue
		}
		searches := map[string]json.RawMessage{}
		for n := range items {
			if len(had[items[n].key]) == 0 {
				continue
			}
			for _, child := range items[n].children {
				if child.of != c || child.Key == nil {
					continue
				}
				var reference struct {
					By json.RawMessage `json:"@erpnet.findBy"`
				}
				if json.Unmarshal(child.Key[k], &reference) == nil && reference.By != nil {
					searches[string(child.Key[k])] = reference.By
				}
			}
		}
		found, err := i.findAll(ctx, target, searches)
		if err != nil {
			return nil, err
		}
		for text := range searches {
			known[text] = "\x01" // refers to nothing, and so is no child's
			if id, ok := found[text]; ok {
				known[text] = id
			}
		}
	}
	return known, nil
}

// pair adds the children of one collection to the object: those found again by
// their key are changed, others are made, and those of the ERP that have no row
// are reported or removed. Of a file with rows that cannot be read nothing is
// removed.
func (i *attempt) pair(step *mapping.Step, c *mapping.Children, it *item, there []*existingChild, isThere bool, known map[string]string) {
	objects, place := []byte{'['}, 0
	add := func(object []byte) {
		if len(objects) > 1 {
			objects = append(objects, ',')
		}
		objects = append(objects, object...)
	}
	byKey := map[string][]*existingChild{}
	for _, e := range there {
		byKey[e.key] = append(byKey[e.key], e)
	}
	rows := map[string]int{}
	for _, child := range it.children {
		if child.of != c {
			continue
		}
		key := keyOf(child, known)
		rows[key]++
		at := slices.IndexFunc(byKey[key], func(e *existingChild) bool { return !e.taken })
		switch {
		case at >= 0:
			byKey[key][at].taken = true
			add(c.Existing(child.Child, byKey[key][at].id))
		case isThere:
			add(c.New(child.Child, -1))
		default:
			add(c.New(child.Child, place))
		}
		place++
	}
	broken, unreadable := i.unreadable[c.File]
	for _, e := range there {
		switch {
		case e.taken:
		case c.Remove && unreadable:
			i.report = append(i.report, internalapi.ReportRow{
				File: step.File, Row: it.line, Severity: internalapi.SeverityWarning, Column: c.Collection, Value: tandem.Clip(e.text, 60),
				Reason: fmt.Sprintf("is in the ERP and has no row in %s; it stays, because line %d of that file, which can be its row, cannot be read",
					c.File, broken),
			})
		case c.Remove:
			add(c.Gone(e.id))
			if it.removed == nil {
				it.removed = map[string]int64{}
			}
			it.removed[c.File]++
		case rows[e.key] > 0 && it.failure == "":
			it.failure = fmt.Sprintf("the ERP has %d of %s with the same %s, and the file has %d, so that it cannot be told which is gone; "+
				"name more in the key of the children, or missing: remove", len(byKey[e.key]), c.Collection, strings.Join(c.Key, " and "), rows[e.key])
		default:
			i.report = append(i.report, internalapi.ReportRow{
				File: step.File, Row: it.line, Severity: internalapi.SeverityWarning, Column: c.Collection, Value: tandem.Clip(e.text, 60),
				Reason: "is in the ERP and has no row in " + c.File + " any more; it stays. With missing: remove in the mapping it would go",
			})
		}
	}
	it.object = append(strconv.AppendQuote(append(it.object, ','), c.Collection), ':')
	it.object = append(append(it.object, objects...), ']')
}

// keyOf is the key of a row as those of the ERP are written.
func keyOf(child childLine, known map[string]string) string {
	var key strings.Builder
	for n, value := range child.Key {
		if n > 0 {
			key.WriteByte(0)
		}
		if id, isReference := known[string(value)]; isReference {
			key.WriteString(id)
			continue
		}
		key.WriteString(plainValue(value))
	}
	return key.String()
}

// plainValue is a value in the one form in which equal ones are equal texts: a
// number without zeros at its end, a time in UTC, the Id of a reference, the
// number of an amount or quantity, the text of a text in one language.
func plainValue(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || bytes.Equal(value, []byte("null")) {
		return ""
	}
	switch value[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) != nil {
			return string(value)
		}
		if id := guidOf(textOf(members["@odata.id"])); id != "" {
			return id
		}
		if number, ok := members["Value"]; ok {
			return plainValue(number)
		}
		if text, ok := members["EN"]; ok {
			return plainValue(text)
		}
	case '"':
		text := textOf(value)
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
		return text
	default:
		if text := string(value); strings.Contains(text, ".") && !strings.ContainsAny(text, "eE") {
			return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
	}
	return string(value)
}

func textOf(value json.RawMessage) (text string) {
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// guidOf is the Id in "Set(guid)"; empty where there is none.
func guidOf(id string) string {
	_, guid, found := strings.Cut(strings.TrimSuffix(id, ")"), "(")
	if !found {
		return ""
	}
	return strings.ToLower(guid)
}
