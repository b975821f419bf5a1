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

// kept are the runs that are kept.
func kept(t *testing.T, db *sqldb.DB) (ids []string) {
	t.Helper()
	rows, err := db.Reader().QueryContext(t.Context(), `SELECT id FROM proofs ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// A whole proof is found as it was put, and old ones are let go.
func TestProofs(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := data.NewProofs(db)
		if _, err := s.LastWhole(t.Context(), 1); !errors.Is(err, tandem.ErrNotFound) {
			t.Fatalf("of none: %v", err)
		}
		at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		var last tandem.Proof
		for i := range data.ProofsKept + 3 {
			last = tandem.Proof{
				ID: fmt.Sprintf("run %02d", i), At: at.Add(time.Duration(i) * time.Hour), By: "command line (maria)", Issuer: "https://erp.example/id",
				ApplicationURI: "com.example/portal", Holds: 12, Fails: 1, NotTested: 1, Digest: "ab", KeyID: "cd", Report: []byte{0, 255, byte(i)},
				Rows: []tandem.ProofRow{{ID: "I1", Title: "one", Meaning: "what it means", Verdict: "fails", Why: "“quoted” & <odd>"}},
			}
			if err := s.Add(t.Context(), last, 1); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.LastWhole(t.Context(), 1)
		if err != nil || !got.At.Equal(last.At) {
			t.Fatal(got, err)
		}
		if got.At = last.At; !reflect.DeepEqual(got, last) {
			t.Errorf("got\n%+v, want\n%+v", got, last)
		}
		if ids := kept(t, db); len(ids) != data.ProofsKept || ids[0] != "run 03" {
			t.Errorf("kept are %v", ids)
		}
	})
}

// What failed is not forgotten by not trying it: the latest word about each invariant of an
// application stays, and so does the latest whole proof.
func TestWhatFailedStaysUntilItHolds(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, n := data.NewProofs(db), 0
		add := func(application string, verdicts ...string) {
			t.Helper()
			p := tandem.Proof{ID: fmt.Sprintf("run %02d", n), At: time.Unix(int64(n), 0).UTC(), ApplicationURI: application, Report: []byte{}}
			for i, v := range verdicts {
				if v == "" { // not asked for
					continue
				}
				p.Rows = append(p.Rows, tandem.ProofRow{ID: fmt.Sprint("I", i+1), Verdict: v})
				if v == "holds" {
					p.Holds++
				}
			}
			if err := s.Add(t.Context(), p, 3); err != nil {
				t.Fatal(err)
			}
			n++
		}
		failing := func() (ids string) {
			all, err := s.Verdicts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range all {
				if !v.Holds {
					ids += v.ApplicationURI + " " + v.Invariant + " " + v.Proof + ";"
				}
			}
			return ids
		}
		add("a", "holds", "fails", "fails")      // run 00
		add("a", "holds", "not tested", "holds") // run 01, the whole one
		for range data.ProofsKept + 2 {
			add("a", "holds") // as --only I1 does
		}
		add("b", "holds", "holds", "holds")
		add("a", "not tested", "not tested", "not tested")
		if got, want := failing(), "a I2 run 00;"; got != want {
			t.Errorf("%q fail, want %q", got, want)
		}
		if p, err := s.LastWhole(t.Context(), 3); err != nil || p.ApplicationURI != "b" {
			t.Errorf("the last whole proof is %+v, %v", p, err)
		}
		add("b", "", "holds", "holds") // the last word about each is elsewhere
		for range data.ProofsKept {
			add("b", "holds")
		}
		if p, err := s.LastWhole(t.Context(), 3); err != nil || p.ApplicationURI != "b" || len(p.Rows) != 3 {
			t.Errorf("the last whole proof is %+v, %v", p, err)
		}
		add("a", "not tested", "holds")
		if got := failing(); got != "" {
			t.Errorf("%q fail", got)
		}
		if ids := kept(t, db); ids[0] == "run 00" {
			t.Errorf("what was mended is kept: %v", ids)
		}
	})
}
