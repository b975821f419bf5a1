package data_test

import (
	"runtime"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
)

// What is lent is taken back: a program that has set how many processors it uses has as
// many afterwards. It runs beside no other test, as processors are the whole process's.
func TestProcessorsAreTakenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	own := runtime.NumCPU() + 2
	runtime.GOMAXPROCS(own)
	takeBack := data.LendProcessor()
	testkit.Eventually(t, "one is lent", func() bool { return runtime.GOMAXPROCS(0) == own+1 })
	takeBack()
	if n := runtime.GOMAXPROCS(0); n != own {
		t.Errorf("%d processors after %d", n, own)
	}
}
