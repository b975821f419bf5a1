package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// ProgramVariable names the environment variable with the path of the program
// `tandem` that was built for all tests. `make test` sets it.
const ProgramVariable = "TANDEM_TEST_PROGRAM"

// ProgramCommit is the commit that the program says it was built of.
const ProgramCommit = "0123abcd"

// Program is the program `tandem` as people have it. Remove ends its life with the
// tests of the package.
type Program struct {
	once sync.Once
	dir  string // empty when it is not ours
	file string
	err  error
}

// File is the path of the program, which is built when it is asked for the first
// time and `make test` has not built it.
func (p *Program) File() (string, error) {
	p.once.Do(func() {
		if p.file = os.Getenv(ProgramVariable); p.file != "" {
			return
		}
		if p.dir, p.err = os.MkdirTemp("", "tandem-program-*"); p.err != nil {
			return
		}
		p.file = filepath.Join(p.dir, "tandem")
		out, err := exec.Command("go", "build", "-ldflags", "-X main.linkedCommit="+ProgramCommit, "-o", p.file,
			"github.com/hybridapps/tandem/cmd/tandem").CombinedOutput()
		if err != nil {
			p.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	return p.file, p.err
}

// Remove removes what was built here. TestMain calls it at the end.
func (p *Program) Remove() {
	if p.dir != "" {
		os.RemoveAll(p.dir)
	}
}
