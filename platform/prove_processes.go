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

// processes are those that work on the data folder, by what they are.
func processes(dir string) (map[string]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look at the processes: %w", err)
	}
	found := map[string]process{}
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
		if p.environ, err = os.ReadFile(p.file("environ")); err != nil {
			continue // somebody else's
		}
		found[p.args[i]] = p
	}
	return found, nil
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

// searchLogs looks through what the programs write to, where that are files, and says
// whether there was one.
func (i *Insight) searchLogs(look func(string, io.Reader) error) (any bool, err error) {
	running, err := processes(i.Dir)
	if err != nil {
		return false, nil // there is no /proc
	}
	seen := map[string]bool{}
	for name, p := range running {
		for _, fd := range []string{"1", "2"} {
			to, err := os.Readlink(filepath.Join(p.file("fd"), fd))
			info, statErr := os.Stat(to)
			if err != nil || statErr != nil || !info.Mode().IsRegular() || seen[to] {
				continue
			}
			seen[to] = true
			if err := searchFile(to, func(_ string, text io.Reader) error { return look("the log of the "+name, text) }); err != nil {
				return any, err
			}
			any = true
		}
	}
	return any, nil
}

// provenHalf is one half as the other must not have it.
type provenHalf struct {
	name, program, folder string
	// own are the texts that only this half may have.
	own map[string]string
}

// Halves implements [prove.Inside].
func (i *Insight) Halves(context.Context) (found, unseen []string, err error) {
	front := provenHalf{"web app", programWebApp, filepath.Join(i.Dir, programWebApp), map[string]string{"user secret": i.Secrets.User}}
	back := provenHalf{"worker", programWorker, filepath.Join(i.Dir, programWorker), map[string]string{"service secret": i.Secrets.Service}}
	if key, err := os.ReadFile(filepath.Join(front.folder, "key")); err == nil {
		front.own["key of the web app's store"] = strings.TrimSpace(string(key))
	}
	running, err := processes(i.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, pair := range [][2]provenHalf{{front, back}, {back, front}} {
		p, there := running[pair[0].program]
		if !there {
			unseen = append(unseen, "the process of the "+pair[0].name+" was not found, or is another user's")
			continue
		}
		more, err := i.lookAt(p, pair[0], pair[1])
		if err != nil {
			return nil, nil, err
		}
		found = append(found, more...)
	}
	return found, unseen, nil
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
