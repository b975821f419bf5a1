// Command licences writes the notices of all modules that are linked into a
// program: which they are, where their source is, and the texts of their
// licences, each once. It fails where it does not know a licence.
//
//	go run ./scripts/licences ./cmd/tandem > cmd/tandem/licences.txt
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// systems are those that the program is built for.
var systems = []string{"linux", "darwin", "windows"}

// embedded is data of others in our own packages, with its licence beside it.
var embedded = []module{{Path: "github.com/trustelem/zxcvbn", Version: "v1.0.1 (its list of passwords)", Dir: "identity/signin/common"}}

type module struct {
	Path, Version, Dir string
	Main               bool
	licences           []string
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: licences PACKAGE")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(to io.Writer, program string) error {
	modules, err := linked(program)
	if err != nil {
		return err
	}
	users := map[string][]string{} // of a text
	for i := range modules {
		texts, err := texts(modules[i].Dir)
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			return fmt.Errorf("%s has no licence file", modules[i].Path)
		}
		for _, text := range texts {
			name := kind(text)
			if name == "" {
				return fmt.Errorf("%s has a licence that is not known: %.200s", modules[i].Path, text)
			}
			if !slices.Contains(modules[i].licences, name) {
				modules[i].licences = append(modules[i].licences, name)
			}
			users[text] = append(users[text], modules[i].Path)
		}
	}
	return write(to, modules, users)
}

// linked are the modules of the program's packages, on all systems, by their path.
// The standard library is the first.
func linked(program string) ([]module, error) {
	found := map[string]module{}
	for _, system := range systems {
		cmd := exec.Command("go", "list", "-deps", "-json=Module", program)
		cmd.Env, cmd.Stderr = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0"), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct{ Module *module }
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module != nil && !p.Module.Main {
				found[p.Module.Path] = *p.Module
			}
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	for _, m := range embedded {
		found[m.Path] = m
	}
	all := slices.SortedFunc(maps.Values(found), func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	release := strings.Join(strings.SplitN(runtime.Version(), ".", 3)[:2], ".") // go1.26: each patch has the same notices
	return append([]module{{Path: "Go standard library", Version: release, Dir: strings.TrimSpace(string(root))}}, all...), nil
}

var licenceFile = regexp.MustCompile(`(?i)^([a-z0-9]+-)?(licen[cs]e|copying|notice|patents)([-.][a-z0-9.-]+)?$`)

func texts(dir string) (all []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !licenceFile.MatchString(f.Name()) || f.IsDir() || strings.HasSuffix(f.Name(), ".go") || strings.Contains(f.Name(), "LOGO") {
			continue // a logo is not linked
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return all, nil
}

// kind is the SPDX identifier of a licence, "notice" for what goes with one.
func kind(text string) string {
	flat := strings.Join(strings.Fields(text), " ")
	has := func(part string) bool { return strings.Contains(strings.ToLower(flat), strings.ToLower(part)) }
	switch {
	case has("Mozilla Public License Version 2.0"), has("Mozilla Public License, version 2.0"):
		return "MPL-2.0"
	case has("Apache License Version 2.0"):
		return "Apache-2.0"
	case has("Redistribution and use in source and binary forms"):
		if has("Neither the name") || has("may not be used to endorse") || has("names of its contributors") {
			return "BSD-3-Clause"
		}
		return "BSD-2-Clause"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Permission to use, copy, modify, and/or distribute this software"),
		has("Permission to use, copy, modify, and distribute this software"):
		return "ISC"
	case has("disclaims copyright"), has("public domain"), has("This is free and unencumbered software"):
		return "public domain"
	case has("Additional IP Rights Grant"):
		return "patent grant"
	case len(flat) < 2000 && (has("copyright") || has("this product includes") || has("developed")):
		return "notice"
	}
	return ""
}

func write(to io.Writer, modules []module, users map[string][]string) error {
	var b bytes.Buffer
	fmt.Fprint(&b, "Third-party software in Tandem\n\nTandem itself is under the Apache License 2.0. Linked into the program are:\n\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "%s %s  %s\n", m.Path, m.Version, strings.Join(m.licences, ", "))
	}
	fmt.Fprint(&b, "\nThe source of a module, also of those under MPL-2.0, which asks to say so, is at\n"+
		"https://proxy.golang.org/MODULE/@v/VERSION.zip (capital letters as ! and the small one),\n"+
		"unchanged from what is linked.\n")
	order := slices.SortedFunc(maps.Keys(users), func(a, b string) int {
		return cmp.Or(cmp.Compare(users[a][0], users[b][0]), cmp.Compare(a, b))
	})
	for _, text := range order {
		names := slices.Compact(slices.Sorted(slices.Values(users[text])))
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(names, "\n"), text)
	}
	_, err := to.Write(b.Bytes())
	return err
}
