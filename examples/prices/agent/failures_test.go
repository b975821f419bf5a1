package agent_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// What came is settled row by row and file by file, each with words that say how to mend
// it: encodings, workbooks with formulas, control totals, duplicates, currencies.
func TestFilesThatCome(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.byDay()
	r := p.agentOf()
	all := p.products("Active eq true")
	a, b := all[0], all[1]
	head := "PartNumber,Name,Price,Currency\n"
	latin, err := charmap.Windows1252.NewEncoder().String(head + a.PartNumber + ",Müller Gerät für Häuser,1.00,EUR\n")
	if err != nil {
		t.Fatal(err)
	}
	book := func(formula string) string {
		f := excelize.NewFile()
		defer f.Close()
		for i, row := range [][]any{{"PartNumber", "Name", "Price", "Currency"}, {a.PartNumber, "x", 0.1 + 0.2, "EUR"}, {b.PartNumber, "x", nil, "EUR"}, {"12E5", "x", 1.5, "EUR"}} {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.SetCellFormula("Sheet1", "C3", formula); err != nil {
			t.Fatal(err)
		}
		text, err := f.WriteToBuffer()
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	for i, c := range []struct {
		name, text string
		state      wire.State
		says       string // in the note, or in a row
	}{
		{"prices-latin.csv", latin, wire.Waiting, a.PartNumber + " change"},
		{"prices-formula.xlsx", book("1+1"), wire.Waiting, "3 " + b.PartNumber + " refused: Price: a value is required here"},
		{"prices-cmd.csv", head + "=1+1,x,1.00,EUR\n", wire.Waiting, "=1+1 refused: no product has this number"},
		{"prices-total.csv", head + a.PartNumber + ",x,1.00,EUR\nTOTAL,2,1.00,\n", wire.Unusable, "its last row says 2 rows, and there are 1"},
		{"prices-sum.csv", head + a.PartNumber + ",x,1.50,EUR\nTOTAL,1,1.00,\n", wire.Unusable, "the prices sum to 1.00, and they sum to 1.50"},
		{"prices-after.csv", head + "TOTAL,0,0.00,\n" + a.PartNumber + ",x,1.00,EUR\n", wire.Unusable, "comes after the row"},
		{"prices-twice.csv", list(a.PartNumber+",1", strings.ToLower(a.PartNumber)+",2", b.PartNumber+",1.23", b.PartNumber+",1.24"), wire.Waiting,
			"5 " + b.PartNumber + " refused: the product is in several rows"},
		{"prices-usd.csv", strings.ReplaceAll(list(a.PartNumber+",1"), "EUR", "USD"), wire.Waiting, `another currency: "USD"`},
		{"prices-cols.csv", "PartNumber,Price\nx,1\n", wire.Unusable, "columns are missing: Currency, Name"},
		{"prices-empty.csv", "", wire.Unusable, "the file is empty"},
		{"prices-norows.csv", head, wire.Unusable, "the file has no rows"},
		{"prices-archive.csv", "PK\x03\x04 no archive", wire.Unusable, "the workbook cannot be read"},
		{"stock.csv", list("X-9,1"), wire.Unusable, "no mapping is for a file called stock.csv; there are those for prices*.csv"},
	} {
		id := int64(i + 1)
		r.put(c.name, c.text)
		got := r.until(id, c.state)
		if said := got.Note + strings.Join(r.rows(id), "\n"); !strings.Contains(said, c.says) {
			t.Errorf("%s: %s", c.name, said)
		}
	}
	if rows := strings.Join(r.rows(7), "\n"); strings.Count(rows, "refused") != 4 {
		t.Errorf("two spellings of one product: %s", rows)
	}
	// What looks like a number is one in the column of the price alone.
	if rows := strings.Join(r.rows(2), "\n"); !strings.Contains(rows, "4 12E5 refused: no product has this number") || !strings.Contains(rows, "2 "+a.PartNumber+" change") {
		t.Errorf("the workbook: %s", rows)
	}
	// In the report no cell is a formula.
	if text := string(r.report(3, "csv")); !strings.Contains(text, ",'=1+1,refused") {
		t.Errorf("the report has a formula: %s", text)
	}
	// A mapping for the file makes it usable.
	content := strings.Replace(agent.FirstMapping(), `["prices*.csv", "prices*.xlsx"]`, `["stock*.csv"]`, 1)
	if _, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "stock", content); err != nil {
		t.Fatal(err)
	}
	if _, err := r.api.Do(t.Context(), r.idToken("ada"), 13, "check"); err != nil {
		t.Fatal(err)
	}
	if got := r.until(13, wire.Waiting); got.Mapping != "stock" {
		t.Errorf("it was checked with the mapping %q", got.Mapping)
	}
}

// Files are taken when they are whole, as files and nothing else, whatever they are
// called; content that was here before is nothing new.
func TestPickUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf(func(c *agent.Config) { c.Still = time.Minute })
	part := p.products("Active eq true")[0].PartNumber
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.drop, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Names that say that a file is not whole, links and pipes stay.
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte(list(part+",1.11")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(r.drop, "prices-link.csv")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prices.csv.part", "~prices.csv", ".prices.csv", "prices.tmp", "prices.csv~"} {
		write(name, list(part+",1.11"))
	}
	// A file that is still being written is not taken before it stands still.
	half := "PartNumber,Name,Price,Currency\n" + part + ",x,1."
	for range 8 {
		write("prices-slow.csv", half)
		time.Sleep(100 * time.Millisecond)
		half += "0"
	}
	write("prices-slow.csv", list(part+",2.50", "X-1,1"))
	stands := func() { p.Advance(5 * time.Second) } // what is whole stands still by that clock
	testkit.Eventually(t, "it is taken", func() bool {
		stands()
		page, err := r.api.Batches(t.Context(), r.idToken("anna"), 0, 10)
		return err == nil && len(page.Rows) > 0
	})
	b := r.until(1, wire.Waiting)
	if b.Figures.Rows != 2 || b.File != "prices-slow.csv" {
		t.Errorf("%+v", b)
	}
	// The same content under another name, with a name full of tricks.
	trick := "prices-..\\..%2f\u202egnp.csv"
	write(trick, list(part+",2.50", "X-1,1"))
	testkit.Eventually(t, "it is told of what came again", func() bool {
		stands()
		for _, e := range r.batch("maria", 1).Events {
			if strings.Contains(e.What, "the same content came again as prices-.._..%2f_gnp.csv: already processed as this batch, so nothing was done") {
				return true
			}
		}
		return false
	})
	connectors, err := r.api.Connectors(t.Context(), r.idToken("anna"))
	if err != nil || len(connectors) != 1 || !strings.Contains(connectors[0].Problem, "prices-link.csv is no file but a link or a device") {
		t.Errorf("%+v, %v", connectors, err)
	}
	page, err := r.api.Batches(t.Context(), r.idToken("anna"), 0, 10)
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("%d batches: %v", len(page.Rows), err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != list(part+",1.11") {
		t.Errorf("what the link leads to: %q %v", text, err)
	}
	// One that a person handed in, and that could not be copied, does not come to the
	// folder, where nobody would know any more who that was.
	handed := filepath.Join(r.dir, "work", ".in-handed")
	if err := os.MkdirAll(filepath.Join(handed, "content.part"), 0o700); err != nil { // in the way of the copy
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(handed, "placed.json"), []byte(`{"name":"prices-handed.csv","connector":"pages","by":"ada","by_hand":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(handed, "original"), []byte(list(part+",3.50")), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it is looked at", func() bool {
		_, err := os.Stat(handed)
		return err != nil
	})
	if _, err := os.Stat(filepath.Join(r.drop, "prices-handed.csv")); err == nil {
		t.Error("a file that was handed in is in the folder")
	}
	// The agent's folders are for nobody else.
	for _, dir := range []string{r.dir, filepath.Join(r.dir, "work"), filepath.Join(r.dir, "work", "1")} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 && dir != r.dir {
			t.Errorf("%s: %v %v", dir, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(r.dir, "work", "1", "content")); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the file is not read-only: %v %v", info, err)
	}
}

// Two agents with a store each look at one folder: a file is taken once, and when one
// agent ends the other takes over.
func TestTwoAgentsOnOneFolder(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	one := p.agentOf()
	two := p.agentOf(func(c *agent.Config) { c.Drop, c.ServiceInstance = one.drop, "two" })
	part := p.products("Active eq true")[0].PartNumber
	for i := range 5 {
		one.put(fmt.Sprintf("prices-%d.csv", i), list(part+","+fmt.Sprint(i+1)))
	}
	for i := range 5 {
		one.until(int64(i+1), wire.Waiting)
	}
	one.stop()
	one.put("prices-later.csv", list(part+",99"))
	two.until(1, wire.Waiting)
	page, err := two.api.Batches(t.Context(), two.idToken("maria"), 0, 10)
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("the second agent has %d batches, want the one of after the first ended: %v", len(page.Rows), err)
	}
}

// Inside the limits nobody is asked; the hours count by the zone of the mapping.
func TestInsideTheLimitsNobodyIsAsked(t *testing.T) {
	t.Parallel()
	clock := &tandemtest.Clock{}
	p := newPlace(t, tandemtest.Options{Clock: clock})
	now := p.Clock.Now().UTC()
	night := time.Date(now.Year(), now.Month(), now.Day(), 21, 0, 0, 0, time.UTC)
	if night.Before(now) {
		night = night.Add(24 * time.Hour)
	}
	p.Advance(night.Sub(now))
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.02)))
	b := r.until(1, wire.Completed)
	if b.DecidedBy != "" || b.Note != "1 prices changed" {
		t.Errorf("%+v", b)
	}
}

// Who may decide: neither who placed the file, nor who edited the mapping since, nor
// anybody outside the group; and a mapping that was changed since has the file checked
// again.
func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.Grant("Pricing", "maria") // edits, and decides
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	text := list(one.PartNumber + "," + times(one.Price, 1.02))
	if err := r.api.HandIn(t.Context(), r.idToken("maria"), "prices-maria.csv", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	b := r.until(1, wire.Waiting)
	if b.PlacedBy != "maria" || !strings.Contains(strings.Join(b.Why, ";"), "handed in by maria") {
		t.Errorf("%+v", b)
	}
	refused := func(login, why string) {
		t.Helper()
		if err := r.decide(login, 1); tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), why) {
			t.Errorf("%s decides: %v", login, err)
		}
	}
	refused("maria", "who placed a file")
	refused("anna", "only members of the group Managers")
	refused("ada", "only members of the group Managers")
	if _, err := r.api.Strike(t.Context(), r.idToken("maria"), 1, wire.Strike{Lines: []int64{2}}); tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("maria strikes: %v", err)
	}
	if err := r.api.HandIn(t.Context(), r.idToken("anna"), "prices-anna.csv", strings.NewReader(text)); tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("anna hands in: %v", err)
	}
	// The mapping is changed after the dry run: nobody approves what nobody has seen.
	loose := strings.Replace(agent.FirstMapping(), "largest: 20", "largest: 10", 1)
	if _, err := r.api.SaveMapping(t.Context(), r.idToken("maria"), "prices", loose); err != nil {
		t.Fatal(err)
	}
	if err := r.decide("milena", 1); tandem.ErrorCode(err) != tandem.CodeConflict || !strings.Contains(err.Error(), "checked again") {
		t.Errorf("approved with another mapping: %v", err)
	}
	testkit.Eventually(t, "it is checked again", func() bool { b := r.batch("milena", 1); return b.State == wire.Waiting && b.MappingVersion == 2 })
	if b := r.batch("maria", 1); b.MayDecide || b.WhyNot == "" {
		t.Errorf("maria, who edited the mapping: %+v", b.WhyNot)
	}
	if err := r.decide("milena", 1); err != nil {
		t.Fatal(err)
	}
	r.until(1, wire.Completed)
	// It went as the System User, for milena: the record says so.
	found := false
	for _, s := range p.Sessions(true) {
		found = found || s.User == systemUser
	}
	if !found {
		t.Error("no session of " + systemUser)
	}
}

// A mapping that would write anything but prices is refused when it is saved, with its
// line.
func TestMappingsAreRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	first := agent.FirstMapping()
	for change, want := range map[string]string{
		"        StandardPricePerLot:|        Name: {column: Name, as: multilanguage}\n        StandardPricePerLot:": "Name may not be changed by this agent",
		"        StandardPricePerLot:|        StandardCostPerLot:":                                                   "StandardCostPerLot may not be changed by this agent",
		"      match: code|      match: code\n      create: true":                                                    "products are found by their number and never made",
		"General_Products_Product|Crm_Sales_Customer":                                                                "changes prices of General_Products_Product alone",
		"approvers: Managers|approvers: ''":                                                                          "approvers: is missing",
		"zone: Europe/Sofia|zone: Mars/Base":                                                                         "the time zone \"Mars/Base\" is unknown",
		"from: \"18:00\"|from: \"25:00\"":                                                                            "write the hours as",
		"files: [\"prices*.csv\", \"prices*.xlsx\"]|files: [\"../prices.csv\"]":                                      "is no pattern of a name",
		"gate: {|gatee: {":           "gatee",
		"currency: EUR|curency: EUR": `no key "curency"`,
		"rows: 1000|rows: -1":        "limits are not below zero",
	} {
		from, to, _ := strings.Cut(change, "|")
		_, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "prices", strings.Replace(first, from, to, 1))
		if tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", to, err)
		}
	}
	if _, err := r.api.SaveMapping(t.Context(), r.idToken("anna"), "prices", first); tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("anna edits: %v", err)
	}
	if _, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "../prices", first); err == nil {
		t.Error("a name with a path")
	}
	// Trying it keeps and writes nothing.
	one := p.products("Active eq true")[0]
	tried, err := r.api.Try(t.Context(), r.idToken("ada"), wire.Trial{Content: first, FileName: "prices.csv", Sample: []byte(list(one.PartNumber+","+times(one.Price, 1.5), "X,1"))})
	if err != nil || len(tried.Rows) != 2 || tried.Rows[0].State != wire.RowChange || tried.Rows[1].State != wire.RowRefused || len(tried.Why) == 0 {
		t.Errorf("%+v, %v", tried, err)
	}
	// It tells nobody a price that they could not read themselves.
	if err := p.Platform.Permissions.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Column: setPrice}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the price is told no more", func() bool {
		_, err := r.api.Try(t.Context(), r.idToken("ada"), wire.Trial{Content: first, FileName: "prices.csv", Sample: []byte(list(one.PartNumber + ",1"))})
		return err != nil && strings.Contains(err.Error(), "has no right to read StandardPricePerLot")
	})
}

// F5, versions: who changes a product between the check and the writing is not overrun.
// Another attribute is no matter, another price is; what is there already is unchanged.
func TestF5_SomebodyChangesAProductMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	r := p.agentOf()
	all := p.products("Active eq true")
	name, price, same := all[0], all[1], all[2]
	r.put("prices.csv", list(name.PartNumber+","+times(name.Price, 1.5), price.PartNumber+","+times(price.Price, 1.5), same.PartNumber+","+times(same.Price, 1.5)))
	r.until(1, wire.Waiting)
	token := p.SignIn("admin").Access
	if status, text := p.API("PATCH", "General_Products_Products("+name.ID+")", token, `{"ABCClass":"C"}`); status/100 != 2 {
		t.Fatalf("%d %s", status, text)
	}
	p.setPrice(price.PartNumber, "77.70")
	p.setPrice(same.PartNumber, times(same.Price, 1.5))
	if err := r.decide("maria", 1); err != nil {
		t.Fatal(err)
	}
	b := r.until(1, wire.Completed)
	rows := strings.Join(r.rows(1), "\n")
	if b.Note != "1 prices changed, 1 refused" || !strings.Contains(rows, price.PartNumber+" refused: changed by admin on") ||
		!strings.Contains(rows, same.PartNumber+" unchanged: the price is this already: changed by admin") || !strings.Contains(rows, name.PartNumber+" changed: ") {
		t.Errorf("%s\n%s", b.Note, rows)
	}
	if got := p.price(price.PartNumber); got != "77.7" {
		t.Errorf("the price of somebody else was overrun: %s", got)
	}
}

// throttle refuses calls of the agent's work with what it is set to; what is asked for a
// person who looks at it meanwhile does not count.
type throttle struct {
	status atomic.Int64
	refuse atomic.Int64 // how many calls are still refused
	seen   atomic.Int64
}

func (o *throttle) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/api/domain/odata/") && r.Header.Get("Authorization") != "" && r.Header.Get(client.NarrowHeader) == "" {
			o.seen.Add(1)
			if o.refuse.Add(-1) >= 0 {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(int(o.status.Load()))
				fmt.Fprint(w, `{"error":{"code":0,"type":"MaximumLicenseCountExceeded","message":"no"}}`)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// F1, F7, F8: a full licence, an ERP that is away and one that says wait let the job
// wait and go on by itself; no row is lost and none is written twice.
func TestF1_F7_F8_TheERPIsNotThereForAWhile(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int64{"F1 no licence": 403, "F7 away": 503, "F8 throttled": 429} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &throttle{}
			o.status.Store(status)
			p := newPlace(t, tandemtest.Options{Wrap: o.wrap})
			r := p.agentOf()
			one := p.products("Active eq true")[0]
			o.refuse.Store(2)
			r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.5)))
			b := r.until(1, wire.Waiting)
			o.refuse.Store(2)
			if err := r.decide("maria", 1); err != nil {
				t.Fatal(err)
			}
			b = r.until(1, wire.Completed)
			if b.Figures.Count[wire.RowDone] != 1 || p.price(one.PartNumber) != strings.TrimSuffix(strings.TrimRight(times(one.Price, 1.5), "0"), ".") {
				t.Errorf("%+v", b)
			}
		})
	}
}

// Who cancels a batch while it is checked is told that nothing was written, and nothing
// is: the check that goes on meanwhile does not bring it back.
func TestCancelledWhileItIsChecked(t *testing.T) {
	t.Parallel()
	looked, goOn := make(chan struct{}, 100), make(chan struct{})
	var hold atomic.Bool
	p := newPlace(t, tandemtest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hold.Load() && strings.Contains(r.URL.RawQuery, "PartNumber%20in") {
				looked <- struct{}{}
				<-goOn
			}
			next.ServeHTTP(w, r)
		})
	}})
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	wide := strings.Replace(agent.FirstMapping(), `from: "18:00", to: "06:00", zone: Europe/Sofia`, `zone: UTC`, 1)
	if _, err := r.api.SaveMapping(t.Context(), r.idToken("ada"), "prices", wide); err != nil {
		t.Fatal(err)
	}
	hold.Store(true)
	r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.02)))
	<-looked
	b, err := r.api.Do(t.Context(), r.idToken("ada"), 1, "cancel")
	if err != nil || b.State != wire.Cancelled {
		t.Fatalf("%+v %v", b, err)
	}
	hold.Store(false)
	close(goOn)
	// A file that comes later is through before the first could be.
	r.put("prices-2.csv", list(p.products("Active eq true")[1].PartNumber+",0"))
	r.until(2, wire.Completed)
	if b := r.batch("maria", 1); b.State != wire.Cancelled || p.price(one.PartNumber) != strings.TrimSuffix(strings.TrimRight(string(one.Price), "0"), ".") {
		t.Errorf("it is %s: %+v", b.State, b.Events)
	}
}
