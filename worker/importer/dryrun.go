package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// A dry run sends what an import sends, as Imports that the API undoes at once. So
// a request sees nothing of those before it, and brings along what it needs of them:
// the objects that its own refer to or may collide with, and what those refer to.

// dry keeps the objects that would be there by now.
type dry struct {
	types *mapping.Metadata
	file  *os.File // their JSON, which may be more than fits into memory
	end   int64
	made  []made
	// found are the objects by what they are found by, texts by the texts in them, of
	// which a reference may mean one as a code or name: both with the type.
	found map[string]int
	texts map[string][]int
	// always is how many of the first objects every request brings along: they are
	// the prepared ones, which others may take without naming them.
	always int
}

// made is an object that would be there.
type made struct {
	at     int64
	length int
	needs  []int // the objects before it that it refers to
}

// newDry makes a store for one attempt, in a file of its own; close removes it.
func newDry(dir string) (*dry, error) {
	file, err := os.CreateTemp(dir, "dry-run-*")
	if err != nil {
		return nil, fmt.Errorf("make room for a dry run: %w", err)
	}
	return &dry{file: file, found: map[string]int{}, texts: map[string][]int{}}, nil
}

func (d *dry) close() {
	d.file.Close()
	os.Remove(d.file.Name())
}

// node is an object of an Import, or one in it.
type node struct {
	Type   string                     `json:"@odata.type"`
	Action string                     `json:"@erpnet.action"`
	By     map[string]json.RawMessage `json:"@erpnet.findBy"`
	// members are all of its members; root is the type that its rows have in common
	// with those of other types, by which a reference may call them.
	members map[string]json.RawMessage
	root    string
}

// key is what the node is found by; empty where it says nothing.
func (n *node) key() string {
	if len(n.By) == 0 {
		return ""
	}
	by, err := json.Marshal(n.By) // sorted by name
	if err != nil {
		return ""
	}
	return n.root + " " + string(by)
}

// textKey is the key of a text in rows of the type. Capitals count, as for the API.
func (n *node) textKey(text string) string { return n.root + " " + text }

// walk calls f for an object of the type, where it does not say another one itself,
// and for all objects in it.
func (d *dry) walk(object []byte, typ string, f func(*node)) {
	var n node
	if json.Unmarshal(object, &n) != nil || json.Unmarshal(object, &n.members) != nil {
		return
	}
	if n.Type != "" {
		typ = strings.TrimPrefix(n.Type, "Erp.")
	}
	n.root = d.types.Root(typ)
	f(&n)
	for name, value := range n.members {
		if strings.HasPrefix(name, "@") || len(value) == 0 {
			continue
		}
		within := []json.RawMessage{value}
		if value[0] == '[' && json.Unmarshal(value, &within) != nil {
			continue
		}
		for _, one := range within {
			if len(one) > 0 && one[0] == '{' {
				d.walk(one, d.types.Target(typ, name), f)
			}
		}
	}
}

// maxAlike bounds the objects that may be meant by one code or name; maxText the
// length of those that are kept.
const maxAlike, maxText = 3, 80

