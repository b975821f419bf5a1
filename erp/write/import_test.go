package write_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// diary is a log of imports that only remembers, and fails at what it is told to.
type diary struct {
	lines []string
	fails func(line string) error
}

func (d *diary) note(line string) error {
	d.lines = append(d.lines, line)
	if d.fails == nil {
		return nil
	}
	return d.fails(line)
}

func (d *diary) Begin(write.Tx) (model.Entity, error) {
	return model.Entity{}, d.note("begin")
}

func (d *diary) Note(_ write.Tx, i int, done write.ImportedObject) error {
	return d.note(fmt.Sprint(i, " ", done.State, " ", done.Err != nil))
}

func (d *diary) End(_ write.Tx, result *write.ImportResult, _ time.Time) error {
	return d.note(fmt.Sprint("end ", result.Success))
}

const imported = `{"transaction":"%s","objects":[
	{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"merge","Code":"A","Name":{"EN":"Maps"},"Books":[{"Title":"a"}]},
	{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"merge","Code":"A","Name":{"EN":"Atlases"}},
	{"@odata.type":"Erp.Lib_Shelf","Code":"A"},
	{"@odata.type":"Erp.Lib_Poem"},
	{"Code":"B"},
	{"@odata.type":"#Erp.Lib_Shelf","@erpnet.action":"findOrNull","Code":"Z"}]}`

// TestImport upserts, tells of each object, and keeps or undoes the good ones as
// it was asked to.
func TestImport(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		for _, c := range []struct{ transaction, kept, log string }{
			{write.AllObjects, "", "begin; 0 Added false; 1 Modified false; 2  true; 3  true; 4  true; 5 Unchanged false; end false"},
			{write.PerObject, `{"Code":"A","Name":{"EN":"Atlases"},"Pages":1,"ObjectVersion":2}`,
				"begin; 0 Added false; 1 Modified false; 2  true; 3  true; 4  true; 5 Unchanged false; end false"},
		} {
			log := &diary{}
			d.model.Log = func(*write.Model, write.Actor, *write.ImportRequest, time.Time) write.ImportLog { return log }
			req, err := write.ParseImport(object(t, fmt.Sprintf(imported, c.transaction)))
			must(t, err)
			result, err := d.Import(t.Context(), anna, req)
			must(t, err)
			d.shows(shelves, "Code Name Pages ObjectVersion", c.kept)
			for i, why := range map[int]string{
				2: "the same Code already", 3: `There is no type "Erp.Lib_Poem"`, 4: "needs @odata.type",
			} {
				if got := result.Objects[i].Err; got == nil || !strings.Contains(got.Error(), why) {
					t.Errorf("object %d: %v, want …%s…", i, got, why)
				}
			}
			if got := strings.Join(log.lines, "; "); got != c.log || result.Success {
				t.Errorf("%s is logged as\n     %s\nwant %s", c.transaction, got, c.log)
			}
		}
		result, err := d.Import(t.Context(), anna, &write.ImportRequest{Objects: []*write.Object{
			object(t, `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"update","Code":"A","Name":null}`),
		}})
		if must(t, err); !result.Success || result.Objects[0].State != write.Modified {
			t.Errorf("%+v", result)
		}
	})
}

