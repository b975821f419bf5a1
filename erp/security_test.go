package erp_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/write"
)

const aGUID = "0123abcd-4567-89ab-cdef-0123456789ab"

func TestRowsOfTheSecurityNamespaceNeedSec(t *testing.T) {
	t.Parallel()
	m := erp.NewModel()
	plain, sec := tandem.ParseScope("read update"), tandem.ParseScope("read sec")
	for _, s := range m.Sets {
		secured := strings.HasPrefix(s.Name, "Systems_Security_")
		if s.Security != secured {
			t.Errorf("%s is secured: %t", s.Name, s.Security)
		}
		if erp.MaySee(plain, s) == secured || !erp.MaySee(sec, s) || erp.MaySee(nil, s) == secured {
			t.Errorf("who may see %s", s.Name)
		}
	}
}

// TestBodiesMayLinkButNotLook looks at every way in which a body reaches a row of
// the security namespace.
func TestBodiesMayLinkButNotLook(t *testing.T) {
	t.Parallel()
	m := erp.NewModel()
	plain, sec := tandem.ParseScope("update"), tandem.ParseScope("update sec")
	for body, may := range map[string]bool{
		`{"User":{"@odata.id":"Systems_Security_Users(` + aGUID + `)"}}`:                                           true,
		`{"User":{"@odata.type":"Erp.Systems_Security_User","@odata.id":"Systems_Security_Users(` + aGUID + `)"}}`: true,
		`{"User@odata.bind":"Systems_Security_Users(` + aGUID + `)"}`:                                              true,
		`{"User":null,"Notes":"Login"}`:                                                                            true,
		`{"User":{"Login":"anna"}}`:                                                                                false,
		`{"User":{"@erpnet.findBy":{"Code":"anna"}}}`:                                                              false,
		`{"User":[[{"Login":"anna"}]]}`:                                                                            false,
		`{"Customer":{"ExternalAccess":[{"User":{"Name":"Anna"}}]}}`:                                               false,
		`{"Customer":{"ExternalAccess":[{"Role":"Admin"}],"Number":"1"}}`:                                          true,
	} {
		o, err := write.ReadObject(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		set := m.Set("Crm_Sales_CustomerExternalAccess")
		if got := erp.MaySend(plain, set, o); got != may {
			t.Errorf("%s: %t", body, got)
		}
		if !erp.MaySend(sec, set, o) {
			t.Errorf("%s is refused with the scope sec", body)
		}
	}
}
