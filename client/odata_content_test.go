package client_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/hybridapps/tandem"
)

func TestODataContent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const file = "Systems_Core_ObjectFiles(0b6e1c52-3a0f-4bd2-a9a5-6c3a1df0a0b1)"
		status, asked := http.StatusOK, ""
		_, o := odata(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.RequestURI()
			w.Header().Set("Content-Type", "image/jpeg; x=1")
			w.Header().Set("Content-Disposition", `attachment; filename="Winde_.jpg"; filename*=UTF-8''Winde%C3%A4.jpg`)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "bytes")
		})
		c, err := o.Content(t.Context(), file, "EmbeddedFileContents")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c.Body)
		if string(text) != "bytes" || err != nil || c.Body.Close() != nil || c.Name != "Windeä.jpg" || c.MediaType != "image/jpeg" {
			t.Errorf("%q %+v %v", text, c, err)
		}
		if want := "/api/domain/odata/" + file + "/EmbeddedFileContents/$value"; asked != want {
			t.Errorf("asked %s", asked)
		}
		status = http.StatusNotFound
		if _, err := o.Content(t.Context(), file, "EmbeddedFileContents"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("none there: %v", err)
		}
		for _, id := range []string{"", "X(../y)", file + "/Object"} {
			if _, err := o.Content(t.Context(), id, "EmbeddedFileContents"); err == nil {
				t.Errorf("%q was taken for the id of a file", id)
			}
		}
		if _, err := o.Content(t.Context(), file, "../../Secrets"); err == nil {
			t.Error("an attribute led out of the service")
		}
	})
}
