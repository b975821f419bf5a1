package platform_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// While the ERP's writer is in the middle of an Import, and its readers are all
// searching, people sign in, tokens come, sessions open and administrators work:
// none of them waits for what a tenant does with its rows.
func TestSecurityNeverWaitsForTheERP(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		rows := in.Platform.ERP
		errUndo := errors.New("undo the import")
		err := rows.Write(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO erp_counters (name, value) VALUES ('held', 1)`); err != nil {
				return err
			}
			defer searching(t, rows)()
			worksApart(t, in)
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Error(err)
		}
	})
}

// searching takes every connection that is left for reading, until release.
func searching(t *testing.T, rows *sqldb.DB) (release func()) {
	var held []*sql.Conn
	for pool := rows.Reader(); pool.Stats().InUse < pool.Stats().MaxOpenConnections; {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	return func() {
		for _, conn := range held {
			conn.Close()
		}
	}
}

func worksApart(t *testing.T, in *tandemtest.Instance) {
	t.Helper()
	signedIn := in.SignIn("anna")
	renewed := in.RefreshTokens(signedIn.Refresh)
	for _, token := range []string{renewed.Access, in.ServiceToken()} {
		if status, body := in.API("GET", "GetVersion()", token, ""); status != 200 {
			t.Errorf("a session does not open: %d %s", status, body)
		}
	}
	if n := len(in.Sessions(false)); n != 2 {
		t.Errorf("%d sessions are open", n)
	}
	made, err := in.Platform.Accounts.Create(context.WithoutCancel(t.Context()), tandemtest.By, signin.NewUser{Login: "new", Name: "New", Type: tandem.SystemUserNoLogin})
	if err != nil || made.ID == "" {
		t.Errorf("an account is not made: %v", err)
	}
	if err := in.Platform.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	if len(in.Record("")) < 5 {
		t.Error("the record does not come")
	}
}
