package worker

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

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
