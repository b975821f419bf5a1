package jobs_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// The database fails over: the one that everybody is connected to only reads from now on and
// answers still, and the next one is at its address. The worker leaves it, with the engine's
// connections too, which alone begin an import.
func TestEngineLeavesAServerThatOnlyReads(t *testing.T) {
	t.Parallel()
	address := workerdb.URL(t, sqldb.PostgreSQL)
	f := workertest.NewFake(t)
	w := workertest.Start(t, f, workertest.OpenURL(t, address), t.TempDir())
	admin, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context()))
	imports := func(when string) {
		t.Helper()
		contentType, body := workertest.Form(t, "customers.csv", companies("C"))
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		var id string
		testkit.Eventually(t, "an import ends "+when, func() bool {
			if id == "" {
				j, err := w.API.Import(t.Context(), f.Anna(), contentType, bytes.NewReader(text))
				if err != nil {
					return false
				}
				id = j.ID
			}
			got, err := w.API.Job(t.Context(), f.Anna(), id)
			return err == nil && got.State == internalapi.JobCompleted
		})
	}
	engines := func(of []int32) (pids []int32) {
		t.Helper()
		rows, err := admin.Query(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND (pid = ANY ($1) OR $1 IS NULL AND query LIKE '%workflow_status%')`, of)
		if err == nil {
			pids, err = pgx.CollectRows(rows, pgx.RowTo[int32])
		}
		if err != nil {
			t.Fatal(err)
		}
		return pids
	}
	name := `ALTER DATABASE ` + pgx.Identifier{admin.Config().Database}.Sanitize()
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := admin.Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	imports("before")
	do(name+` SET default_transaction_read_only = on`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	var old []int32
	testkit.Eventually(t, "the engine is connected to the one that reads", func() bool {
		old = engines(nil)
		return len(old) > 0
	})
	do(name + ` RESET default_transaction_read_only`) // for those who connect from now on
	imports("after")
	testkit.Eventually(t, "the engine's connections to the old one are given up", func() bool { return len(engines(old)) == 0 })
}
