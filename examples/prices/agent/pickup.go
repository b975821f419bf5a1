package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/gofrs/flock"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

// Step 1, pick up. A file is taken when it has stood still, or its sender says that it
// is whole by an empty file NAME.done beside it. It is moved into a folder of ours,
// which nobody else may enter, and copied there: who still writes to it writes to what
// is gone then.

// placed says of a file where it came from. It lies beside the file until the batch is
// written down.
type placed struct {
	Name      string `json:"name"`
	Connector string `json:"connector"`
	By        string `json:"by"`
	// ByHand says that a person placed it on the agent's pages.
	ByHand bool `json:"by_hand"`
}

const (
	// incoming begins the names of folders of files that are no batch yet.
	incoming = ".in-"
	// original is the file as it was moved, content our copy of it.
	original, content, aboutFile = "original", "content", "placed.json"
	// folderConnector is the name of the watched folder among the connectors.
	folderConnector = "folder"
	// lockName is the lock of the folder: one agent at a time takes files from it. The
	// system lets it go with the process, however that ends.
	lockName = ".agent.lock"
	// lockEvery is how often an agent looks whether the folder is free.
	lockEvery = 500 * time.Millisecond
)

// watch takes files from the folder and the servers, while no other agent does.
func (a *Agent) watch(ctx context.Context) error {
	lock := flock.New(filepath.Join(a.config.Drop, lockName), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err == nil && !got {
		a.log.Warn("another agent takes the files of the folder; this one waits", "folder", a.config.Drop)
		got, err = lock.TryLockContext(ctx, lockEvery)
	}
	if !got {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the folder %s: %w", a.config.Drop, err)
	}
	defer func() { _ = lock.Unlock() }()
	return a.keepLooking(ctx)
}

// keepLooking looks at the folder when something happens there, when a file may have
// stood still for long enough, and every now and then whatever the system tells.
func (a *Agent) keepLooking(ctx context.Context) error {
	events := make(<-chan fsnotify.Event)
	if watcher, err := fsnotify.NewWatcher(); err == nil {
		defer func() { _ = watcher.Close() }()
		if err := watcher.Add(a.config.Drop); err != nil {
			a.log.Warn("the system does not tell what happens in the folder; it is looked at every so often", "every", a.config.Scan, "error", err)
		}
		events = watcher.Events
		go func() {
			for range watcher.Errors { // a scan follows anyway
			}
		}()
	}
	standing := map[string]stand{}
	var servers time.Time // when they were looked at
	for {
		wait := a.look(ctx, standing)
		if now := a.clock.Now(); now.Sub(servers) >= a.config.Scan || now.Before(servers) {
			servers = now
			a.pull(ctx)
		}
		if !a.pause(ctx, wait, &events) {
			return nil
		}
	}
}

// pause waits until it is time to look again, or shortly after something has happened
// in the folder. It reports false when ctx has ended.
func (a *Agent) pause(ctx context.Context, wait time.Duration, events *<-chan fsnotify.Event) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	told := *events
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case _, ok := <-told:
			if !ok {
				*events = nil
			}
			timer.Reset(min(wait, a.config.Still/10))
			told = nil // further ones do not put it off
		}
	}
}

// stand is how a file was when it was seen first like that.
type stand struct {
	size     int64
	modified time.Time
	since    time.Time
}

// look takes the files that are whole, and says when to look again.
func (a *Agent) look(ctx context.Context, standing map[string]stand) (again time.Duration) {
	again = a.config.Scan
	problem := ""
	defer func() {
		if err := a.store.looked(ctx, folderConnector, a.clock.Now(), problem); err != nil && ctx.Err() == nil {
			a.log.Warn("it is not noted that the folder was looked at", "error", err)
		}
	}()
	if err := a.goOn(ctx); err != nil {
		problem = err.Error()
	}
	entries, err := os.ReadDir(a.config.Drop)
	if err != nil {
		problem = "the folder cannot be read: " + err.Error()
		return again
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		name := entry.Name()
		if ignored(name) || entry.IsDir() {
			continue
		}
		seen[name] = true
		if !entry.Type().IsRegular() {
			problem = fmt.Sprintf("%s is no file but a link or a device, and is not taken", tandem.Clip(name, 80))
			continue
		}
		wait, err := a.takeWhole(ctx, entry, standing)
		if err != nil && ctx.Err() == nil {
			problem = fmt.Sprintf("%s cannot be taken: %v", tandem.Clip(name, 80), err)
			a.log.Warn("a file cannot be taken", "file", name, "error", err)
		}
		again = min(again, wait)
	}
	for name := range standing {
		if !seen[name] {
			delete(standing, name)
		}
	}
	return max(again, 10*time.Millisecond)
}

