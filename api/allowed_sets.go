package api

import (
	"net/http"
	"slices"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// allowedSets is the function that tells an account what it may do itself, so that a
// page offers no more: for each entity set what token and account allow at once. It
// tells nothing of rows, and nothing of others.
const allowedSets = "GetAllowedSets"

// allowedSet is what may be done with a set.
type allowedSet struct {
	Set    string
	Read   bool
	Create bool
	Update bool
	Delete bool
}

func (d *Domain) getAllowedSets(w http.ResponseWriter, r *http.Request) error {
	by := grantedTo(r).Silent() // to be told of a right is no use of it
	response := struct {
		Context string       `json:"@odata.context"`
		Value   []allowedSet `json:"value"`
	}{Context: d.root() + "$metadata#Collection(" + odata.Namespace + ".OpenObject)", Value: []allowedSet{}}
	updates := by.Scope.Has(ScopeFor(http.MethodPost))
	for _, s := range d.Model.Sets {
		if s.Permit(by, permission.Read) != nil {
			continue
		}
		// Parts are changed with their root.
		part, may := s.Permissive() != s, func(need permission.Right) bool {
			return updates && !s.View && !s.ReadOnly && mayWith(s.Permissive(), by.Rights, need)
		}
		create, remove := permission.Create, permission.Delete
		if part {
			create, remove = permission.Update, permission.Update
		}
		response.Value = append(response.Value, allowedSet{s.Name, true, may(create), may(permission.Update), may(remove)})
	}
	return document(w, r, response)
}

// mayWith reports whether the rights let be done with some rows of a set what is needed.
// Those that may be of several types are changed by the rights on what they are.
func mayWith(s *model.Set, by *permission.Rights, need permission.Right) bool {
	if !s.Abstract {
		return by.Set(s.Name, need)
	}
	return slices.ContainsFunc(s.Subtypes, func(t *model.Set) bool { return by.Set(t.Name, need) })
}