// TestAnImportThatMeetsAFaultTellsWhatIsDone: an error means that nothing was changed. From
// the first object that was, each is told what became of it, and those after a fault that
// they were not attempted. That the log cannot be written undoes nothing.
func TestAnImportThatMeetsAFaultTellsWhatIsDone(t *testing.T) {
	t.Parallel()
	disk := errors.New("the disk is full")
	shelf := func(action, code string) string {
		return `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"` + action + `","Code":"` + code + `","Name":{"EN":"x"}}`
	}
	each(t, func(t *testing.T, d *desk) {
		for n, c := range []struct {
			name, transaction, fails string
			objects                  []string
			want, kept               string // what became of the objects, empty for an error, and which stay
			unlogged                 bool
		}{
			{"at the first", write.PerObject, "0 Added", []string{shelf("create", "A"), shelf("create", "B")}, "", "", false},
			{"after what was only found", write.PerObject, "1 Added", []string{shelf("findOrNull", "A"), shelf("create", "B")}, "", "", false},
			{"at the third", write.PerObject, "2 Added", []string{shelf("create", "A"), shelf("create", "A"), shelf("create", "B"), shelf("create", "C")},
				"Added refused fault not-attempted", "A", false},
			{"in the log of what was refused", write.PerObject, "1  true", []string{shelf("create", "A"), shelf("create", "A"), shelf("create", "B")},
				"Added refused Added", "A B", true},
			{"at the end", write.PerObject, "end", []string{shelf("create", "A")}, "Added", "A", true},
			{"in the log of all", write.AllObjects, "0 Added", []string{shelf("create", "A"), shelf("create", "B")}, "Added Added", "A B", true},
			{"at the end of all", write.AllObjects, "end", []string{shelf("create", "A"), shelf("create", "B")}, "Added Added", "A B", true},
			{"in the log of none", write.AllObjects, "0 Added", []string{shelf("create", "A"), shelf("create", "A")}, "", "", false},
		} {
			log := &diary{fails: func(line string) error {
				if strings.HasPrefix(line, c.fails) {
					return disk
				}
				return nil
			}}
			d.model.Log = func(*write.Model, write.Actor, *write.ImportRequest, time.Time) write.ImportLog { return log }
			text := `{"transaction":"` + c.transaction + `","objects":[` + strings.Join(c.objects, ",") + `]}`
			text = strings.NewReplacer(`"A"`, fmt.Sprintf(`"%dA"`, n), `"B"`, fmt.Sprintf(`"%dB"`, n), `"C"`, fmt.Sprintf(`"%dC"`, n)).Replace(text)
			req, err := write.ParseImport(object(t, text))
			must(t, err)
			result, err := d.Import(t.Context(), anna, req)
			var became, kept []string
			if err == nil {
				for _, o := range result.Objects {
					switch {
					case o.Err == nil:
						became = append(became, string(o.State))
					case errors.Is(o.Err, write.ErrNotAttempted):
						became = append(became, "not-attempted")
					case tandem.ErrorCode(o.Err) == tandem.CodeConflict:
						became = append(became, "refused")
					case errors.Is(o.Err, disk):
						became = append(became, "fault")
					}
				}
			}
			if got := strings.Join(became, " "); got != c.want || (err != nil) != (c.want == "") || err != nil && !errors.Is(err, disk) {
				t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
			} else if err == nil && (errors.Is(result.Unlogged, disk) != c.unlogged || result.Success && strings.Contains(got, "fault")) {
				t.Errorf("%s: %+v", c.name, result)
			}
			for _, code := range []string{"A", "B", "C"} {
				find := object(t, `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"findOrNull","Code":"`+fmt.Sprint(n)+code+`"}`)
				found, err := d.Import(t.Context(), anna, &write.ImportRequest{Objects: []*write.Object{find}})
				if must(t, err); found.Objects[0].Entity.ID != "" {
					kept = append(kept, code)
				}
			}
			if got := strings.Join(kept, " "); got != c.kept {
				t.Errorf("%s: %q stay, want %q", c.name, got, c.kept)
			}
		}
	})
}

// A name that many others contain is found among them, however many they are.
func TestImportFindsANameAmongMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *desk) {
		req := &write.ImportRequest{Transaction: write.AllObjects}
		for n := range 150 {
			req.Objects = append(req.Objects, object(t, fmt.Sprintf(`{"@odata.type":"Erp.Lib_Shelf","Code":"B%d","Name":{"EN":"Maps %[1]d"}}`, n)))
		}
		last := `{"@odata.type":"Erp.Lib_Shelf","Id":"ffffffff-ffff-4fff-8fff-ffffffffffff","Code":"A","Name":{"EN":"Maps"}}`
		merge := `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"merge","Name":{"EN":"Maps"}}`
		findBy := `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"findSingle","@erpnet.findBy":{"Name":"maps"}}`
		other := `{"@odata.type":"Erp.Lib_Shelf","@erpnet.action":"findSingle","@erpnet.findBy":{"Name":"map"}}`
		req.Objects = append(req.Objects, object(t, last), object(t, merge), object(t, findBy), object(t, other))
		result, err := d.Import(t.Context(), anna, req)
		must(t, err)
		for i, want := range []write.State{write.Unchanged, write.Unchanged} {
			if got := result.Objects[151+i]; got.State != want || got.Entity.ID[:8] != "ffffffff" {
				t.Errorf("%d: %+v", i, got)
			}
		}
		refused(t, result.Objects[153].Err, tandem.CodeRule, "More than one object found")
	})
}

func TestImportRequestsAreRead(t *testing.T) {
	t.Parallel()
	req, err := write.ParseImport(object(t, `{}`))
	if must(t, err); req.Transaction != write.PerObject || req.LoggingLevel != 2 || req.Model != "frontend" {
		t.Errorf("%+v", req)
	}
	req, err = write.ParseImport(object(t, `{"transaction":"all-objects","model":"common","loggingLevel":0,"objects":[{},{}]}`))
	if must(t, err); req.Transaction != write.AllObjects || req.LoggingLevel != 0 || len(req.Objects) != 2 {
		t.Errorf("%+v", req)
	}
	for body, why := range map[string]string{
		`{"transaction":"none"}`: "transaction is not right", `{"model":1}`: "model is not right",
		`{"loggingLevel":3}`: "loggingLevel is not right",
		`{"objects":{}}`:     "objects is not right", `{"objects":[1]}`: "objects[0] is not an object",
		`{"dryRun":true}`: `has no parameter "dryRun"`,
		`{"objects":[` + strings.Repeat("{},", write.MaxImportObjects) + `{}]}`: "at most 10000 fit in one request",
	} {
		_, err := write.ParseImport(object(t, body))
		refused(t, err, tandem.CodeInvalid, why)
	}
}
