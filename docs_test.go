package tandem_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestIsolationPageNamesTestsThatExist keeps docs/isolation.md true: every test
// that it names is in the package that it names, every invariant and every
// family of attacks has one, and none of e2e/isolation is forgotten.
func TestIsolationPageNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/isolation.md")
	if err != nil {
		t.Fatal(err)
	}
	// A package in backquotes, with ./ before it, holds for the tests after it.
	word := regexp.MustCompile("`\\./([a-z0-9/]*)`|\\b((?:Test|Fuzz|Example)[A-Z]\\w*)|(?m)^## (I[0-9]+) |(?m)^\\| ([A-F][0-9]+) ")
	sources := map[string]string{}
	source := func(dir string) string {
		if _, read := sources[dir]; !read {
			files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
			if err != nil || len(files) == 0 {
				t.Errorf("the page names the package ./%s, which has no tests", dir)
			}
			var all strings.Builder
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(text)
			}
			sources[dir] = all.String()
		}
		return sources[dir]
	}
	dir, subject := "", ""
	named, tests := map[string]bool{}, map[string]int{}
	for _, m := range word.FindAllStringSubmatch(string(text), -1) {
		switch {
		case m[1] != "":
			dir = m[1]
		case m[3]+m[4] != "":
			dir, subject = "", m[3]+m[4]
		case dir == "":
			t.Errorf("%s: the page does not say in which package %s is", subject, m[2])
		default:
			if !strings.Contains(source(dir), "\nfunc "+m[2]+"(") {
				t.Errorf("%s: there is no %s in ./%s", subject, m[2], dir)
			}
			named[dir+"."+m[2]] = true
			tests[subject]++
		}
	}
	var subjects []string
	for _, family := range []struct {
		letter   string
		from, to int
	}{{"I", 1, 13}, {"A", 1, 12}, {"B", 13, 16}, {"C", 17, 22}, {"D", 23, 24}, {"F", 30, 35}} {
		for n := family.from; n <= family.to; n++ {
			subjects = append(subjects, fmt.Sprint(family.letter, n))
		}
	}
	for _, subject := range subjects {
		if tests[subject] == 0 {
			t.Errorf("the page names no test for %s", subject)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(source("e2e/isolation"), -1) {
		if !named["e2e/isolation."+m[1]] {
			t.Errorf("the page does not name %s of ./e2e/isolation", m[1])
		}
	}
}
