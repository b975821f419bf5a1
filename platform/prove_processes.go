package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one of ours on this machine, as /proc shows it.
type process struct {
	pid     string
	args    []string
	environ []byte
}

// The programs of a system.
const (
	programInstance = "instance"
	programWebApp   = "webapp"
	programWorker   = "worker"
	programUp       = "up"
)

var programs = []string{programInstance, programWebApp, programWorker, programUp}

// processes are those that work on the data folder, by what they are: there may be
// several of a program. hidden are those that are another user's.
func processes(dir string) (found map[string][]process, hidden []string, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, nil, fmt.Errorf("look at the processes: %w", err)
	}
	found = map[string][]process{}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p := process{pid: e.Name()}
		text, err := os.ReadFile(p.file("cmdline"))
		if err != nil || len(text) == 0 {
			continue // it has ended, or is the kernel's
		}
		p.args = strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		i := slices.IndexFunc(p.args, func(a string) bool { return slices.Contains(programs, a) })
		if i != 1 || !p.worksOn(dir) {
			continue
		}
		p.environ, err = os.ReadFile(p.file("environ"))
		switch {
		case errors.Is(err, fs.ErrPermission):
			hidden = append(hidden, fmt.Sprintf("the process %s (%s), which is another user's", p.pid, p.args[i]))
		case err == nil:
			found[p.args[i]] = append(found[p.args[i]], p)
		}
	}
	return found, hidden, nil
}

func (p process) file(name string) string { return filepath.Join("/proc", p.pid, name) }

// worksOn says that a process was told the folder: by a flag, else its default, from
// where it stands.
func (p process) worksOn(dir string) bool {
	folder := "tandem-data"
	for i, a := range p.args {
		if rest, ok := strings.CutPrefix(a, "--data="); ok {
			folder = rest
		} else if a == "--data" && i+1 < len(p.args) {
			folder = p.args[i+1]
		}
	}
	if !filepath.IsAbs(folder) {
		at, err := os.Readlink(p.file("cwd"))
		if err != nil {
			return false
		}
		folder = filepath.Join(at, folder)
	}
	return filepath.Clean(folder) == filepath.Clean(dir)
}

// open are the files that a process has open.
func (p process) open() (files []string, err error) {
	entries, err := os.ReadDir(p.file("fd"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(p.file("fd"), e.Name())); err == nil {
			files = append(files, to)
		}
	}
	return files, nil
}

// searchLogs looks through what the programs write to, and says of which it cannot: what
// is written to a terminal, or to a pipe that another program reads, is kept by somebody
// else, or by nobody.
func (i *Insight) searchLogs(look func(string, io.Reader) error) (unseen []string, err error) {
	running, unseen, err := processes(i.Dir)
	if err != nil {
		return []string{"the logs, as the processes cannot be looked at here"}, nil
	}
	if len(running[programInstance]) == 0 {
		unseen = append(unseen, "the log of the "+programInstance+", whose process was not found")
	}
	seen := map[string]bool{os.DevNull: true}
	for _, p := range running[programUp] { // what its children write it writes itself
		files, err := p.open()
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasPrefix(file, "pipe:") && p.streams(file) == 0 {
				seen[file] = true
			}
		}
	}
	for name, all := range running {
		for _, p := range all {
			more, err := p.searchLog(name, seen, look)
			if err != nil {
				return nil, err
			}
			unseen = append(unseen, more...)
		}
	}
	slices.Sort(unseen)
	return slices.Compact(unseen), nil
}

// outputs are the files that a program writes its log to.
var outputs = []string{"1", "2"}

// streams counts the outputs that lead to a file.
func (p process) streams(file string) (n int) {
	for _, fd := range outputs {
		if to, err := os.Readlink(filepath.Join(p.file("fd"), fd)); err == nil && to == file {
			n++
		}
	}
	return n
}

// searchLog looks through the files that one program writes to, except those seen.
func (p process) searchLog(name string, seen map[string]bool, look func(string, io.Reader) error) (unseen []string, err error) {
	for _, fd := range outputs {
		to, err := os.Readlink(filepath.Join(p.file("fd"), fd))
		if errors.Is(err, fs.ErrNotExist) || err == nil && seen[to] { // closed, or ended
			continue
		}
		info, statErr := os.Stat(to)
		if err != nil || statErr != nil || !info.Mode().IsRegular() {
			unseen = append(unseen, "the log of the "+name+", which is no file that can be read here")
			continue
		}
		seen[to] = true
		if err := searchFile(to, func(_ string, text io.Reader) error { return look("the log of the "+name, text) }); err != nil {
			return unseen, err
		}
	}
	return unseen, nil
}

