package webapp_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes and drops schemas

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
)

func openDB(t *testing.T, engine sqldb.Engine) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), datatest.URL(t, engine), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func eachStore(t *testing.T, test func(t *testing.T, s *webapp.SessionStore)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := openDB(t, engine)
			if err := db.Migrate(t.Context(), webapp.Migrations, webapp.MigrationTable); err != nil {
				t.Fatal(err)
			}
			test(t, webapp.NewSessionStore(db))
		})
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newRow(user, signIn string, expires time.Time) client.StoredSession {
	row := client.StoredSession{Sealed: []byte("\x00sealed\xff" + user), Version: 1, UserID: user, SignInID: signIn, CreatedAt: noon, ExpiresAt: expires}
	rand.Read(row.Key[:])
	return row
}

func TestSessionStore(t *testing.T) {
	eachStore(t, func(t *testing.T, s *webapp.SessionStore) {
		ctx := t.Context()
		anna := newRow("anna", "sid-1", noon.Add(time.Hour))
		rows := []client.StoredSession{anna, newRow("anna", "sid-2", noon.Add(time.Hour)), newRow("paul", "sid-3", noon), newRow("ada", "", noon.Add(time.Minute))}
		for _, r := range rows {
			if err := s.Create(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Create(ctx, anna); err == nil {
			t.Error("a key was taken twice")
		}
		got, err := s.ByID(ctx, anna.Key)
		if err != nil || !slices.Equal(got.Sealed, anna.Sealed) || got.Version != 1 || got.UserID != "anna" || got.SignInID != "sid-1" || !got.CreatedAt.Equal(noon) || !got.ExpiresAt.Equal(anna.ExpiresAt) || got.Key != anna.Key {
			t.Errorf("read back %+v, %v", got, err)
		}
		if _, err := s.ByID(ctx, client.SessionKey{1}); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("an unknown key: %v", err)
		}
		// The row that expired at noon no longer counts at noon.
		if sessions, people, err := s.Count(ctx, noon); sessions != 3 || people != 2 || err != nil {
			t.Errorf("%d sessions of %d people, %v; want 3 of 2", sessions, people, err)
		}
		if n, err := s.Purge(ctx, noon); n != 1 || err != nil {
			t.Errorf("purged %d, %v; want 1", n, err)
		}
		if err := s.Touch(ctx, rows[3].Key, noon.Add(2*time.Hour)); err != nil {
			t.Error(err)
		}
		if got, err := s.ByID(ctx, rows[3].Key); err != nil || !got.ExpiresAt.Equal(noon.Add(2*time.Hour)) {
			t.Errorf("touched: %v, %v", got.ExpiresAt, err)
		}
		// Ending "no sign-in" ends nothing.
		if err := errors.Join(s.DeleteSignIn(ctx, ""), s.DeleteSignIn(ctx, "sid-1")); err != nil {
			t.Error(err)
		}
		if err := s.Delete(ctx, rows[1].Key); err != nil {
			t.Error(err)
		}
		if sessions, _, _ := s.Count(ctx, noon); sessions != 1 {
			t.Errorf("%d sessions left, want that without a sign-in id", sessions)
		}
	})
}

// What a replica was told has ended the others know, until it is forgotten.
func TestE29_SessionStoreKnowsWhatHasEnded(t *testing.T) {
	eachStore(t, func(t *testing.T, s *webapp.SessionStore) {
		ctx := t.Context()
		ended := func(want time.Time) {
			t.Helper()
			if at, err := s.SignInEnded(ctx, "sid-1"); !at.Equal(want) || err != nil {
				t.Errorf("ended at %s, %v; want %s", at, err, want)
			}
		}
		ended(time.Time{})
		for _, at := range []time.Time{noon, noon.Add(time.Minute)} { // a provider tells twice
			if err := s.EndSignIn(ctx, "sid-1", at, at.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			ended(at)
		}
		if at, err := s.SignInEnded(ctx, "sid-2"); !at.IsZero() || err != nil {
			t.Errorf("another: %s, %v", at, err)
		}
		for after, want := range map[time.Duration]time.Time{time.Hour: noon.Add(time.Minute)} {
			if n, err := s.Purge(ctx, noon.Add(after)); n != 0 || err != nil {
				t.Errorf("purged %d sessions, %v", n, err)
			}
			ended(want)
		}
		if _, err := s.Purge(ctx, noon.Add(time.Hour+time.Minute)); err != nil {
			t.Error(err)
		}
		ended(time.Time{})
	})
}

func TestSessionStoreSaveIsCompareAndSwap(t *testing.T) {
	eachStore(t, func(t *testing.T, s *webapp.SessionStore) {
		ctx := t.Context()
		row := newRow("anna", "sid", noon)
		if err := s.Create(ctx, row); err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var racers sync.WaitGroup
		for range 8 {
			racers.Go(func() {
				next := row
				next.Version, next.Sealed = 2, []byte("renewed")
				if saved, err := s.Save(ctx, next); err != nil {
					t.Error(err)
				} else if saved {
					won.Add(1)
				}
			})
		}
		racers.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 8 replicas won the same renewal", won.Load())
		}
		old := row
		old.Version = 2
		if saved, err := s.Save(ctx, old); saved || err != nil {
			t.Errorf("an old version replaced a newer one: %v, %v", saved, err)
		}
		if got, err := s.ByID(ctx, row.Key); err != nil || got.Version != 2 || string(got.Sealed) != "renewed" {
			t.Errorf("%+v, %v", got, err)
		}
		// A save never brings a session back.
		if err := s.Delete(ctx, row.Key); err != nil {
			t.Fatal(err)
		}
		row.Version = 3
		if saved, err := s.Save(ctx, row); saved || err != nil {
			t.Errorf("a session that had ended was saved: %v, %v", saved, err)
		}
	})
}

// TestI13_StoreHoldsNoUsableToken looks into the database as a thief would.
func TestI13_StoreHoldsNoUsableToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, _ := s.signIn("anna", "/jobs")
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"eyJhbGciOi", "anna@example.com"}
	for _, c := range b.Client.Jar.Cookies(at) {
		if strings.Contains(c.Name, "session") || len(c.Value) >= 40 {
			secrets = append(secrets, c.Value)
		}
	}
	if len(secrets) < 3 {
		t.Fatal("no session cookie was found")
	}
	s.worker.mu.Lock()
	secrets = append(secrets, s.worker.evidence...)
	s.worker.mu.Unlock()
	if _, err := s.db.Writer().ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(strings.TrimPrefix(s.db.URL(), "sqlite:") + "*")
	if err != nil || len(files) == 0 {
		t.Fatal("no database file", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s holds %.8s… in readable form", filepath.Base(file), secret)
			}
		}
	}
	var n int
	err = s.db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM webapp_sessions").Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || n != 1 {
		t.Errorf("%d sessions in the store, %v; want anna's", n, err)
	}
}

