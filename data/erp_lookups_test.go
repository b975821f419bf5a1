package data_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestAnImportFindsWhatIsThere: what an import found before it changed a row, it finds
// no more afterwards.
func TestAnImportFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	newType := newID()
	product := func(more string) string { return `{"@odata.type":"Erp.General_Products_Product",` + more + `}` }
	category := func(more string) string {
		return `{"@odata.type":"Erp.General_Products_MeasurementCategory","@erpnet.action":"merge",` + more + `}`
	}
	find := func(set, by string) string {
		return `{"@odata.type":"Erp.` + set + `","@erpnet.action":"findSingleOrNull","@erpnet.findBy":` + by + `}`
	}
	for name, c := range map[string]struct {
		objects []string
		want    string
	}{
		"a code that was given away": {[]string{
			product(`"@erpnet.action":"update","@erpnet.findBy":{"Code":"P1"},"PartNumber":"P1-OLD"`),
			product(`"@erpnet.action":"merge","PartNumber":"P1","Name":{"EN":"Another"},"ProductGroup":{"Code":"G1"}`),
		}, "Modified Added"},
		"a name that contains it": {[]string{
			category(`"Name":{"EN":"Bolt M8"}`),
			find("General_Products_MeasurementCategory", `{"Name":"Bolt"}`),
			category(`"Name":{"EN":"Bolt"}`),
			category(`"@erpnet.findBy":{"Name":"Bolt"},"Name":{"EN":"Bolt","DE":"Bolzen"}`),
		}, "Added Unchanged Added Modified"},
		"a name of another row": {[]string{
			find("Crm_Sales_Customer", `{"Name":"Müller & Söhne"}`),
			`{"@odata.type":"Erp.General_Contacts_Company","@erpnet.action":"update","@erpnet.findBy":{"Code":"201"},"Name":{"EN":"Schmidt"}}`,
			`{"@odata.type":"Erp.Crm_Sales_Customer","@erpnet.action":"find","@erpnet.findBy":{"Name":"Müller & Söhne"}}`,
		}, "Unchanged Modified rule"},
		"the first of its kind": {[]string{
			product(`"PartNumber":"P3","Name":{"EN":"Fig"},"ProductGroup":{"Code":"G1"}`),
			`{"@odata.type":"Erp.General_Products_ProductType","@erpnet.action":"update","@erpnet.findBy":{"Code":"GOODS"},"IsDefault":false}`,
			`{"@odata.type":"Erp.General_Products_ProductType","Id":"` + newType + `","Code":"NEW","Name":{"EN":"New"},"IsDefault":true}`,
			product(`"PartNumber":"P4","Name":{"EN":"Kiwi"},"ProductGroup":{"Code":"G1"}`),
		}, "Added Modified Added Added"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := newShop(t, db)
				for _, mode := range []string{write.AllObjects, write.PerObject} {
					objects := c.objects
					if mode == write.AllObjects { // which stays
						s.Undo = true
					}
					got := s.bring(mode, 0, objects...)
					s.Undo = false
					if states(got) != c.want {
						t.Errorf("%s: %s, want %s", mode, states(got), c.want)
					}
				}
				kiwi := queryOf("General_Products_Products", "PartNumber")
				kiwi.Where = query.And{equal(kiwi.Set, "PartNumber", model.TextValue("P4")),
					equal(kiwi.Set, "ProductType", model.TextValue(newType))}
				if n, err := s.Count(t.Context(), kiwi); err != nil || n != int64(strings.Count(c.objects[len(c.objects)-1], "Kiwi")) {
					t.Errorf("%d products are of the new type: %v", n, err)
				}
			})
		})
	}
}

// closer is a log that closes a row to most, once the first object is done.
type closer struct{ key string }

func (c *closer) Begin(write.Tx) (model.Entity, error)               { return model.Entity{}, nil }
func (c *closer) End(write.Tx, *write.ImportResult, time.Time) error { return nil }

func (c *closer) Note(tx write.Tx, i int, done write.ImportedObject) error {
	if i > 0 {
		return nil
	}
	r, err := tx.Load(done.Entity.Set, done.Entity.ID, true)
	if err != nil {
		return err
	}
	r.Put("AccessKey", model.TextValue(c.key))
	return tx.Save(r)
}

// TestAnImportFindsNoRowThatWasClosed: a row that somebody gives a key while an import
// runs is not found any more by who does not hold it.
func TestAnImportFindsNoRowThatWasClosed(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const set = "Crm_Sales_CustomerTypes"
		s := newShop(t, db)
		s.create(set, `{"Code":"KEY","Name":{"EN":"Key accounts"}}`)
		key := newID()
		_, err := db.Writer().ExecContext(t.Context(), `INSERT INTO erp_access_keys (id, name, name_text, entity_name, share_level) VALUES ($1, 'k', 'k', $2, 0)`, key, set)
		must(t, err)
		m := erp.NewModel()
		m.Log = func(*write.Model, write.Actor, *write.ImportRequest, time.Time) write.ImportLog { return &closer{key} }
		s.ERP = data.NewERP(db, m)
		s.by = write.Actor{ID: s.by.ID, Login: "svc"}
		s.by.Granted = permission.ByPlatform()
		s.by.Granted.Rights = permission.NewTable(permission.Definitions{
			Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}},
			Keys:   []permission.Key{{ID: permission.SetKeyID(set), Kind: permission.SetKey, EntityName: set}, {ID: key, Kind: permission.RowKey, EntityName: set}},
			Grants: []permission.Grant{{Group: "g", Key: permission.SetKeyID(set), Rights: permission.OfSets}},
		}).Rights([]string{"g"})
		find := `{"@odata.type":"Erp.Crm_Sales_CustomerType","@erpnet.action":"find","Code":"KEY"}`
		if got := states(s.bring(write.PerObject, 2, find, find)); got != "Unchanged rule" {
			t.Errorf("found: %s, want it to be not there the second time", got)
		}
	})
}
