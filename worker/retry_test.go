package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		err      error
		failures int
		want     fault
	}{
		{"nothing", nil, 0, fault{}},
		{"disabled", &oauth.Error{Code: oauth.InvalidClient}, 0, fault{time.Second, pausedDisabled, true}},
		{"still disabled", fmt.Errorf("x: %w", &oauth.Error{Code: oauth.UnauthorizedClient}), 9, fault{maxPause, pausedDisabled, true}},
		{"token refused", &client.APIError{Status: 401}, 0, fault{time.Second, pausedDisabled, true}},
		{"no licence", &client.APIError{Status: 403, Type: "MaximumLicenseCountExceeded"}, 0, fault{time.Second, pausedLicence, true}},
		{"not allowed", &client.APIError{Status: 403}, 0, fault{}},
		{"a rule", &client.APIError{Status: 422}, 0, fault{}},
		{"busy", &client.APIError{Status: 503}, 3, fault{8 * time.Second, "the ERP is busy", false}},
		{"busy for long", &client.APIError{Status: 429, RetryAfter: time.Hour}, 0, fault{time.Minute, "the ERP is busy", false}},
		{"a fault", &client.APIError{Status: 500}, 0, fault{time.Second, "the ERP has a fault", false}},
		{"a fault that stays", &client.APIError{Status: 500}, maxServerFaults, fault{}},
		{"no such scope", &oauth.Error{Code: oauth.InvalidScope}, 0, fault{}},
		{"identity server", &oauth.Error{Code: oauth.ServerError}, 0, fault{time.Second, "the identity server is busy", false}},
		{"no response", context.DeadlineExceeded, 0, fault{time.Second, "the ERP does not answer", false}},
		{"our own", tandem.Errorf(tandem.CodeThrottled, "too many"), 0, fault{}},
		{"our own, wrapped", fmt.Errorf("x: %w", tandem.Errorf(tandem.CodeInvalid, "wrong")), 0, fault{}},
		{"anything else", errors.New("x"), 0, fault{}},
	} {
		if got := classify(c.err, c.failures); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Whose error it is is told by its type: ours keeps its words, also when it is
// wrapped, and the ERP's are not shown, though it unwraps to one of ours.
func TestRefusalsTellOwnErrorsFromTheERPs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{tandem.Errorf(tandem.CodeInvalid, "our words"), 400, "our words"},
		{fmt.Errorf("upload: %w", tandem.Errorf(tandem.CodeThrottled, "our words")), 429, "our words"},
		{&client.APIError{Status: 404, Message: "its words"}, 500, "internal error"},
		{fmt.Errorf("x: %w", &client.APIError{Status: 401, Message: "its words"}), 503, "(the application is disabled)"},
		{&client.APIError{Status: 403, Type: "MaximumLicenseCountExceeded", Message: "its words"}, 403, "no licence is free"},
		{&oauth.Error{Code: oauth.InvalidClient, Description: "its words"}, 503, "(the application is disabled)"},
		{io.ErrUnexpectedEOF, 500, "internal error"},
	} {
		w := &Worker{log: slog.New(slog.DiscardHandler)}
		response := httptest.NewRecorder()
		w.refuse(response, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), c.err)
		text := response.Body.String()
		if response.Code != c.status || !strings.Contains(text, c.want) || strings.Contains(text, "its words") {
			t.Errorf("%v: %d %s", c.err, response.Code, text)
		}
	}
}
