package write_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// diary is a log of imports that only remembers.
type diary struct{ lines []string }

func (d *diary) Begin(write.Tx) (model.Entity, error) {
	d.lines = append(d.lines, "begin")
	return model.Entity{}, nil
}

func (d *diary) Note(_ write.Tx, i int, done write.ImportedObject) error {
	d.lines = append(d.lines, fmt.Sprint(i, " ", done.State, " ", done.Err != nil))
	return nil
}

func (d *diary) End(_ write.Tx, result *write.ImportResult, _ time.Time) error {
	d.lines = append(d.lines, fmt.Sprint("end ", result.Success))
	return nil
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
