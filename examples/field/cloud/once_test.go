package cloud_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem/examples/field/cloud"
)

// One question is asked for all who have it at the same time; who has no time left waits for
// nobody's answer, and who asked first takes it from nobody by going away.
func TestOnceIsAskedAndNobodyWaitsTooLong(t *testing.T) {
	t.Parallel()
	var g singleflight.Group
	var asked atomic.Int32
	begun, end := make(chan struct{}), make(chan struct{})
	ask := func(ctx context.Context) (int, error) {
		asked.Add(1)
		close(begun)
		select {
		case <-end:
			return 7, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	first, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := cloud.Once(first, &g, "x", ask)
		gone <- err
	}()
	<-begun
	patient := make(chan int, 1)
	go func() {
		n, err := cloud.Once(t.Context(), &g, "x", ask)
		if err != nil {
			t.Error(err)
		}
		patient <- n
	}()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := cloud.Once(short, &g, "x", ask); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who has no time: %v", err)
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away: %v", err)
	}
	close(end)
	if n := <-patient; n != 7 || asked.Load() != 1 {
		t.Errorf("%d, asked %d times", n, asked.Load())
	}
}