// needs are the objects made so far that an object refers to, merges with or changes.
func (d *dry) needs(object []byte) (all []int) {
	d.walk(object, "", func(n *node) {
		if at, ok := d.found[n.key()]; ok {
			all = append(all, at)
		}
		for member, value := range n.By {
			if member == "Code" || member == "Name" {
				all = append(all, d.texts[n.textKey(textOf(value))]...)
			}
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// alike are the objects made so far that share a text with one which would be made,
// as the only one so far: the ERP may not take it twice. Of those that share one
// already it has taken two.
func (d *dry) alike(object []byte) (all []int) {
	d.walk(object, "", func(n *node) {
		if n.Type == "" || n.Action == "find" {
			return
		}
		for name, value := range n.members {
			if !strings.HasPrefix(name, "@") && len(value) > 0 && value[0] == '"' {
				if have := d.texts[n.textKey(textOf(value))]; len(have) == 1 {
					all = append(all, have[0])
				}
			}
		}
	})
	return all
}

// keep takes an object that would be there.
func (d *dry) keep(object []byte) error {
	m := made{at: d.end, length: len(object), needs: d.needs(object)}
	if _, err := d.file.WriteAt(object, d.end); err != nil {
		return fmt.Errorf("keep an object of a dry run: %w", err)
	}
	d.end += int64(len(object))
	at := len(d.made)
	d.made = append(d.made, m)
	d.walk(object, "", func(n *node) {
		if n.Type == "" || n.Action == "find" {
			return // a part, or what was there before
		}
		if key := n.key(); key != "" {
			if _, have := d.found[key]; !have {
				d.found[key] = at
			}
		}
		for name, value := range n.members {
			if !strings.HasPrefix(name, "@") && name != "ExternalId" && name != "ExternalSystem" {
				d.index(n, value, at)
			}
		}
	})
	return nil
}

// index notes a text of the object, or its texts in several languages.
func (d *dry) index(n *node, value json.RawMessage, at int) {
	texts := []string{textOf(value)}
	var languages map[string]json.RawMessage
	if value[0] == '{' && json.Unmarshal(value, &languages) == nil {
		for name, text := range languages {
			if len(name) == 2 {
				texts = append(texts, textOf(text))
			}
		}
	}
	for _, text := range texts {
		key := n.textKey(text)
		if alike := d.texts[key]; text != "" && len(text) <= maxText && len(alike) < maxAlike && !slices.Contains(alike, at) {
			d.texts[key] = append(alike, at)
		}
	}
}

// before are the objects that some others need before them, in the order in which
// they were made.
func (d *dry) before(objects [][]byte) ([]any, error) {
	wanted := map[int]bool{}
	var open []int
	for _, o := range objects {
		open = append(append(open, d.needs(o)...), d.alike(o)...)
	}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if !wanted[at] {
			wanted[at] = true
			open = append(open, d.made[at].needs...)
		}
	}
	for at := range d.always {
		wanted[at] = true
	}
	var all []any
	for _, at := range slices.Sorted(maps.Keys(wanted)) {
		object := make([]byte, d.made[at].length)
		if _, err := d.file.ReadAt(object, d.made[at].at); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read an object of a dry run: %w", err)
		}
		all = append(all, json.RawMessage(object))
	}
	return all, nil
}

// rehearse asks what an Import would do with objects, and answers as if it had been
// done after all before it.
func (i *attempt) rehearse(ctx context.Context, objects []any) (client.ImportResult, error) {
	texts := make([][]byte, len(objects))
	for n, o := range objects {
		texts[n], _ = o.(json.RawMessage) // all are
	}
	before, err := i.dry.before(texts)
	if err != nil {
		return client.ImportResult{}, err
	}
	commit := false
	result, err := i.ERP.Import(ctx, client.ImportRequest{
		Transaction: client.ImportPerObject, Commit: &commit, Objects: slices.Concat(before, objects),
	})
	if err != nil {
		return result, err
	}
	if len(result.Objects) != len(before)+len(objects) {
		return result, fmt.Errorf("import: %d results for %d objects", len(result.Objects), len(before)+len(objects))
	}
	result.Objects = result.Objects[len(before):]
	for n := range result.Objects {
		if o := &result.Objects[n]; o.OK() && (o.State == "Added" || o.State == "Modified") {
			if err := i.dry.keep(bytes.Clone(texts[n])); err != nil {
				return result, err
			}
		}
	}
	return result, nil
}

// beginAgain forgets what an attempt before has told: it has changed nothing, and
// what it knew is lost.
func (i *attempt) beginAgain(ctx context.Context) error {
	if !i.at.Opened {
		return nil
	}
	i.at = checkpoint{}
	return i.Restart(ctx)
}

// drySummary is what a dry run came to.
func (i *attempt) drySummary(sum internalapi.StepResult) string {
	text := fmt.Sprintf("dry run: %d rows read: %d would be added, %d changed, %d unchanged, %d refused",
		sum.Rows, sum.Added, sum.Changed, sum.Unchanged, sum.Refused)
	if sum.Removed > 0 {
		text += fmt.Sprintf("; %d would be removed that the files do not have any more", sum.Removed)
	}
	return text + "; the ERP was asked, and nothing was written"
}

// mappingFault is a prepared object that the ERP does not take.
func (i *attempt) mappingFault(n int, o *client.ImportedObject) error {
	return tandem.Errorf(tandem.CodeRule, "line %d of the mapping file: %s cannot be prepared: %s",
		i.Mapping.Prepare[n].Line, i.Mapping.Prepare[n].Entity, reasonOf(o))
}