// ignored are names of files that are not whole by their name, and those that say so of
// others.
func ignored(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasSuffix(name, "~") {
		return true
	}
	for _, end := range []string{".part", ".tmp", ".done", ".filepart", ".crdownload"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return false
}

// takeWhole takes a file that has stood still, or is said to be whole; else it says
// when to look again.
func (a *Agent) takeWhole(ctx context.Context, entry fs.DirEntry, standing map[string]stand) (wait time.Duration, err error) {
	name := entry.Name()
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return a.config.Scan, nil
	}
	if err != nil {
		return a.config.Scan, err
	}
	done := filepath.Join(a.config.Drop, name+".done")
	_, said := os.Lstat(done)
	now := a.clock.Now()
	was, known := standing[name]
	if !known || was.size != info.Size() || !was.modified.Equal(info.ModTime()) || now.Before(was.since) {
		was = stand{info.Size(), info.ModTime(), now}
		standing[name] = was
	}
	if left := a.config.Still - now.Sub(was.since); said != nil && left > 0 {
		return left, nil
	}
	delete(standing, name)
	taken, err := a.take(ctx, filepath.Join(a.config.Drop, name), placed{Name: name, Connector: folderConnector, By: ownerOf(info)})
	if said == nil && taken {
		_ = os.Remove(done)
	}
	return a.config.Scan, err
}

// take moves a file into a folder of its own and receives it. Moving is what decides
// between two who want the same file. One that was moved is taken, whatever becomes of it:
// who sent it may send another of its name.
func (a *Agent) take(ctx context.Context, file string, about placed) (taken bool, err error) {
	dir, err := a.newFolder(about)
	if err != nil {
		return false, err
	}
	if err := os.Rename(file, filepath.Join(dir, original)); err != nil {
		return false, errors.Join(err, os.RemoveAll(dir))
	}
	return true, a.receive(ctx, dir)
}

// newFolder makes a folder for a file that is to come.
func (a *Agent) newFolder(about placed) (dir string, err error) {
	dir = filepath.Join(a.config.Dir, "work", incoming+strings.ToLower(rand.Text()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	text, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, aboutFile), text, 0o600)
}

// goOn receives what a process had moved that died before it was written down.
func (a *Agent) goOn(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(a.config.Dir, "work"))
	if err != nil {
		return err
	}
	var faults []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), incoming) {
			faults = append(faults, a.receive(ctx, filepath.Join(a.config.Dir, "work", e.Name())))
		}
	}
	return errors.Join(faults...)
}

// receive makes our own copy of a file that was moved, and recognises it. One of the
// folder that was still written to while it was copied goes back.
func (a *Agent) receive(ctx context.Context, dir string) error {
	a.receiving.Lock()
	defer a.receiving.Unlock()
	var about placed
	text, err := os.ReadFile(filepath.Join(dir, aboutFile))
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	if err != nil {
		return errors.Join(a.leftOver(dir))
	}
	moved, own := filepath.Join(dir, original), filepath.Join(dir, content)
	_, err = os.Lstat(moved)
	switch _, copied := os.Lstat(own); {
	case errors.Is(err, fs.ErrNotExist) && copied != nil:
		return a.leftOver(dir) // nothing was moved
	case err == nil:
		whole, err := copyWhole(own, moved)
		if err != nil || !whole {
			return errors.Join(err, a.putBack(moved, about, dir))
		}
		if err := os.Remove(moved); err != nil {
			return err
		}
	}
	sum, size, err := hashOf(own)
	if err != nil {
		return err
	}
	return a.recognise(ctx, dir, about, sum, size)
}

// leftAfter is how old a folder without a file is when it is left over: a younger one
// may be at work.
const leftAfter = time.Hour

func (a *Agent) leftOver(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || a.clock.Now().Sub(info.ModTime()) < leftAfter {
		return nil
	}
	return os.RemoveAll(dir)
}

// copyWhole copies a regular file, of [wire.MaxFile] bytes at most; whole says that it
// did not change meanwhile.
func copyWhole(to, from string) (whole bool, err error) {
	in, err := openFile(from)
	if err != nil {
		return false, err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return false, err
	}
	if !before.Mode().IsRegular() {
		return false, tandem.Errorf(tandem.CodeInvalid, "it is no file but a link or a device")
	}
	out, err := os.OpenFile(to+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(out, io.LimitReader(in, wire.MaxFile+1))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return false, err
	}
	after, err := os.Lstat(from)
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return false, err
	}
	if err := os.Chmod(to+".part", 0o400); err != nil {
		return false, err
	}
	return true, os.Rename(to+".part", to)
}

// putBack gives a file back to the folder that was not whole, unless a newer one of
// its name is there. One that came another way is dropped: who sent it is told so or
// has it still, and in the folder nobody would know any more who that was.
func (a *Agent) putBack(moved string, about placed, dir string) error {
	if about.Connector != folderConnector {
		return os.RemoveAll(dir)
	}
	err := os.Link(moved, filepath.Join(a.config.Drop, filepath.Base(about.Name)))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.RemoveAll(dir)
}

func hashOf(file string) (sum string, size int64, err error) {
	f, err := openFile(file)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
