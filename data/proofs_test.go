package data_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// The last proof is found as it was put, and old ones are let go.
func TestProofs(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := data.NewProofs(db)
		if _, err := s.Last(t.Context()); !errors.Is(err, tandem.ErrNotFound) {
			t.Fatalf("of none: %v", err)
		}
		at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		var last tandem.Proof
		for i := range data.ProofsKept + 3 {
			last = tandem.Proof{
				ID: fmt.Sprint("run ", i), At: at.Add(time.Duration(i) * time.Hour), By: "command line (maria)", Issuer: "https://erp.example/id",
				ApplicationURI: "com.example/portal", Holds: 12, Fails: 1, NotTested: 1, Digest: "ab", KeyID: "cd", Report: []byte{0, 255, byte(i)},
				Rows: []tandem.ProofRow{{ID: "I1", Title: "one", Meaning: "what it means", Verdict: "fails", Why: "“quoted” & <odd>"}},
			}
			if err := s.Add(t.Context(), last); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Last(t.Context())
		if err != nil || !got.At.Equal(last.At) {
			t.Fatal(got, err)
		}
		if got.At = last.At; !reflect.DeepEqual(got, last) {
			t.Errorf("got\n%+v, want\n%+v", got, last)
		}
		var n int
		if err := db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM proofs`).Scan(&n); err != nil || n != data.ProofsKept {
			t.Errorf("%d are kept: %v", n, err)
		}
	})
}
