package main

import (
	_ "embed"
	"fmt"
	"strings"
)

// The notices of everything that is linked into the program, made by `make
// licences`.
//
//go:embed licences.txt
var licences string

type licencesCommand struct {
	List bool `help:"Only the modules, their versions and licences."`
}

// Run shows the notices.
func (c *licencesCommand) Run(r *run) error {
	text := licences
	if c.List {
		_, list, _ := strings.Cut(text, "are:\n\n")
		list, _, _ = strings.Cut(list, "\n\n")
		text = list + "\n"
	}
	_, err := fmt.Fprint(r.stdout, text)
	return err
}
