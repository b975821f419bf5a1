package data_test

import (
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
