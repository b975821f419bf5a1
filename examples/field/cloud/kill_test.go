package cloud_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// killFor is how long phone, cloud and ERP are killed: some seconds, or as many minutes
// as TANDEM_FIELD_KILL_MINUTES says.
func killFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("TANDEM_FIELD_KILL_MINUTES")
	if text == "" {
		return 8 * time.Second
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n * float64(time.Minute))
}

// killed is a phone that does the work of a visit over and over, each time it may be
// killed: then it knows no more than what its queue has.
type killed struct {
	t       *testing.T
	ph      *fieldtest.Phone
	visits  []string
	seen    map[string]int64
	service string
	product string
	picture []byte
	stop    *atomic.Bool
	// sent are the commands of each visit that had their final answer, in their order.
	sent map[string][]wire.Command
}

// one sends a command until it has a final answer, whatever happens meanwhile.
func (k *killed) one(c wire.Command) error {
	for began := time.Now(); time.Since(began) < 4*time.Minute; {
		ctx, cancel := context.WithTimeout(k.t.Context(), time.Duration(20+rand.N(20_000))*time.Millisecond)
		if rand.N(4) == 0 { // the phone is killed while it sends
			cancel()
			ctx, cancel = context.WithTimeout(k.t.Context(), time.Duration(rand.N(30))*time.Millisecond)
		}
		a, err := k.ph.TryIn(ctx, "POST", "commands", c, "Idempotency-Key", c.ID)
		cancel()
		switch {
		case err != nil, a.Status == 202, a.Status >= 500, a.Status == 429:
			time.Sleep(time.Duration(20+rand.N(150)) * time.Millisecond)
		case a.Status == 200:
			k.sent[c.Visit] = append(k.sent[c.Visit], c)
			return nil
		default:
			return fmt.Errorf("%s of %s: %d %s", c.Type, c.Visit, a.Status, a.Body)
		}
	}
	return fmt.Errorf("%s of %s has no final answer", c.Type, c.Visit)
}

// photo sends a photo of a visit, on from where the server has it, and its command.
func (k *killed) photo(visit string) error {
	s := newSending(k.t, k.ph, visit, "a.jpg", k.picture)
	var pairs []string
	for name, value := range map[string]string{"key": s.command, "sha256": s.sum(), "visit": visit, "filename": s.name, "filetype": "image/jpeg"} {
		pairs = append(pairs, name+" "+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	for began := time.Now(); ; time.Sleep(time.Duration(20+rand.N(150)) * time.Millisecond) {
		if time.Since(began) > 4*time.Minute {
			return fmt.Errorf("the photo of %s does not arrive", visit)
		}
		a, err := k.ph.Try("POST", "uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(s.bytes)), "Upload-Metadata", strings.Join(pairs, ","))
		if err != nil || a.Status/100 != 2 {
			continue
		}
		at, _ := strconv.Atoi(a.Header.Get("Upload-Offset"))
		if at == len(s.bytes) {
			break
		}
		end := min(len(s.bytes), at+1+rand.N(len(s.bytes)))
		_, _ = k.ph.Try("PATCH", strings.TrimPrefix(a.Header.Get("Location"), wire.Prefix), s.bytes[at:end], "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(at),
			"Content-Type", "application/offset+octet-stream") // how far it came is asked
	}
	c := k.ph.Command(visit, wire.FileAttach, 0, s.body())
	c.ID = s.command
	return k.one(c)
}

func (k *killed) work() error {
	for _, id := range k.visits {
		base := k.seen[id]
		steps := []struct {
			kind string
			body any
		}{{wire.Start, struct{}{}}}
		for i := range 3 {
			steps = append(steps, []struct {
				kind string
				body any
			}{
				{wire.ServiceAdd, wire.ServiceBody{Service: k.service, Quantity: "1", Notes: strconv.Itoa(i)}},
				{wire.Note, wire.NoteBody{Text: fmt.Sprintf("note %d", i)}},
				{wire.MaterialAdd, wire.MaterialBody{Product: k.product, Quantity: strconv.Itoa(i + 1)}},
			}...)
		}
		if err := k.photo(id); err != nil {
			return err
		}
		for _, s := range steps {
			if err := k.one(k.ph.Command(id, s.kind, base, s.body)); err != nil {
				return err
			}
		}
		for !k.stop.Load() && rand.N(3) != 0 { // more of it, for as long as things are killed
			if err := k.one(k.ph.Command(id, wire.MaterialAdd, base, wire.MaterialBody{Product: k.product, Quantity: "1"})); err != nil {
				return err
			}
		}
		for _, s := range []struct {
			kind string
			body any
		}{{wire.Sign, wire.SignBody{Name: "F. Lechner"}}, {wire.Finish, struct{}{}}} {
			if err := k.one(k.ph.Command(id, s.kind, base, s.body)); err != nil {
				return err
			}
		}
		if k.stop.Load() {
			return nil
		}
	}
	return nil
}

// Phone, cloud and ERP are killed at random, and the line between them breaks: nothing is
// lost, nothing doubled, and the order is kept; no command of a device ever conflicts with
// another one of its own.
func TestKillsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			killAll(t, engine)
		})
	}
}

