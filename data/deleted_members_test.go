package data_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Accounts that an earlier program has deleted leave their groups with the migration, and
// nobody else does.
func TestAccountsDeletedBeforeLeaveTheirGroups(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("migrations/00245_members_deleted.sql")
	must(t, err)
	_, up, _ := strings.Cut(string(text), "-- +goose Up")
	up, _, _ = strings.Cut(up, "-- +goose Down")
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		users, store := data.NewUsers(db), data.NewPermissions(db)
		for _, id := range []string{"1", "2"} {
			must(t, users.Create(t.Context(), signin.Account{User: tandem.User{ID: id, Login: "user" + id, Type: tandem.InternalUser, Enabled: true, CreatedAt: noon}}))
		}
		must(t, users.Delete(t.Context(), "1", noon))
		for _, id := range []string{"1", "2"} {
			_, err := store.PutMember(t.Context(), permission.PowerUsersID, id)
			must(t, err)
		}
		before, err := store.Version(t.Context())
		must(t, err)
		for statement := range strings.SplitSeq(strings.TrimSpace(up), ";") {
			if strings.TrimSpace(statement) != "" {
				_, err := db.Writer().ExecContext(t.Context(), statement)
				must(t, err)
			}
		}
		left, err := sqldb.List[string](db.Reader().QueryContext(t.Context(), `SELECT user_id FROM permission_members ORDER BY user_id`))
		must(t, err)
		now, err := store.Version(t.Context())
		must(t, err)
		if !slices.Equal(left, []string{"2"}) || now == before {
			t.Errorf("members are %q, version %d after %d", left, now, before)
		}
	})
}
