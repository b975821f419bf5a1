package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/erp/model"
)

// TestE14_EverySetSaysWhatGuardsItsRows: who adds a set says who sees its rows, or the
// model is not made.
func TestE14_EverySetSaysWhatGuardsItsRows(t *testing.T) {
	t.Parallel()
	keys := model.Plain("Keys", "Key", "keys").Unguarded().With(model.GUID("Id"))
	key := model.Ref("AccessKey", "Keys")
	for want, set := range map[string]model.SetDeclaration{
		"Things does not say what guards its rows": model.Root("Things", "Thing", "things"),
		"Views does not say what guards its rows":  model.View("Views", "View", "views"),
		"further away than one reference": model.Root("Things", "Thing", "things").Guarded("Next.Next.AccessKey").
			With(model.Ref("Next", "Things"), key),
		"": model.Root("Things", "Thing", "things").Guarded("AccessKey").With(key),
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); want != "" && !strings.Contains(got, want) || want == "" && got != "<nil>" {
					t.Errorf("got %q, want %q", got, want)
				}
			}()
			model.New([]model.SetDeclaration{keys, set}, nil)
		}()
	}
}
