package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// TestARowWithTheIdOfAnother: who makes a row chooses its Id, which may be that of the row
// of another set that it refers to. It is made, kept and deleted like one with any other.
func TestARowWithTheIdOfAnother(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newFurnished(t, db)
		tried := 0
		for _, s := range erpModel.Sets {
			if s.ReadOnly || s.Abstract || s.View {
				continue
			}
			refers := map[string]any{}
			to := map[model.Entity]string{} // what is tried to be deleted
			for _, p := range s.Properties {
				if !p.IsReference() || p.ReadOnly || !p.Stored() {
					continue
				}
				at := w.firstOf(t, p.Target)
				if at.ID == "" {
					continue
				}
				refers[p.Name+"@odata.bind"] = at.String()
				if at.Set.Table == s.Table {
					continue // of one table no two rows have the same
				}
				if to[at] = at.String(); p == s.Owner {
					to[at] = s.Name + "(" + at.ID + ")" // with which it would go: itself
				}
			}
			for at, target := range to {
				id := uuid.NewString()
				other := w.livesAs(t, s, refers, id, strings.Replace(target, s.Name+"("+at.ID, s.Name+"("+id, 1))
				if same := w.livesAs(t, s, refers, at.ID, target); same != other {
					t.Errorf("%s with the Id of %s: %s, with another: %s", s.Name, at, same, other)
				}
				tried++
			}
		}
		if tried < 50 {
			t.Errorf("only %d references were tried", tried)
		}
	})
}

const allScopes = "Authorization: Bearer read+update+sec"

// firstOf is a row of a set; zero where there is none.
func (w *house) firstOf(t *testing.T, s *model.Set) model.Entity {
	t.Helper()
	r, answer := call(t, w.h, "GET", s.Name+"?$select=Id&$top=1", "", allScopes)
	var page struct {
		Value []struct {
			ID string `json:"@odata.id"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &page); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v: %d %s", s.Name, err, r.StatusCode, answer)
	}
	if len(page.Value) == 0 {
		return model.Entity{}
	}
	set, id, err := erpModel.ParseID(page.Value[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return model.Entity{Set: set, ID: id}
}

// livesAs makes a row with an Id and references, tries to delete what it refers to, and
// deletes it. It returns what became of that.
func (w *house) livesAs(t *testing.T, s *model.Set, refers map[string]any, id, target string) string {
	t.Helper()
	o := map[string]any{"Id": id}
	for name, at := range refers {
		o[name] = at
	}
	for _, p := range s.Properties {
		if !p.Required || p.ReadOnly || !p.Stored() || p.IsReference() || p.Name == "ObjectVersion" || !p.Default.Null {
			continue
		}
		switch p.Kind {
		case model.KindString:
			o[p.Name] = "x"
		case model.KindMultiLanguage:
			o[p.Name] = map[string]string{"EN": "x"}
		case model.KindEnum:
			o[p.Name] = p.Enum.Members[0].Name
		}
	}
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	made, _ := call(t, w.h, "POST", s.Name, string(body), allScopes)
	became := fmt.Sprint("POST ", made.StatusCode)
	if made.StatusCode == http.StatusCreated {
		referred, _ := call(t, w.h, "DELETE", target, "", allScopes)
		gone, _ := call(t, w.h, "DELETE", s.Name+"("+id+")", "", allScopes)
		became += fmt.Sprint(", DELETE of what it refers to ", referred.StatusCode, ", DELETE ", gone.StatusCode)
	}
	return became
}
