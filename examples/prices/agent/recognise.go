package agent

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 2, recognise. Content that was here before is done nothing with, whatever the
// name; which mapping is for a file is said by its name.

// recognise makes a batch of a file that was received, or says at the batch of before
// that it came again.
func (a *Agent) recognise(ctx context.Context, dir string, about placed, sum string, size int64) error {
	token := strings.TrimPrefix(filepath.Base(dir), incoming)
	now := a.clock.Now()
	b := &batch{
		kind: wire.KindFile, state: wire.Received, token: token, fileName: shownName(about.Name), size: size, sha256: sum,
		connector: about.Connector, placedBy: about.By, byHand: about.ByHand, receivedAt: now, jobID: jobs.NewID(),
	}
	known := false
	err := a.config.DB.Write(ctx, func(tx *sql.Tx) error {
		before, err := a.store.find(ctx, tx, `WHERE kind = 'file' AND (sha256 = $1 OR token = $2)`, sum, token)
		if err != nil {
			return err
		}
		if len(before) > 0 {
			known, b.id = before[0].token != token, before[0].id
			if !known {
				return nil // the process died before it had renamed the folder
			}
			return a.store.event(ctx, tx, b.id, now, about.By,
				"the same content came again as "+b.fileName+": already processed as this batch, so nothing was done")
		}
		if err := a.store.add(ctx, tx, b); err != nil {
			return err
		}
		return a.store.event(ctx, tx, b.id, now, about.By, fmt.Sprintf("received as %s, %d bytes", b.fileName, size))
	})
	if sqldb.IsUnique(err) {
		return nil // another process was faster; the next look settles it
	}
	if err != nil {
		return err
	}
	if known {
		a.log.Info("a file came again", "file", b.fileName, "batch", b.id)
		return os.RemoveAll(dir)
	}
	a.wake()
	return os.Rename(dir, a.folder(b.id))
}

// shownName is the name of a file for people: it is never a part of a path.
func shownName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	return tandem.Clip(clean, 200)
}

// path is where a batch has its file.
func (a *Agent) path(b *batch) string {
	file := filepath.Join(a.folder(b.id), content)
	if _, err := os.Stat(file); err != nil {
		if early := filepath.Join(a.config.Dir, "work", incoming+b.token, content); b.token != "" {
			if _, err := os.Stat(early); err == nil {
				return early // the folder is renamed a moment later
			}
		}
	}
	return file
}
