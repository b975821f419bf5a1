package cloud_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
)

// TestBytesThatAreNoText: what a phone sends that no database holds is the phone's mistake,
// in whatever part of an address, header or body it is.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		pulled(t, c)
		ph := p.Phone("olga")
		paths := map[string]string{
			"GET": "me visits visits/{} visits/x{} visits?since={} visits?after={} visits?from={} catalogue?since={} catalogue?after={} commands/{} devices devices?after={} reminders?after={} reports reports/{} uploads/{} {}",
			"PUT": "devices/{}", "POST": "commands devices/{}/wipe wish reminders/read reports uploads uploads/{}", "DELETE": "devices/{} uploads/{}", "PATCH": "uploads/{}", "HEAD": "uploads/{}",
		}
		for _, bad := range []string{"%00", "%ff"} {
			for method, all := range paths {
				for path := range strings.FieldsSeq(all) {
					bodies := []string{""}
					if method == "POST" || method == "PUT" {
						bodies = nil
						for _, member := range []string{"id", "device", "visit", "kind", "name", "day", "from", "to", "ids", "label", "note"} {
							bodies = append(bodies, `{"`+member+`":"\u0000"}`, "{\""+member+"\":\"\xff\"}", `{"`+member+`":["\u0000"]}`)
						}
					}
					for _, body := range bodies {
						req := ph.Request(method, strings.ReplaceAll(path, "{}", bad), strings.NewReader(body))
						req.Header.Set("Content-Type", "application/json")
						for _, name := range []string{"Idempotency-Key", "Upload-Metadata", "If-None-Match", "Accept-Language", "User-Agent"} {
							req.Header.Set(name, "x\xff")
						}
						req.Header.Set("Tus-Resumable", "1.0.0")
						req.Header.Set("Upload-Length", "3")
						res, err := http.DefaultClient.Do(req)
						if err != nil {
							t.Fatal(err)
						}
						text, _ := io.ReadAll(res.Body)
						res.Body.Close()
						if res.StatusCode >= 500 {
							t.Errorf("%s %s %q: %d %s", method, path, body, res.StatusCode, text)
						}
					}
				}
			}
		}
		if a := ph.Do("GET", "me", nil); a.Status != 200 {
			t.Errorf("afterwards: %d", a.Status)
		}
	})
}