// provenHalf is one half as the other must not have it.
type provenHalf struct {
	name, program, folder string
	// own are the texts that only this half may have.
	own map[string]string
}

// Halves implements [prove.Inside]. The control is that each half has its own secret: what
// a process is not given cannot be looked for at the other one.
func (i *Insight) Halves(context.Context) (found, unseen []string, err error) {
	front := provenHalf{"web app", programWebApp, filepath.Join(i.Dir, programWebApp), map[string]string{userSecret: i.Secrets.User}}
	back := provenHalf{"worker", programWorker, filepath.Join(i.Dir, programWorker), map[string]string{serviceSecret: i.Secrets.Service}}
	running, unseen, err := processes(i.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, half := range []struct {
		provenHalf
		secret string
	}{{front, userSecret}, {back, serviceSecret}} {
		if len(running[half.program]) == 0 {
			unseen = append(unseen, "the process of the "+half.name+", which was not found")
			continue
		}
		has, err := half.has(running[half.program], half.own[half.secret])
		if err != nil {
			return nil, nil, err
		}
		if !has {
			unseen = append(unseen, "a "+half.name+" of this application: the one that runs has not its "+half.secret)
		}
	}
	if key, err := os.ReadFile(filepath.Join(front.folder, "key")); err == nil {
		front.own["key of the web app's store"] = strings.TrimSpace(string(key))
	}
	for _, pair := range [][2]provenHalf{{front, back}, {back, front}} {
		for _, p := range running[pair[0].program] {
			more, err := i.lookAt(p, pair[0], pair[1])
			if err != nil {
				return nil, nil, err
			}
			found = append(found, more...)
		}
	}
	return found, unseen, nil
}

// What the secrets of the halves are called.
const userSecret, serviceSecret = "user secret", "service secret"

// has says that a half's processes, or its folder, have a secret.
func (h *provenHalf) has(running []process, secret string) (bool, error) {
	if secret == "" {
		return false, nil
	}
	for _, p := range running {
		if bytes.Contains(p.environ, []byte(secret)) || strings.Contains(strings.Join(p.args, " "), secret) {
			return true, nil
		}
	}
	has := false
	err := filepath.WalkDir(h.folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || has || !d.Type().IsRegular() {
			return err
		}
		has, err = contains(path, secret)
		return err
	})
	return has, err
}

// lookAt looks at one half for what is the other's.
func (i *Insight) lookAt(p process, one, other provenHalf) (found []string, err error) {
	tell := func(format string, args ...any) {
		found = append(found, "the "+one.name+" "+fmt.Sprintf(format, args...))
	}
	for name, text := range other.own {
		if text != "" && bytes.Contains(p.environ, []byte(text)) {
			tell("has the %s in its environment", name)
		}
		if text != "" && strings.Contains(strings.Join(p.args, " "), text) {
			tell("has the %s on its command line", name)
		}
	}
	foreign := []string{other.folder + string(filepath.Separator), filepath.Join(i.Dir, "tandem.db"), filepath.Join(i.Dir, "tandem-erp.db"), filepath.Join(i.Dir, "instance.key"), filepath.Join(i.Dir, "demo.json")}
	open, err := p.open()
	if err != nil {
		return nil, fmt.Errorf("the open files of the %s: %w", one.name, err)
	}
	for _, file := range append(open, p.args...) {
		if slices.ContainsFunc(foreign, func(f string) bool { return strings.Contains(file, f) }) {
			tell("has to do with %s", filepath.Base(file))
		}
	}
	more, err := lookInto(one, other)
	return append(found, more...), err
}

// lookInto looks through a half's folder: who may read it, and what of the other's
// stands there.
func lookInto(one, other provenHalf) (found []string, err error) {
	err = filepath.WalkDir(one.folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		if info.Mode().Perm()&0o077 != 0 {
			found = append(found, fmt.Sprintf("%s of the %s can be read by others (%s)", d.Name(), one.name, info.Mode().Perm()))
		}
		if !d.Type().IsRegular() {
			return nil
		}
		for name, text := range other.own {
			if text == "" {
				continue
			}
			there, err := contains(path, text)
			if err != nil {
				return err
			}
			if there {
				found = append(found, fmt.Sprintf("%s of the %s has the %s", d.Name(), one.name, name))
			}
		}
		return nil
	})
	return found, err
}

// contains looks for a text in a file, part by part.
func contains(path, text string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	buffer, kept := make([]byte, 1<<20+len(text)), 0
	for {
		n, err := io.ReadFull(f, buffer[kept:])
		if bytes.Contains(buffer[:kept+n], []byte(text)) {
			return true, nil
		}
		if err != nil {
			return false, nil
		}
		kept = copy(buffer, buffer[kept+n-len(text):kept+n])
	}
}
