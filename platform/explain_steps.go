package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// step turns a decision into words, with the groups that it comes from.
func (x *explaining) step(d permission.Decision) {
	id := permission.SetKeyID(d.Set)
	on := ""
	if d.Attribute != "" {
		if d.Refused == nil || d.Refused.Rule == tandem.RuleAttribute {
			id = permission.ColumnKeyID(d.Set, d.Attribute)
		}
		on = "." + d.Attribute
		if !slices.ContainsFunc(x.d.Keys, func(k permission.Key) bool { return k.ID == id }) {
			id = permission.SetKeyID(d.Set) // the right to update the set says for which attributes
		}
	}
	need, by, attribute := d.Need, "", ""
	if id == permission.SetKeyID(d.Set) {
		attribute = d.Attribute
	}
	if d.Key != "" { // that of a document's type, or an ability
		id, by = d.Key, " by "+x.keyName(d.Key)
		if x.kind(d.Key) == permission.SystemKey {
			need = permission.Read // an ability is granted or not
		}
	}
	s := x.keyStep(id, need, attribute, d.Refused == nil, "")
	s.What = d.Need.String() + " " + d.Set + on + by
	x.e.Steps = append(x.e.Steps, s)
}

// kind is what a key is for; that of rows where it is not known.
func (x *explaining) kind(id string) permission.KeyKind {
	for i := range x.d.Keys {
		if x.d.Keys[i].ID == id {
			return x.d.Keys[i].Kind
		}
	}
	return permission.RowKey
}

// keyName is a key in words.
func (x *explaining) keyName(id string) string {
	if at := slices.IndexFunc(x.d.Keys, func(k permission.Key) bool { return k.ID == id }); at >= 0 && x.d.Keys[at].Name != "" {
		return fmt.Sprintf("the key %q", x.d.Keys[at].Name)
	}
	return "the key " + id
}

// keyStep is the decision about a right on a key, and of a set about one of its attributes.
func (x *explaining) keyStep(id string, need permission.Right, attribute string, allowed bool, what string) Step {
	s := Step{What: need.String() + " by " + x.keyName(id) + " " + what, Allowed: allowed}
	s.By, s.Others = x.giving(id, need, attribute)
	if allowed {
		s.Others = nil
	}
	return s
}

// giving are the groups that are granted a right on a key: the account's, and others. A
// grant may be for some attributes alone.
func (x *explaining) giving(id string, need permission.Right, attribute string) (own, others []string) {
	for i := range x.d.Groups {
		g := &x.d.Groups[i]
		mine := slices.Contains(x.groups, g.ID)
		gives := mine && (g.Type == permission.Administrators || g.Type == permission.AllData) ||
			slices.ContainsFunc(x.d.Grants, func(grant permission.Grant) bool {
				return grant.Group == g.ID && grant.Key == id && grant.Gives(need, attribute)
			})
		switch {
		case gives && mine:
			own = append(own, g.Name)
		case gives:
			others = append(others, g.Name)
		}
	}
	return own, others
}

// kept is an answer of which the beginning is kept.
type kept struct {
	header http.Header
	status int
	body   []byte
}

// Header implements [http.ResponseWriter].
func (w *kept) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *kept) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *kept) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	const most = 4 << 10
	w.body = append(w.body, b[:min(len(b), max(0, most-len(w.body)))]...)
	return len(b), nil
}

// words are what the answer says of an error; of rows it says nothing.
func (w *kept) words() string {
	if w.status < 400 {
		return ""
	}
	var told struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(w.body, &told) != nil {
		return ""
	}
	return strings.TrimSpace(told.Error.Message)
}
