package datatest

import (
	"slices"
	"testing"
)

func instanceIDIsMadeOnce(t *testing.T, stores *Stores) {
	got := make([]string, 8)
	Together(t, len(got), func(i int) (err error) {
		got[i], err = stores.Instance.ID(t.Context())
		return err
	})
	if slices.Sort(got); got[0] == "" || got[0] != got[len(got)-1] {
		t.Errorf("replicas that start together have the ids %v", got)
	}
}
