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
	need, by := d.Need, ""
	if d.Key != "" { // that of a document's type, or an ability
		id, by = d.Key, " by "+x.keyName(d.Key)
		if x.kind(d.Key) == permission.SystemKey {
			need = permission.Read // an ability is granted or not
		}
	}
	s := x.keyStep(id, need, d.Refused == nil, "")
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

// keyStep is the decision about a right on a key.
func (x *explaining) keyStep(id string, need permission.Right, allowed bool, what string) Step {
	s := Step{What: need.String() + " by " + x.keyName(id) + " " + what, Allowed: allowed}
	s.By, s.Others = x.giving(id, need)
	if allowed {
		s.Others = nil
	}
	return s
}

// giving are the groups that are granted a right on a key: the account's, and others.
func (x *explaining) giving(id string, need permission.Right) (own, others []string) {
	for i := range x.d.Groups {
		g := &x.d.Groups[i]
		mine := slices.Contains(x.groups, g.ID)
		gives := mine && (g.Type == permission.Administrators || g.Type == permission.AllData) ||
			slices.ContainsFunc(x.d.Grants, func(grant permission.Grant) bool {
				return grant.Group == g.ID && grant.Key == id && grant.Rights&need == need
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

// mend writes the command that grants what was missing, to a group of the account.
func (x *explaining) mend() {
	if x.e.Status == http.StatusUnauthorized {
		x.e.Mend = x.mended(x.facts.Rule, tandem.AuditEvent{Actor: x.e.Login}, x.facts)
	}
	if x.e.Status != http.StatusForbidden || x.facts.Key == "" {
		return
	}
	at := slices.IndexFunc(x.d.Keys, func(k permission.Key) bool { return k.ID == x.facts.Key })
	if at < 0 {
		return
	}
	k := &x.d.Keys[at]
	rights := x.facts.Need
	if x.facts.Rule == tandem.RuleLimited {
		rights = "update:" + x.facts.Attribute
	}
	group := "GROUP"
	for _, g := range x.d.Groups {
		if g.Type == permission.NormalGroup && slices.Contains(x.groups, g.ID) {
			group = permission.Quoted(g.Name)
		}
	}
	x.e.Mend = append(x.e.Mend, fmt.Sprintf("tandem access grant %s %s --rights %s", group, k.Flag(), permission.Quoted(rights)))
	for _, g := range x.d.Groups { // one that has the right, and takes members
		if _, others := x.giving(k.ID, permission.Read); g.Type == permission.NormalGroup && slices.Contains(others, g.Name) {
			x.e.Mend = append(x.e.Mend, fmt.Sprintf("tandem access group add-member %s %s", permission.Quoted(g.Name), permission.Quoted(x.e.Login)))
			return
		}
	}
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
