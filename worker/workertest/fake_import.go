package workertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// imported are the objects of an ExternalSystem with one of the ExternalIds, whatever
// their case, as filters are.
func (f *Fake) imported(filter string) (found []Object) {
	var texts []string
	for _, m := range literal.FindAllStringSubmatch(filter, -1) {
		texts = append(texts, strings.ToLower(strings.ReplaceAll(m[1], "''", "'")))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Imported)) {
		part := strings.Split(key, "|")
		if strings.ToLower(part[1]) != texts[0] || !slices.Contains(texts[1:], strings.ToLower(part[2])) {
			continue
		}
		row := Object{"Id": guid(key), "ExternalSystem": part[1], "ExternalId": part[2]}
		for collection, children := range f.Children[key] {
			row[collection] = children
		}
		found = append(found, row)
	}
	return found
}

// guid is the Id of what has the key.
func guid(key string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(key)).String() }

// IDOf is the Id of an imported object; the lock is held.
func (f *Fake) IDOf(system, externalID string) string {
	return guid(f.foundBy(Object{"ExternalSystem": system, "ExternalId": externalID}))
}

// foundBy is the key of the imported object that a search finds; empty for none.
func (f *Fake) foundBy(by Object) string {
	ending := fmt.Sprint("|", by["ExternalSystem"], "|", by["ExternalId"])
	for kind := range f.kinds {
		if _, found := f.Imported[kind+ending]; found {
			return kind + ending
		}
	}
	return ""
}

// doImport merges by ExternalId. A name or text with "refuse" breaks a rule,
// and references must have been imported. With commit false all is undone.
func (f *Fake) doImport(w http.ResponseWriter, r *http.Request) {
	f.imports++
	var req struct {
		Commit  *bool
		Objects []Object
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		f.fail(w, 400, "BadRequest", err.Error())
		return
	}
	if req.Commit != nil && !*req.Commit {
		imported, children := maps.Clone(f.Imported), map[string]map[string][]Object{}
		for key, of := range f.Children {
			children[key] = map[string][]Object{}
			for collection, rows := range of {
				children[key][collection] = slices.Clone(rows)
			}
		}
		defer func() { f.Imported, f.Children = imported, children }()
	}
	var out []Object
	for _, o := range req.Objects {
		if o["@erpnet.action"] == "findOrNull" {
			one := Object{"@erpnet.result": "success", "@erpnet.state": "Unchanged"}
			if key := f.foundBy(o["@erpnet.findBy"].(Object)); key != "" {
				one["@odata.id"] = "Set(" + guid(key) + ")"
			}
			out = append(out, one)
			continue
		}
		if reason := f.wrong(o); reason != "" {
			out = append(out, Object{"@erpnet.result": "fail", "@erpnet.message": reason, "@erpnet.error": Object{"code": 2029, "message": reason}})
			continue
		}
		key := fmt.Sprint(o["@odata.type"], "|", o["ExternalSystem"], "|", o["ExternalId"])
		changed := f.adopt(key, o)
		text, _ := json.Marshal(o)
		state := "Added"
		if had, found := f.Imported[key]; found {
			state = "Modified"
			if had == string(text) && !changed || o["@erpnet.action"] == "findOrCreate" {
				state = "Unchanged"
			}
		}
		f.Imported[key] = string(text)
		f.kinds[fmt.Sprint(o["@odata.type"])] = true
		out = append(out, Object{"@erpnet.result": "success", "@odata.id": "Set(" + AnnaID + ")", "@erpnet.state": state})
	}
	write(w, 200, Object{"@erpnet.result": "success", "objects": out})
}

// adopt takes the child collections out of an object and does what they say.
func (f *Fake) adopt(key string, o Object) (changed bool) {
	for collection, v := range o {
		list, isCollection := v.([]any)
		if !isCollection {
			continue
		}
		delete(o, collection)
		if f.Children[key] == nil {
			f.Children[key] = map[string][]Object{}
		}
		children := f.Children[key][collection]
		for _, v := range list {
			sent := v.(Object)
			row := Object{"Id": guid(fmt.Sprint(key, len(children), f.imports))}
			at := -1
			if by, ok := sent["@erpnet.findBy"].(Object); ok {
				at = slices.IndexFunc(children, func(c Object) bool { return c["Id"] == by["Id"] })
			}
			if sent["@erpnet.action"] == "delete" {
				children, changed = slices.Delete(children, at, at+1), true
				continue
			}
			if at >= 0 {
				row = maps.Clone(children[at])
			}
			for name, value := range sent {
				if reference, ok := value.(Object); ok && reference["@erpnet.action"] == "find" {
					value = Object{"@odata.id": "Set(" + guid(f.foundBy(reference["@erpnet.findBy"].(Object))) + ")"}
				}
				if !strings.HasPrefix(name, "@") {
					row[name] = value
				}
			}
			if at < 0 {
				children, changed = append(children, row), true
				continue
			}
			changed = changed || fmt.Sprint(children[at]) != fmt.Sprint(row)
			children[at] = row
		}
		f.Children[key][collection] = children
	}
	return changed
}

func (f *Fake) wrong(o Object) string {
	for name, v := range o {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, "refuse") {
				return name + " breaks a rule. (Constraint R1)"
			}
		case Object:
			if v["@erpnet.action"] == "find" && f.foundBy(v["@erpnet.findBy"].(Object)) == "" {
				return name + ": Object not found."
			}
			if reason := f.wrong(v); reason != "" && !strings.HasPrefix(name, "@") {
				return name + ": " + reason
			}
		case []any:
			for i, line := range v {
				if reason := f.wrong(line.(Object)); reason != "" {
					return fmt.Sprintf("%s[%d]: %s", name, i, reason)
				}
			}
		}
	}
	return ""
}
