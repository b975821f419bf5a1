package agent_test

import (
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// What the agent has read with its own rights is not for employees who may not read list
// prices themselves: no page and no download of a batch tells them, and a right that is
// granted or taken holds within seconds.
func TestPricesAreForThoseWhoMayReadThem(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.byDay()
	groups := p.Platform.Permissions
	p.CreateUser(signin.NewUser{Login: "walt", Type: tandem.InternalUser})
	column := permission.Target{Column: setPrice}
	if _, err := groups.Grant(t.Context(), tandemtest.By, "Managers", column, "read", false); err != nil {
		t.Fatal(err)
	}
	if err := groups.Revoke(t.Context(), tandemtest.By, "Everybody", column); err != nil {
		t.Fatal(err)
	}
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.5)))
	r.until(1, wire.Waiting)

	doors := map[string]func(login string) error{
		"the list": func(login string) error {
			_, err := r.api.Batches(t.Context(), r.idToken(login), 0, 10)
			return err
		},
		"a batch": func(login string) error {
			_, err := r.api.Batch(t.Context(), r.idToken(login), 1)
			return err
		},
		"its rows": func(login string) error {
			_, err := r.api.Rows(t.Context(), r.idToken(login), 1, "", false, 0, 10)
			return err
		},
		"its groups": func(login string) error {
			_, err := r.api.Groups(t.Context(), r.idToken(login), 1)
			return err
		},
	}
	for _, format := range []string{"csv", "xlsx", "pdf"} {
		doors["its report as "+format] = func(login string) error {
			res, err := r.api.Report(t.Context(), r.idToken(login), 1, format)
			if err == nil {
				err = res.Body.Close()
			}
			return err
		}
	}
	all := func(login string, want tandem.Code) {
		t.Helper()
		for name, open := range doors {
			if got := tandem.ErrorCode(open(login)); got != want {
				t.Errorf("%s opens %s: %q, want %q", login, name, got, want)
			}
		}
	}
	all("walt", tandem.CodeForbidden)
	all("maria", "")
	for name, change := range map[string]func() error{
		"strike": func() error {
			_, err := r.api.Strike(t.Context(), r.idToken("walt"), 1, wire.Strike{Lines: []int64{2}})
			return err
		},
		"decide": func() error { return r.decide("walt", 1) },
		"cancel": func() error {
			_, err := r.api.Do(t.Context(), r.idToken("walt"), 1, "cancel")
			return err
		},
		"roll back": func() error {
			_, err := r.api.RollBack(t.Context(), r.idToken("walt"), 1, wire.Rollback{Reason: "why not"})
			return err
		},
	} {
		if err := change(); tandem.ErrorCode(err) != tandem.CodeForbidden {
			t.Errorf("walt may %s: %v", name, err)
		}
	}
	if b := r.batch("maria", 1); b.State != wire.Waiting {
		t.Errorf("the batch is %s", b.State)
	}

	p.Grant("Managers", "walt")
	all("walt", "")
	if err := groups.RemoveMember(t.Context(), tandemtest.By, "Managers", "walt"); err != nil {
		t.Fatal(err)
	}
	p.Advance(5 * time.Second)
	all("walt", tandem.CodeForbidden)
}
