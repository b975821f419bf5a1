package data_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123000, time.UTC)

func account(login string) signin.Account {
	return signin.Account{User: tandem.User{
		ID: uuid.NewString(), Login: login, Name: "Анна O'Neil \U0001F600", Locale: "bg", Type: tandem.InternalUser,
		Enabled: true, CreatedAt: noon, ChangedAt: noon,
	}, PasswordHash: "$argon2id$…", PasswordChangedAt: noon, Version: 1}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// together runs f n times at the same moment.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			if err := f(i); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
}
