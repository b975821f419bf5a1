package erp_test

import (
	"testing"

	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
)

func TestModelIsLinked(t *testing.T) {
	t.Parallel()
	m := erp.NewModel()
	for _, s := range m.Sets {
		if s.Table == "" || s.Type == "" {
			t.Errorf("%s has no table or type", s.Name)
		}
		if m.SetOfType(s.Type) != s {
			t.Errorf("type %s does not lead back to %s", s.Type, s.Name)
		}
		for i, p := range s.Properties {
			if p.Index != i {
				t.Errorf("%s.%s has index %d at %d", s.Name, p.Name, p.Index, i)
			}
			if p.IsReference() && p.Target == nil {
				t.Errorf("%s.%s points nowhere", s.Name, p.Name)
			}
			if (p.Kind == model.KindAmount || p.Kind == model.KindQuantity) && len(p.Unit) == 0 {
				t.Errorf("%s.%s has no unit", s.Name, p.Name)
			}
		}
		if !s.View && s.ID() == nil {
			t.Errorf("%s has no Id", s.Name)
		}
	}
	if got := m.NewName("Crm_Customers"); got != "Crm_Sales_Customers" {
		t.Errorf("Crm_Customers was renamed to %s", got)
	}
}
