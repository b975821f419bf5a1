package platform_test

import (
	"maps"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/usage"
)

// usesOf is how often the portal has used each thing in the last ten days.
func usesOf(t *testing.T, in *tandemtest.Instance) map[string]int64 {
	t.Helper()
	app, err := in.Platform.Apps.Get(t.Context(), tandemtest.Portal)
	must(t, err)
	halves, err := in.Platform.Halves(t.Context(), &app, in.Platform.Today()-10)
	must(t, err)
	all := map[string]int64{}
	for _, half := range halves {
		for what, n := range half.Sums {
			all[string(half.Flow)+" "+what] += n
		}
	}
	return all
}

// TestUsesOfApplications: every replica counts for itself and all of it adds up, what the
// database did not take is written later, a replica that ends writes what is left, and
// after 400 days nothing is left but that counting goes on.
func TestUsesOfApplications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Demo: true, Log: quiet})
		const products = "General_Products_Products"
		read := func(in *tandemtest.Instance, token string) {
			t.Helper()
			if status, text := in.API("GET", products+"?$top=1", token, ""); status != 200 {
				t.Errorf("%d %s", status, text)
			}
		}
		token := in.ServiceToken()
		read(in, token)
		t.Run("a replica", func(t *testing.T) {
			other := in.Replica(t)
			read(other, token)
			read(other, other.ServiceToken())
		}) // and it has ended
		rename := func(from, to string) {
			t.Helper()
			_, err := in.Platform.DB.Writer().ExecContext(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to)
			must(t, err)
		}
		rename("uses", "away")
		rename("tallies", "elsewhere")
		read(in, token)
		if err := in.Platform.WriteUses(t.Context()); err == nil {
			t.Error("uses were written where there is no table for them")
		}
		rename("away", "uses")
		rename("elsewhere", "tallies")
		read(in, token)
		rename("permission_uses", "away") // what is missing keeps nothing else from being written
		if err := in.Platform.WriteUses(t.Context()); err == nil || len(usesOf(t, in)) == 0 {
			t.Errorf("uses were not written beside rights that could not be: %v", err)
		}
		rename("away", "permission_uses")
		must(t, in.Platform.WriteUses(t.Context()))
		must(t, in.Platform.WriteUses(t.Context()))
		want := map[string]int64{"service scope:read": 5, "service set:" + products + ":r": 5, "service grant:client_credentials": 2, "service instance:": 1}
		got := usesOf(t, in)
		maps.DeleteFunc(got, func(what string, n int64) bool { return n == 2 && what[:min(len(what), 13)] == "service cred:" })
		if !maps.Equal(got, want) {
			t.Errorf("used %v, want %v", got, want)
		}
		issued := int64(0)
		must(t, in.Platform.EachTally(t.Context(), usage.Filter{Span: usage.WholeDay, Kind: string(tandem.AuditTokenIssued)}, func(y *usage.Tally) error {
			issued += y.N
			return nil
		}))
		if issued != 2 {
			t.Errorf("%d tokens are counted", issued)
		}
		first, err := in.Platform.UsesSince(t.Context())
		must(t, err)
		in.Clock.Advance((usage.Kept + 2) * 24 * time.Hour)
		must(t, in.Platform.WriteUses(t.Context()))
		in.Platform.Purge(t.Context())
		if got := usesOf(t, in); len(got) != 0 {
			t.Errorf("much later: %v", got)
		}
		if again, err := in.Platform.UsesSince(t.Context()); err != nil || again != first || first == 0 {
			t.Errorf("counted since %s, before it was %s, %v", again, first, err)
		}
		for _, span := range []time.Duration{usage.Moment, usage.WholeDay} {
			must(t, in.Platform.EachTally(t.Context(), usage.Filter{Span: span}, func(y *usage.Tally) error {
				if y.At.Before(in.Clock.Now().Add(-usage.DaysKept)) {
					t.Errorf("%s: %+v is still there", span, y)
				}
				return nil
			}))
		}
	})
}