func TestKeptFormsInTheStore(t *testing.T) {
	eachStore(t, func(t *testing.T, s *webapp.SessionStore) {
		ctx := t.Context()
		keep := func(user string, minute int) (f client.StoredForm) {
			f = client.StoredForm{UserID: user, Sealed: []byte("\x00" + user), ExpiresAt: noon.Add(time.Duration(minute) * time.Minute)}
			rand.Read(f.Key[:])
			if err := s.KeepForm(ctx, f); err != nil {
				t.Fatal(err)
			}
			return f
		}
		kept := func(f client.StoredForm) bool {
			got, err := s.Form(ctx, f.Key)
			if err != nil && !errors.Is(err, tandem.ErrNotFound) {
				t.Fatal(err)
			}
			return err == nil && got.UserID == f.UserID && string(got.Sealed) == string(f.Sealed) && got.ExpiresAt.Equal(f.ExpiresAt)
		}
		other := keep("paul", 0)
		var forms []client.StoredForm
		for i := range client.MaxKeptForms + 2 {
			forms = append(forms, keep("anna", i+1))
		}
		for i, f := range forms {
			if kept(f) != (i >= 2) {
				t.Errorf("form %d of %d kept: %v", i, len(forms), kept(f))
			}
		}
		if !kept(other) {
			t.Error("another person's form is gone")
		}
		if err := s.PurgeForms(ctx, noon.Add(4*time.Minute)); err != nil || kept(other) || kept(forms[3]) || !kept(forms[4]) {
			t.Errorf("after a purge: %v %v %v %v", err, kept(other), kept(forms[3]), kept(forms[4]))
		}
	})
}
