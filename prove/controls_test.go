package prove_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/tandemtest"
)

// insider looks into an instance of the test, as far as the test asks.
type insider struct {
	prove.Inside
	in *tandemtest.Instance
	// deaf says that nothing is done.
	deaf   bool
	unseen []string
	made   []string
}

func (i *insider) ServiceScope(ctx context.Context, application string, scope []string) (was []string, err error) {
	if i.made = append(i.made, strings.Join(scope, " ")); i.deaf {
		return nil, nil
	}
	_, err = i.in.Platform.Apps.Update(ctx, tandemtest.By, application, func(a *tandem.TrustedApp) error {
		was, a.ServiceScope = a.ServiceScope, scope
		return nil
	})
	return was, err
}

func (i *insider) Search(_ context.Context, look func(string, io.Reader) error) ([]string, error) {
	return i.unseen, look("the file a", strings.NewReader("nothing"))
}

func (i *insider) Halves(context.Context) (found, unseen []string, err error) {
	return nil, i.unseen, nil
}

func (i *insider) config(only ...string) prove.Config {
	return prove.Config{
		Issuer: i.in.Issuer, Application: tandemtest.Portal, UserSecret: i.in.UserSecret, ServiceSecret: i.in.ServiceSecret, RedirectURI: tandemtest.RedirectURI,
		OData: i.in.OData, Person: prove.Person{Login: "anna", Password: tandemtest.Password}, Only: only, Pace: time.Millisecond, Inside: i, Disturb: true,
	}
}

// TestABackEndWithEverythingIsNarrowed: where there is no scope that the back end has not,
// one is taken from it, and it gets it back.
func TestABackEndWithEverythingIsNarrowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		deaf    bool
		disturb bool
		want    prove.Verdict
	}{
		{"kept within", false, true, prove.Holds}, {"not kept within", true, true, prove.Fails}, {"not to be disturbed", false, false, prove.NotTested},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := &insider{in: tandemtest.Start(t, tandemtest.Options{}), deaf: c.deaf}
			config := i.config("I10")
			config.Disturb = c.disturb
			_, got := rows(t, config)
			if row := got["I10"]; row.Verdict != c.want {
				t.Errorf("%s: %s: %+v", row.Verdict, row.Why, row.Probes)
			}
			if told := strings.Join(i.made, ";"); c.disturb != (told == "read;") {
				t.Errorf("the back end was given %q", told)
			}
		})
	}
}

// TestWhatIsNotSeenIsNotSearched: a log that nobody can read is no log without a secret.
func TestWhatIsNotSeenIsNotSearched(t *testing.T) {
	t.Parallel()
	for _, unseen := range [][]string{nil, {"the log of the instance"}} {
		want := prove.Holds
		if len(unseen) > 0 {
			want = prove.NotTested
		}
		i := &insider{in: tandemtest.Start(t, tandemtest.Options{}), unseen: unseen}
		_, got := rows(t, i.config("I8", "I13"))
		for _, id := range []string{"I8", "I13"} {
			if row := got[id]; row.Verdict != want || len(unseen) > 0 && !strings.Contains(row.Why.String(), unseen[0]) {
				t.Errorf("%s with %v unseen: %s: %s", id, unseen, row.Verdict, row.Why)
			}
		}
	}
}

// TestAReadOnlyAPIHidesNothing: where nobody may write, that one may not shows nothing.
func TestAReadOnlyAPIHidesNothing(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	i := &insider{in: in}
	c := i.config("I14")
	c.Privileged, c.PrivilegedSecret = tandemtest.Portal, in.ServiceSecret
	written := func(c prove.Config) prove.Probe {
		_, got := rows(t, c)
		for _, p := range got["I14"].Probes {
			if p.Name == "writes the attribute" {
				return p
			}
		}
		t.Fatalf("%+v", got["I14"])
		return prove.Probe{}
	}
	if p := written(c); p.Verdict == prove.NotTested { // here anna may write it, too
		t.Errorf("%s: %s", p.Verdict, p.Why)
	}
	c.Transport = roundTrips(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPatch {
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	if p := written(c); p.Verdict != prove.NotTested {
		t.Errorf("with an API that refuses every write: %s: %s", p.Verdict, p.Answered)
	}
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
