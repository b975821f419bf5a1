package quota_test

import (
	"testing"

	"github.com/hybridapps/tandem/internal/quota"
)

func TestQuota(t *testing.T) {
	q := &quota.Quota{Total: 5, Each: 3}
	var back []func()
	for n, step := range []struct {
		person string
		want   quota.Outcome
	}{
		{"anna", quota.Taken}, {"anna", quota.Taken}, {"anna", quota.Taken}, {"anna", quota.EachTaken},
		{"eve", quota.Taken}, {"eve", quota.Taken}, {"eve", quota.AllTaken}, {"anna", quota.EachTaken},
	} {
		giveBack, got := q.Take(step.person)
		if got != step.want || (giveBack != nil) != (got == quota.Taken) {
			t.Errorf("%d: %s gets %v, want %v", n, step.person, got, step.want)
		}
		if giveBack != nil {
			back = append(back, giveBack)
		}
	}
	for _, giveBack := range back {
		giveBack()
	}
	for range q.Total { // all of it is there again, for whomever
		if _, got := q.Take("eve"); got == quota.AllTaken {
			t.Error("what was given back is not there")
		}
	}
}
