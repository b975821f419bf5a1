package jobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// What a job is given and what it makes come back as they were, whatever their
// size, and from any place in them; on PostgreSQL they are in pieces.
func TestFilesOfAnySize(t *testing.T) {
	onEach(t, func(ctx context.Context, r *Run) error {
		text, err := os.ReadFile(filepath.Join(r.Uploads(), "given"))
		if err == nil {
			err = os.MkdirAll(r.Made(), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Made(), "made"), text, 0o600)
		}
		if err != nil {
			return err
		}
		return r.Keep(ctx, "made", internalapi.ResultFile{Name: "x", Size: int64(len(text)), ExpiresAt: r.jobs.clock.Now().Add(time.Hour)})
	}, func(t *testing.T, j *Jobs, _ func() string, stop func() error) {
		for _, size := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 2*pieceSize + 5} {
			given := make([]byte, size)
			rand.Read(given)
			ask := Ask{ID: NewID(), Kind: "nothing", RequestedBy: "anna", Disk: int64(size) + 1}
			if err := os.MkdirAll(j.Folder(ask.ID), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(j.Folder(ask.ID), "given"), given, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Submit(t.Context(), everything, ask); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "the job ends", func() bool {
				job, err := j.Job(t.Context(), everything, ask.ID)
				if err != nil || job.State == internalapi.JobFailed {
					t.Fatalf("%+v %v", job, err)
				}
				return job.State == internalapi.JobCompleted
			})
			f, told, err := j.OpenFile(t.Context(), everything, ask.ID)
			if err != nil {
				t.Fatal(err)
			}
			if made, err := io.ReadAll(f); err != nil || !bytes.Equal(made, given) || told.Size != int64(size) {
				t.Errorf("%d bytes came back as %d, %v", size, len(made), err)
			}
			if _, err := f.Seek(int64(size/2), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(f); err != nil || !bytes.Equal(rest, given[size/2:]) {
				t.Errorf("from the middle of %d bytes: %d, %v", size, len(rest), err)
			}
			f.Close()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Deleting a long file goes in parts. What is left of it when a worker dies in the
// middle goes with the next cleaning, and what is still needed stays.
func TestRestsOfFilesGo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	j := noops(t, sqldb.PostgreSQL, func(context.Context, *Run) error { return nil })
	now, p := time.Now(), j.files.shared
	add := func(id, part string, created time.Time, places ...int) {
		for _, place := range places {
			err := p.write(ctx)(`INSERT INTO job_files (job_id, part, name, place, created_at, content) VALUES ($1, $2, 'x', $3, $4, '')`,
				id, part, place, sqldb.Micros(created))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	submit := func(state string, finished int64, file string) string {
		r, err := j.insert(ctx, nil, Ask{Kind: "nothing", RequestedBy: "anna"}, unbounded())
		if err == nil {
			err = p.write(ctx)(`UPDATE jobs SET state = $2, finished_at = $3, file = $4 WHERE id = $1`, r.id, state, finished, file)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r.id
	}
	runs, done := submit("running", 0, ""), submit("done", 1, "x")
	add("never a job", partUpload, now.Add(-2*time.Hour), 100, 101)
	add("no job yet", partUpload, now, 0, 1)
	add(runs, partUpload, now.Add(-2*time.Hour), 0, 1)
	add(done, partUpload, now, 100, 101)
	add(done, partExport, now, 0, 1)
	if err := p.clean(ctx, sqldb.Micros(now.Add(-leftAfter))); err != nil {
		t.Fatal(err)
	}
	left, err := j.ids(ctx, `SELECT DISTINCT job_id || ' ' || part FROM job_files ORDER BY 1`)
	want := []string{"no job yet " + partUpload, runs + " " + partUpload, done + " " + partExport}
	slices.Sort(left)
	slices.Sort(want)
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q: %v", left, want, err)
	}
}
