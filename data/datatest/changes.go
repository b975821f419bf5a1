package datatest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

func newest(t *testing.T, stores *Stores) registry.Marks {
	t.Helper()
	m, err := stores.Changes.Newest(t.Context())
	must(t, err)
	return m
}

func appsAfter(t *testing.T, stores *Stores, change int64) (told []registry.AppChange) {
	t.Helper()
	part, err := stores.Changes.AppsAfter(t.Context(), change, func(c registry.AppChange) { told = append(told, c) })
	must(t, err)
	if part.More || len(told) == 0 && part.Last != change {
		t.Errorf("%d were told, as %+v", len(told), part)
	}
	return told
}

func usersAfter(t *testing.T, stores *Stores, change int64) (told []string) {
	t.Helper()
	must(t, stores.Changes.UsersAfter(t.Context(), change, func(id string) { told = append(told, id) }))
	return told
}

func revokedAfter(t *testing.T, stores *Stores, change int64, at time.Time) (told []registry.RevokedToken) {
	t.Helper()
	part, err := stores.Changes.RevokedAfter(t.Context(), change, at, func(r registry.RevokedToken) { told = append(told, r) })
	must(t, err)
	if part.More || len(told) == 0 && part.Last != change {
		t.Errorf("%d were told, as %+v", len(told), part)
	}
	return told
}

// changesComeInTheOrderOfCommits follows while many change at once: who asks for
// what came after the newest change seen is told of everything.
func changesComeInTheOrderOfCommits(t *testing.T, stores *Stores) {
	ctx := t.Context()
	seen := map[string]int64{}
	var mark int64
	follow := func() {
		now := newest(t, stores).Apps
		for _, c := range appsAfter(t, stores, mark) {
			seen[c.App.ApplicationURI] = c.App.Version
		}
		mark = now
	}
	const changes = 5
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers / 2 {
		wg.Go(func() {
			uri := fmt.Sprint("com.example/", i)
			_, err := stores.Applications.Create(ctx, application(uri))
			for n := 1; n < changes && err == nil; n++ {
				_, err = stores.Applications.Update(ctx, uri, noon, func(a tandem.TrustedApp) (tandem.TrustedApp, error) { return a, nil })
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		follow()
	}
	for i := range racers / 2 {
		if v := seen[fmt.Sprint("com.example/", i)]; v != changes {
			t.Errorf("application %d was seen in version %d of %d", i, v, changes)
		}
	}
}
