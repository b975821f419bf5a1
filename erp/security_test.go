package erp_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/permission"
)

func TestRowsOfTheSecurityNamespaceNeedSec(t *testing.T) {
	t.Parallel()
	m := erp.NewModel()
	for _, s := range m.Sets {
		secured := strings.HasPrefix(s.Name, "Systems_Security_")
		if s.Security != secured {
			t.Errorf("%s is secured: %t", s.Name, s.Security)
		}
		for _, granted := range []string{"", "read update"} {
			if refused := s.Permit(withScope(granted), permission.Read) != nil; refused != secured {
				t.Errorf("%s with the scope %q: refused %t", s.Name, granted, refused)
			}
		}
		if err := s.Permit(withScope("read sec"), permission.Read); err != nil {
			t.Error(err)
		}
	}
}

func withScope(text string) permission.Granted {
	return permission.Granted{Scope: tandem.ParseScope(text), Rights: permission.ByPlatform().Rights}
}
