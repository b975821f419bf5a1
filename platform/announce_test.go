package platform_test

import (
	"sync"
	"testing"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestAReplicaTellsTwiceAtOnce: what a replica says of itself may be on its way twice, by its
// rounds and by a change.
func TestAReplicaTellsTwiceAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if err := in.Platform.Announce(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		err := in.Platform.DB.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM replicas`).Scan(&n)
		if err != nil || n != 1 {
			t.Errorf("%d replicas, %v", n, err)
		}
	})
}
