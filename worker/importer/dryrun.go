package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// dry is what a dry run knows: what the files would make, and what it has asked
// the ERP for.
type dry struct {
	// made are objects that rows before would make, found those of the ERP; both by
	// type and what they are found by.
	made, found map[string]bool
	// partial says that an attempt before was broken off, and that nobody knows any
	// more what its rows would make: then references are not looked at.
	partial bool
}

// rehearse is send without sending: it looks whether what the rows refer to is
// there, in the files or in the ERP. The rules of the ERP are not asked.
func (i *attempt) rehearse(ctx context.Context, step *mapping.Step, b *batch) error {
	wanted := make([][]reference, len(b.items))
	ask := map[string]map[string]json.RawMessage{} // by type
	for n := range b.items {
		it := &b.items[n]
		it.object = append(it.object, '}')
		wanted[n] = i.dry.references(it.object, "", -1)
		for c := range it.children {
			child := append(append([]byte{'{'}, bytes.TrimPrefix(it.children[c].Set, []byte{','})...), '}')
			wanted[n] = append(wanted[n], i.dry.references(child, "", c)...)
		}
		if step.Object.Match != "" && step.Object.Action == "update" {
			by, err := json.Marshal(map[string]string{step.Object.Match: it.key})
			if err != nil {
				return err
			}
			wanted[n] = append(wanted[n], reference{attribute: step.Object.Entity, entity: step.Object.Entity, by: by, child: -1})
		}
		for _, r := range wanted[n] {
			if r.entity != "" && !i.dry.made[r.String()] && !i.dry.found[r.String()] {
				if ask[r.entity] == nil {
					ask[r.entity] = map[string]json.RawMessage{}
				}
				ask[r.entity][r.String()] = r.by
			}
		}
	}
	for entity, by := range ask {
		found, err := i.findAll(ctx, entity, by)
		if err != nil {
			return err
		}
		for key := range found {
			i.dry.found[key] = true
		}
	}
	for n := range b.items {
		it := &b.items[n]
		for _, r := range wanted[n] {
			if i.dry.partial || r.entity == "" || i.dry.made[r.String()] || i.dry.found[r.String()] {
				continue
			}
			it.failure = fmt.Sprintf("%s: there is no %s with %s, in the files or in the ERP", r.attribute, r.entity, r.by)
			if r.child >= 0 {
				c := it.children[r.child]
				place := 0
				for _, before := range it.children[:r.child] {
					if before.of == c.of {
						place++
					}
				}
				it.failure = fmt.Sprintf("%s[%d]: %s", c.of.Collection, place, it.failure)
			}
			break
		}
		if it.failure != "" {
			i.refused(step, it, it.failure)
			continue
		}
		i.dry.make(it.object)
	}
	return i.passed(ctx, b)
}

// reference is what an object or a child of it refers to.
type reference struct {
	attribute, entity string
	by                json.RawMessage
	child             int // its place, -1 for the object itself
}

// String is the one text of what it refers to.
func (r *reference) String() string { return r.entity + " " + string(r.by) }

// node is what matters here of an object of an Import.
type node struct {
	Type   string          `json:"@odata.type"`
	Action string          `json:"@erpnet.action"`
	By     json.RawMessage `json:"@erpnet.findBy"`
}

// walk calls f for an object and all objects in it, with the attribute that holds
// them.
func walk(object []byte, attribute string, f func(attribute string, n node)) {
	var n node
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &n) != nil || json.Unmarshal(object, &members) != nil {
		return
	}
	f(attribute, n)
	for name, value := range members {
		if !strings.HasPrefix(name, "@") && len(value) > 0 && value[0] == '{' {
			walk(value, name, f)
		}
	}
}

// references are the objects that must be there. Those whose type the mapping does
// not say are left to the import.
func (d *dry) references(object []byte, attribute string, child int) (all []reference) {
	walk(object, attribute, func(attribute string, n node) {
		if n.Action == "find" {
			all = append(all, reference{attribute, strings.TrimPrefix(n.Type, "Erp."), n.By, child})
		}
	})
	return all
}

// make notes what the object would make.
func (d *dry) make(object []byte) {
	walk(object, "", func(_ string, n node) {
		if n.Action == "merge" {
			r := reference{entity: strings.TrimPrefix(n.Type, "Erp."), by: n.By}
			d.made[r.String()] = true
		}
	})
}

// drySummary is what a dry run came to.
func (i *attempt) drySummary(sum internalapi.StepResult) string {
	return fmt.Sprintf("dry run: %d rows read, %d would be taken, %d refused; nothing was sent to the ERP, whose rules were not asked",
		sum.Rows, sum.Rows-sum.Refused, sum.Refused)
}
