package platform_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// breaking is a store of permissions that ends after so many writes, as a process does.
type breaking struct {
	permission.Store
	left, written int
}

var errKilled = errors.New("killed")

func (b *breaking) next() error {
	if b.written++; b.left == 0 {
		return errKilled
	}
	b.left--
	return nil
}

func (b *breaking) PutGroup(ctx context.Context, g permission.Group) error {
	if err := b.next(); err != nil {
		return err
	}
	return b.Store.PutGroup(ctx, g)
}

func (b *breaking) PutMember(ctx context.Context, group, user string) (bool, error) {
	if err := b.next(); err != nil {
		return false, err
	}
	return b.Store.PutMember(ctx, group, user)
}

func (b *breaking) PutKey(ctx context.Context, k permission.Key) error {
	if err := b.next(); err != nil {
		return err
	}
	return b.Store.PutKey(ctx, k)
}

func (b *breaking) ChangeGrant(ctx context.Context, group string, k permission.Key, change func(*permission.Grant) (*permission.Grant, error)) error {
	if err := b.next(); err != nil {
		return err
	}
	return b.Store.ChangeGrant(ctx, group, k, change)
}

// granted is who is in which group, and what groups are granted, in words.
func granted(t *testing.T, a *platform.Administration) string {
	t.Helper()
	d, err := a.Permissions.Store.Definitions(t.Context())
	must(t, err)
	var all []string
	for _, g := range d.Groups {
		members, err := a.Permissions.Store.Members(t.Context(), g.ID, "", 100)
		must(t, err)
		for _, u := range members {
			all = append(all, g.Name+" has "+u.Login)
		}
		grants, err := a.Permissions.Grants(t.Context(), g.ID)
		must(t, err)
		for _, on := range grants {
			slices.Sort(on.UpdateAttributes)
			all = append(all, g.Name+": "+on.Words()+" on "+on.Key.Words())
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// unshared is what two such texts do not share.
func unshared(got, want string) string {
	var all []string
	for _, line := range strings.Split(got, "\n") {
		if !strings.Contains("\n"+want+"\n", "\n"+line+"\n") {
			all = append(all, "+ "+line)
		}
	}
	for _, line := range strings.Split(want, "\n") {
		if !strings.Contains("\n"+got+"\n", "\n"+line+"\n") {
			all = append(all, "- "+line)
		}
	}
	return strings.Join(all, "\n")
}

// TestDemoFieldBrokenOff: wherever `tandem demo add field` is broken off, the next one gives
// its System User all that it needs; also where there is a group of the office already,
// which stays as it is. What an administrator takes away afterwards stays away.
func TestDemoFieldBrokenOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		a := administration(t, engine)
		_, err := a.EnsureDemo(ctx, platform.DemoConfig{WebApp: "http://localhost:8081"})
		must(t, err)
		add := func() error {
			_, err := a.AddField(ctx, "http://127.0.0.1:8093", platform.DemoConfig{})
			return err
		}
		store := &breaking{Store: a.Permissions.Store, left: 1000}
		a.Permissions.Store = store
		must(t, add())
		want, writes := granted(t, a), store.written
		if !strings.Contains(want, "Field cloud has svc.field") || writes < 15 {
			t.Fatalf("%d writes:\n%s", writes, want)
		}
		forget := func() {
			for _, name := range []string{"Service", "Field cloud"} {
				must(t, a.Permissions.DeleteGroup(ctx, tandemtest.By, name))
			}
		}
		for n := range writes {
			forget()
			store.left = n
			if err := add(); !errors.Is(err, errKilled) {
				t.Fatalf("after %d writes: %v", n, err)
			}
			store.left = 1000
			must(t, add())
			if wrong := unshared(granted(t, a), want); wrong != "" {
				t.Errorf("broken off after %d writes:\n%s", n, wrong)
			}
		}
		must(t, a.Permissions.Revoke(ctx, tandemtest.By, "Field cloud", permission.Target{Set: "Systems_Core_Notifications"}))
		less := granted(t, a)
		must(t, add())
		if wrong := unshared(granted(t, a), less); wrong != "" {
			t.Errorf("what was taken away is back:\n%s", wrong)
		}
	})
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		a := administration(t, engine)
		_, err := a.EnsureDemo(ctx, platform.DemoConfig{WebApp: "http://localhost:8081"})
		must(t, err)
		for _, name := range []string{"Service", "Field cloud"} { // somebody's, or of a version that did not remember what it made
			_, err := a.Permissions.CreateGroup(ctx, tandemtest.By, name, "")
			must(t, err)
		}
		_, err = a.AddField(ctx, "http://127.0.0.1:8093", platform.DemoConfig{})
		must(t, err)
		got := granted(t, a)
		if !strings.Contains(got, "Field cloud has svc.field") || !strings.Contains(got, "Field cloud: read,create on the set Systems_Core_Notifications") || strings.Contains(got, "Service has") {
			t.Error(got)
		}
	})
}

// TestDemoBrokenOff: the same of the demo's first start.
func TestDemoBrokenOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		whole := administration(t, engine)
		_, err := whole.EnsureDemo(t.Context(), platform.DemoConfig{WebApp: "http://localhost:8081"})
		must(t, err)
		want := granted(t, whole)
		a := administration(t, engine)
		store := &breaking{Store: a.Permissions.Store}
		a.Permissions.Store = store
		for n := 1; ; n += 7 { // each goes some writes further than the one before
			store.left, store.written = n, 0
			_, err := a.EnsureDemo(t.Context(), platform.DemoConfig{WebApp: "http://localhost:8081"})
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
		if wrong := unshared(granted(t, a), want); wrong != "" {
			t.Error(wrong)
		}
	})
}
