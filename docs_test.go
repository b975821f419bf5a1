package tandem_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	}{{"I", 1, 14}, {"A", 1, 12}, {"B", 13, 16}, {"C", 17, 22}, {"D", 23, 27}, {"E", 28, 29}, {"F", 30, 35}} {
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

// What the README says it speaks names tests that there are, in the package before them.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	named, dir := 0, ""
	for _, m := range regexp.MustCompile("`\\./([a-z0-9/]*)`|\\b(Test[A-Z]\\w*)").FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			dir = m[1]
			continue
		}
		named++
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(source), "\nfunc "+m[2]+"(")
		})
		if !found {
			t.Errorf("there is no %s in ./%s", m[2], dir)
		}
	}
	if named < 10 {
		t.Errorf("the page names %d tests", named)
	}
}

// TestEveryTableIsInTheManual keeps the part of docs/operations.md true that says for how
// long what is kept: every table is there, and those that a purge goes through are in rows
// that say so.
func TestEveryTableIsInTheManual(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## What grows")
	part, _, _ = strings.Cut(part, "\n## ")
	var rows strings.Builder
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "|") {
			rows.WriteString(line)
		}
	}
	made := tablesIn(t, regexp.MustCompile(`(?m)^\s*CREATE TABLE(?: IF NOT EXISTS)? (\w+)`), ".sql", "data", "webapp", "worker/schema", "worker/jobs")
	for passing := range tablesIn(t, regexp.MustCompile(`(?m)^\s*ALTER TABLE (\w+) RENAME TO`), ".sql", "data", "webapp", "worker/schema", "worker/jobs") {
		delete(made, passing)
	}
	if len(made) < 80 {
		t.Errorf("there are %d tables", len(made))
	}
	for table := range made {
		if !strings.HasPrefix(table, "erp_") && !strings.Contains(part, "`"+table+"`") {
			t.Errorf("the page does not say for how long %s is kept", table)
		}
	}
	purged := tablesIn(t, regexp.MustCompile(`\bTable: "(\w+)", Column:`), ".go", "data", "webapp")
	for table := range purged {
		if !strings.Contains(rows.String(), "`"+table+"`") {
			t.Errorf("no row of the page says for how long %s is kept, which is purged", table)
		}
	}
	for _, name := range regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(part, -1) {
		if !made[name[1]] && !strings.HasSuffix(name[1], "_") && !strings.HasPrefix(name[1], "record_") && !strings.HasPrefix(name[1], "tandem_") {
			t.Errorf("the page names %s, which is no table", name[1])
		}
	}
}

// tablesIn are the names that the expression finds in the files of folders.
func tablesIn(t *testing.T, name *regexp.Regexp, ext string, dirs ...string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.FromSlash(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ext || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				all[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestPathsInThePagesExist keeps the pages true when files move: every path in
// backquotes is there. A file may be named by the end of its path, as in
// `token/mint.go`, because the text around it says where that is.
func TestPathsInThePagesExist(t *testing.T) {
	t.Parallel()
	ours := map[string]bool{} // files and folders
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "artifacts") {
			return filepath.SkipDir
		}
		path = filepath.ToSlash(path)
		ours[path] = true
		files = append(files, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile("`(?:\\./)?([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.*-]+)*(?:/|\\.(?:go|md|sh|sql|ya?ml|html|css))?)`")
	source := regexp.MustCompile(`\.(go|md|sh|sql|ya?ml|html|css)$`)
	checked := 0
	for _, page := range pages(t) {
		for n, line := range strings.Split(read(t, page), "\n") {
			for _, m := range path.FindAllStringSubmatch(line, -1) {
				name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(m[1], "/"), "/*"), "/...")
				top, _, deep := strings.Cut(name, "/")
				switch {
				case source.MatchString(name):
					checked++
					if !ours[name] && !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/"+name) }) {
						t.Errorf("%s:%d names the file `%s`, which does not exist (any more): name the one that has it now", page, n+1, m[1])
					}
				case deep && ours[top] || strings.HasSuffix(m[1], "/"):
					checked++
					if !ours[name] {
						t.Errorf("%s:%d names the folder `%s`, which does not exist (any more): name the one that has it now", page, n+1, m[1])
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d paths were found: does the pattern still fit the pages?", checked)
	}
}

// TestThePageHasTheImportTableThatIsEnforced compares docs/architecture.md with
// mayImport, row by row.
func TestThePageHasTheImportTableThatIsEnforced(t *testing.T) {
	t.Parallel()
	const page = "docs/architecture.md"
	_, section, found := strings.Cut(read(t, page), "\n## Who may import whom\n")
	if !found {
		t.Fatalf("%s has no section \"Who may import whom\"", page)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	quoted := regexp.MustCompile("`([^`]+)`")
	words := func(cell string) (found []string) {
		for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
			found = append(found, m[1])
		}
		return found
	}
	said := map[string]string{} // room → what the page says that it may import
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, room := range words(cells[1]) {
			if _, twice := said[room]; twice {
				t.Errorf("%s: %s is in two rows of the table", page, room)
			}
			said[room] = sorted(words(cells[2]))
		}
	}
	for room, allowed := range mayImport {
		name := room
		if name == "" {
			name = "."
		}
		got, there := said[name]
		delete(said, name)
		if want := sorted(allowed); !there || got != want {
			t.Errorf("%s: imports_test.go enforces another row for %s than the page has: in the table \"Who may import whom\" write\n\t| `%s` | %s |",
				page, name, name, want)
		}
	}
	for room := range said {
		t.Errorf("%s: the table has a row for %s, and imports_test.go has none: take it out of the page", page, room)
	}
}

// sorted is the cell of a row of the import table.
func sorted(packages []string) string {
	if len(packages) == 0 {
		return "nothing of ours"
	}
	packages = slices.Sorted(slices.Values(packages))
	return "`" + strings.Join(packages, "`, `") + "`"
}

// TestDecisionsSayWhatElseThereWas reads every record of a decision.
func TestDecisionsSayWhatElseThereWas(t *testing.T) {
	t.Parallel()
	records, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil || len(records) < 10 {
		t.Fatalf("%d records: %v", len(records), err)
	}
	index := read(t, "docs/adr/README.md")
	for _, record := range records {
		text := read(t, record)
		if !strings.Contains(text, "\n**Alternatives.** ") {
			t.Errorf("%s has no paragraph that begins with **Alternatives.** and says what else was considered, and why it was not taken", record)
		}
		title, _, _ := strings.Cut(text, "\n")
		if number, words, _ := strings.Cut(strings.TrimPrefix(title, "# "), ". "); !strings.Contains(index, "["+number+"]("+filepath.Base(record)+") | "+words+" |") {
			t.Errorf("docs/adr/README.md has no row for %s with the title %q", record, words)
		}
	}
}

// pages are the texts that say how things are; a changelog says how they were.
func pages(t *testing.T) []string {
	t.Helper()
	found := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %d pages: %v", pattern, len(more), err)
		}
		found = append(found, more...)
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
