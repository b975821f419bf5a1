package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE4_RowsGetKeysThatEveryReplicaKnows: a replica that has not heard of a key takes the
// rows of its set for everybody's, so no door puts one on a row before all have.
func TestE4_RowsGetKeysThatEveryReplicaKnows(t *testing.T) {
	t.Parallel()
	const types, key = "Systems_Documents_DocumentTypes", "Board only"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.SignIn("admin").Access
		_, text := in.API("GET", types+"?$top=1&$select=Id", admin, "")
		row := types + "(" + text[strings.Index(text, `"Id":"`)+6:][:36] + ")"
		k, err := in.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, types, key)
		must(t, err)
		body := `{"AccessKey":{"@odata.id":"Systems_Security_AccessKeys(` + k.ID + `)"}}`
		in.Refresh()
		if status, text := in.API("PATCH", row, admin, body); status != 422 || !strings.Contains(text, "Object not found") {
			t.Errorf("a new key by the API: %d %s", status, text)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if err := in.Platform.PutKey(ctx, tandemtest.By, key, row); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a new key by command: %v", err)
		}
		anna := in.SignIn("anna").Access
		if status, text := in.API("GET", row, anna, ""); status != 200 {
			t.Errorf("the row before it has the key: %d %s", status, text)
		}
		in.Clock.Advance(permission.Settling)
		in.Refresh()
		if status, text := in.API("PATCH", row, admin, body); status != 204 {
			t.Errorf("a key that is known by the API: %d %s", status, text)
		}
		if status, text := in.API("GET", row, anna, ""); status != 404 {
			t.Errorf("the row with the key: %d %s", status, text)
		}
		must(t, in.Platform.TakeKey(t.Context(), tandemtest.By, row))
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, key, row))
	})
}
