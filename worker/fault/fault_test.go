package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		err      error
		failures int
		want     Fault
	}{
		{"nothing", nil, 0, Fault{}},
		{"disabled", &oauth.Error{Code: oauth.InvalidClient}, 0, Fault{time.Second, PausedDisabled, true}},
		{"still disabled", fmt.Errorf("x: %w", &oauth.Error{Code: oauth.UnauthorizedClient}), 9, Fault{maxPause, PausedDisabled, true}},
		{"token refused", &client.APIError{Status: 401}, 0, Fault{time.Second, PausedDisabled, true}},
		{"no licence", &client.APIError{Status: 403, Type: "MaximumLicenseCountExceeded"}, 0, Fault{time.Second, PausedLicence, true}},
		{"not allowed", &client.APIError{Status: 403}, 0, Fault{}},
		{"a rule", &client.APIError{Status: 422}, 0, Fault{}},
		{"busy", &client.APIError{Status: 503}, 3, Fault{8 * time.Second, "the ERP is busy", false}},
		{"busy for long", &client.APIError{Status: 429, RetryAfter: time.Hour}, 0, Fault{time.Minute, "the ERP is busy", false}},
		{"a fault", &client.APIError{Status: 500}, 0, Fault{time.Second, "the ERP has a fault", false}},
		{"a fault that stays", &client.APIError{Status: 500}, maxServerFaults, Fault{}},
		{"no such scope", &oauth.Error{Code: oauth.InvalidScope}, 0, Fault{}},
		{"identity server", &oauth.Error{Code: oauth.ServerError}, 0, Fault{time.Second, "the identity server is busy", false}},
		{"no response", context.DeadlineExceeded, 0, Fault{time.Second, "the ERP does not answer", false}},
		{"our own", tandem.Errorf(tandem.CodeThrottled, "too many"), 0, Fault{}},
		{"our own, wrapped", fmt.Errorf("x: %w", tandem.Errorf(tandem.CodeInvalid, "wrong")), 0, Fault{}},
		{"anything else", errors.New("x"), 0, Fault{}},
	} {
		if got := Of(c.err, c.failures); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
