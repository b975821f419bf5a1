package tandem_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// timelines are the folders with migrations. Each has its numbers.
var timelines = []string{
	"data/migrations", "webapp/migrations", "worker/schema/migrations", "worker/jobs/migrations",
	"examples/field/cloud/migrations", "examples/prices/agent/migrations",
}

// releasedList has each migration that somebody may have run, with its sum, in the
// order in which they landed.
const releasedList = "testdata/migrations.txt"

// forOneEngine reports whether a migration is one of two with the same number.
func forOneEngine(file string) bool {
	return strings.Contains(file, ".sqlite.") || strings.Contains(file, ".postgres.")
}

// A migration that is listed has been run somewhere: it is not changed, renamed
// or taken away, and a new one comes after all others, since where those have
// been run one between them would not be. The list grows at its end, with each
// release at the latest.
func TestMigrationsStayAsTheyLanded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(releasedList)
	if err != nil {
		t.Fatal(err)
	}
	listed, newest := map[string]string{}, map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		sum, file, _ := strings.Cut(line, "  ")
		folder, number := filepath.Dir(file), filepath.Base(file)[:5]
		if number < newest[folder] || number == newest[folder] && !forOneEngine(file) {
			t.Errorf("%s: %s is listed after %s: give it the next number", releasedList, file, newest[folder])
		}
		listed[file], newest[folder] = sum, number
	}
	for _, folder := range timelines {
		files, err := filepath.Glob(folder + "/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no migrations: %v", folder, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sum := fmt.Sprintf("%x", sha256.Sum256(text))
			switch was, known := listed[file]; {
			case !known && filepath.Base(file)[:5] < newest[folder]:
				t.Errorf("%s comes before %s of %s, which has been run: give it the next number", file, newest[folder], folder)
			case !known:
				t.Logf("%s is new. Before it is released, add it at the end of %s:\n%s  %s", file, releasedList, sum, file)
			case was != sum:
				t.Errorf("%s was changed after it had been run somewhere: put it back, and write another migration", file)
			}
			delete(listed, file)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(listed)) {
		t.Errorf("%s is gone: put it back", file)
	}
}

// tables are those that a migration makes, changes or takes away.
var tables = regexp.MustCompile(`(?m)^(?:CREATE|ALTER|DROP) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)`)

// The rows of the domain may have a database of their own: its migrations are those with
// erp in their names, and its tables too.
func TestMigrationsAreNamedAfterTheirDatabase(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("data/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(table[1], "erp_") != strings.HasPrefix(filepath.Base(file)[5:], "_erp_") {
				t.Errorf("%s is about the table %s: call it NNNNN_erp_… where that has erp_ in front, and only there", file, table[1])
			}
		}
	}
}