func killAll(t *testing.T, engine sqldb.Engine) {
	t.Helper()
	long := killFor(t)
	l := &line{apart: true}
	p := fieldtest.Start(t, tandemtest.Options{Engine: engine, Wrap: l.wrap})
	killERP := p.ReplicaProcess(&l.erp)
	perPhone := 4 + int(long/time.Second)/4
	service, product, picture := "", "", photo(t, 60, 40)
	c := p.Process(engine)
	kill := c.Start()
	var stop atomic.Bool
	var phones []*killed
	for _, login := range []string{"tom", "nina"} {
		ph := p.Phone(login)
		for service == "" {
			if a := ph.Do("GET", "catalogue", nil); a.Status == 200 {
				service, product = item(t, ph, true), item(t, ph, false)
			} else {
				time.Sleep(200 * time.Millisecond)
			}
		}
		for _, one := range []*fieldtest.Phone{ph, ph.Another()} {
			k := &killed{t: t, ph: one, visits: p.Visits(login, p.Today(9), perPhone), seen: map[string]int64{}, service: service, product: product, picture: picture, stop: &stop, sent: map[string][]wire.Command{}}
			for _, id := range k.visits {
				var v wire.Visit
				one.Get("visits/"+id, &v)
				k.seen[id] = v.Version
			}
			phones = append(phones, k)
		}
	}
	var g sync.WaitGroup
	for _, k := range phones {
		g.Go(func() {
			if err := k.work(); err != nil {
				t.Error(err)
			}
		})
	}
	kills := 0
	for began := time.Now(); time.Since(began) < long; {
		time.Sleep(time.Duration(rand.N(700)) * time.Millisecond)
		switch rand.N(4) {
		case 3:
			killERP()
			kills++
			time.Sleep(time.Duration(rand.N(300)) * time.Millisecond)
			killERP = p.ReplicaProcess(&l.erp)
		case 0:
			kill()
			kills++
			time.Sleep(time.Duration(rand.N(300)) * time.Millisecond)
			kill = c.Start()
		case 1:
			l.state.Store([]int32{lineDown, lineLost, lineLost, lineBusy}[rand.N(4)])
			kills++
			time.Sleep(time.Duration(rand.N(500)) * time.Millisecond)
			l.state.Store(lineGood)
		}
	}
	stop.Store(true)
	g.Wait()
	visits, lines := 0, 0
	for _, k := range phones {
		for id, sent := range k.sent {
			visits++
			lines += check(t, p, id, sent)
		}
	}
	t.Logf("%d kills, %d visits, %d lines", kills, visits, lines)
	if visits < len(phones) || kills == 0 {
		t.Errorf("%d visits of %d phones, %d kills", visits, len(phones), kills)
	}
}

const thumbnail = "/thumbnail"

// check compares a visit with the commands that were done.
func check(t *testing.T, p *fieldtest.Place, id string, sent []wire.Command) (lines int) {
	t.Helper()
	want := map[string][]string{}
	note := ""
	for _, c := range sent {
		switch c.Type {
		case wire.ServiceAdd, wire.MaterialAdd:
			want[c.Type] = append(want[c.Type], c.ID)
		case wire.FileAttach:
			found := p.Find("Systems_Core_ObjectFiles", "ExternalId in ('"+c.ID+"','"+c.ID+thumbnail+"')", "&$select=FileSizeBytes&$expand=Object")
			for _, f := range found {
				if size, _ := f["FileSizeBytes"].(float64); size == 0 || f["Object"].(map[string]any)["EntityItemId"] != id {
					t.Errorf("%s of %s: %v", c.ID, id, f)
				}
			}
			if len(found) != 2 {
				t.Errorf("%d files of the photo of %s", len(found), id)
			}
		case wire.Note:
			note = string(c.Body)
		}
	}
	v := p.Visit(id)
	for kind, set := range map[string]string{wire.ServiceAdd: "Services", wire.MaterialAdd: "Materials"} {
		var rows struct {
			Value []struct {
				ID     string `json:"Id"`
				LineNo int
			}
		}
		p.ERP("GET", "Applications_Service_ServiceActivities("+id+")/"+set+"?$select=Id,LineNo&$orderby=LineNo&$top=1000", nil, &rows)
		var got []string
		for _, r := range rows.Value {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want[kind]) {
			t.Errorf("%s of %s: %d lines, %d commands\n got %v\nwant %v", set, id, len(got), len(want[kind]), got, want[kind])
		}
		lines += len(got)
	}
	if v["State"] != "Completed" || !strings.Contains(note, fmt.Sprint(v["Notes"])) {
		t.Errorf("%s is %v with %v, last note %s", id, v["State"], v["Notes"], note)
	}
	return lines
}
