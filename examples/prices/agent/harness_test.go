package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

const (
	systemUser = "svc.prices"
	setPrice   = "General_Products_Products.StandardPricePerLot"
)

// place is an instance with the demo company, and the people and rights of the price
// agent's demo: maria decides, ada edits mappings, anna may do neither.
type place struct {
	*tandemtest.Instance
	t testing.TB
	// clock is the agents'.
	tokens map[string]string
}

// byDay moves the clock out of the hours of the first mapping, in which files run by
// themselves, for tests that wait for one which does not. Agents that are processes of
// their own do not see that clock.
func (p *place) byDay() {
	p.t.Helper()
	sofia, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		p.t.Fatal(err)
	}
	now := p.Clock.Now().In(sofia)
	morning := time.Date(now.Year(), now.Month(), now.Day(), 9, 0, 0, 0, sofia)
	switch hour := now.Hour(); {
	case hour >= 17:
		p.Advance(morning.AddDate(0, 0, 1).Sub(now))
	case hour < 7:
		p.Advance(morning.Sub(now))
	}
}

func newPlace(t testing.TB, o tandemtest.Options) *place {
	t.Helper()
	o.Demo = true
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &place{Instance: tandemtest.Start(t, o), t: t, tokens: map[string]string{}}
	user := p.CreateUser(signin.NewUser{Login: systemUser, Type: tandem.SystemUserNoLogin})
	for _, login := range []string{"maria", "milena", "ada"} {
		p.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser})
	}
	groups := p.Platform.Permissions
	for name, grants := range map[string]map[permission.Target]string{
		"Price agent": {
			{Set: "General_Products_Products"}: "read,update:StandardPricePerLot",
			{Column: setPrice}:                 "read,update",
		},
		"Managers": {}, "Pricing": {},
	} {
		if _, err := groups.CreateGroup(t.Context(), tandemtest.By, name, ""); err != nil {
			t.Fatal(err)
		}
		for on, rights := range grants {
			if _, err := groups.Grant(t.Context(), tandemtest.By, name, on, rights, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := groups.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Column: setPrice}, "read", false); err != nil {
		t.Fatal(err)
	}
	p.Grant("Price agent", systemUser)
	p.Grant("Managers", "maria", "milena")
	p.Grant("Pricing", "ada")
	p.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserID = user.ID })
	return p
}

// idToken is the evidence of somebody who has signed in.
func (p *place) idToken(login string) string {
	p.t.Helper()
	if p.tokens[login] == "" {
		p.tokens[login] = p.SignIn(login).ID
	}
	return p.tokens[login]
}

// product is what the tests look at of one.
type product struct {
	ID         string `json:"Id"`
	PartNumber string
	Active     bool
	Price      json.Number
	Version    int64
	UpdateUser string
}

// products reads products as an administrator does.
func (p *place) products(filter string) (all []product) {
	p.t.Helper()
	status, text := p.API("GET", "General_Products_Products?$select=Id,PartNumber,Active,ObjectVersion,StandardPricePerLot,UpdateUser&$orderby=PartNumber&$top=1000"+
		"&$filter="+strings.ReplaceAll(filter, " ", "%20"), p.SignIn("admin").Access, "")
	if status != 200 {
		p.t.Fatalf("%d %s", status, text)
	}
	var page struct {
		Value []struct {
			product
			ObjectVersion       int64
			StandardPricePerLot client.Amount
		}
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range page.Value {
		v.Price, v.Version = v.StandardPricePerLot.Value, v.ObjectVersion
		all = append(all, v.product)
	}
	return all
}

// price is what a product costs.
func (p *place) price(part string) string {
	p.t.Helper()
	all := p.products("PartNumber eq '" + part + "'")
	if len(all) != 1 {
		p.t.Fatalf("%d products have the number %s", len(all), part)
	}
	return strings.TrimSuffix(strings.TrimRight(string(all[0].Price), "0"), ".")
}

// setPrice changes a price as somebody who may.
func (p *place) setPrice(part, price string) {
	p.t.Helper()
	one := p.products("PartNumber eq '" + part + "'")[0]
	status, text := p.API("PATCH", "General_Products_Products("+one.ID+")", p.SignIn("admin").Access,
		`{"StandardPricePerLot":{"Value":`+price+`,"Currency":"EUR"}}`)
	if status/100 != 2 {
		p.t.Fatalf("%d %s", status, text)
	}
}

// robot is a running agent with its channel.
type robot struct {
	*agent.Agent
	*place
	api    *wire.Client
	dir    string
	drop   string
	db     *sqldb.DB
	key    internalapi.ChannelKey
	url    string
	config agent.Config
	stop   func()
	// pid is that of an agent that was spawned.
	pid int
}

var channelKey = []byte(strings.Repeat("k", internalapi.MinChannelKey))

// agentOf starts an agent of the place with a store of its own.
func (p *place) agentOf(change ...func(*agent.Config)) *robot {
	p.t.Helper()
	return p.agentOn(p.storeOn(sqldb.SQLite), p.t.TempDir(), change...)
}

// storeOn is an empty store on an engine.
func (p *place) storeOn(engine sqldb.Engine) *sqldb.DB {
	p.t.Helper()
	db, err := sqldb.Open(p.t.Context(), testdb.URL(p.t, engine), sqldb.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { db.Close() })
	return db
}

func (p *place) agentOn(db *sqldb.DB, dir string, change ...func(*agent.Config)) *robot {
	p.t.Helper()
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: p.Issuer, Clock: p.Clock.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	key, err := internalapi.NewChannelKey(channelKey)
	if err != nil {
		p.t.Fatal(err)
	}
	box, err := seal.New("prices agent", make([]byte, seal.KeySize))
	if err != nil {
		p.t.Fatal(err)
	}
	r := &robot{place: p, dir: dir, drop: filepath.Join(dir, "drop"), db: db, key: key}
	r.config = agent.Config{
		Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(p.ServiceSecret), DB: db, Dir: dir, Box: box,
		ChannelKey: key, Still: 50 * time.Millisecond, Scan: 300 * time.Millisecond, Clock: p.Clock.Now,
		Log: slog.New(slog.NewTextHandler(p.t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	for _, f := range change {
		f(&r.config)
	}
	engine := filepath.Join(dir, "jobs")
	if err := os.MkdirAll(engine, 0o700); err != nil {
		p.t.Fatal(err)
	}
	workerdb.Fill(p.t, db.URL(), engine)
	r.start()
	return r
}

func (r *robot) start() {
	r.t.Helper()
	var err error
	if r.Agent, err = agent.New(r.t.Context(), r.config); err != nil {
		r.t.Fatal(err)
	}
	server := httptest.NewServer(r.Handler())
	transport := &http.Transport{}
	channel, err := internalapi.NewClient(server.URL, r.key, transport)
	if err != nil {
		r.t.Fatal(err)
	}
	channel.Patience = testkit.Patience
	r.api, r.url = &wire.Client{Client: channel}, server.URL
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		server.Close()
		transport.CloseIdleConnections()
	})
	r.t.Cleanup(r.stop)
}

// put drops a file, whole at once.
func (r *robot) put(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.drop, name+".part"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(r.drop, name+".part"), filepath.Join(r.drop, name)); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.drop, name+".done"), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// batch is a batch as somebody sees it.
func (r *robot) batch(login string, id int64) wire.Batch {
	r.t.Helper()
	b, err := r.api.Batch(r.t.Context(), r.idToken(login), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// until waits for a state of a batch.
func (r *robot) until(id int64, states ...wire.State) wire.Batch {
	r.t.Helper()
	var b wire.Batch
	testkit.Eventually(r.t, fmt.Sprintf("batch %d is %v", id, states), func() bool {
		var err error
		if b, err = r.api.Batch(r.t.Context(), r.idToken("maria"), id); err != nil {
			if tandem.ErrorCode(err) == tandem.CodeNotFound {
				return false
			}
			r.t.Fatal(err)
		}
		for _, s := range states {
			if b.State == s {
				return true
			}
		}
		if b.FinishedAt != nil {
			r.t.Fatalf("batch %d is %s: %s %+v", id, b.State, b.Note, b.Events)
		}
		return false
	})
	return b
}

// decide approves as somebody, and gives what they are told.
func (r *robot) decide(login string, id int64) error {
	_, err := r.api.Decide(r.t.Context(), r.idToken(login), id, wire.Decision{Approve: true, Reason: "looks right"})
	return err
}

// rows are the rows of a batch, one line each.
func (r *robot) rows(id int64) (lines []string) {
	r.t.Helper()
	page, err := r.api.Rows(r.t.Context(), r.idToken("maria"), id, "", false, 0, wire.MaxPage)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, row := range page.Rows {
		lines = append(lines, fmt.Sprintf("%d %s %s: %s", row.Line, row.PartNumber, row.State, row.Reason))
	}
	return lines
}

// report is a report of a batch.
func (r *robot) report(id int64, format string) []byte {
	r.t.Helper()
	res, err := r.api.Report(r.t.Context(), r.idToken("anna"), id, format)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, res.Body); err != nil {
		r.t.Fatal(err)
	}
	return out.Bytes()
}

// list is a price list of rows "part,price".
func list(rows ...string) string {
	text := "PartNumber,Name,Price,Currency\n"
	for _, row := range rows {
		part, price, _ := strings.Cut(row, ",")
		text += part + ",some name," + price + ",EUR\n"
	}
	return text
}

// times multiplies a price and keeps two decimals.
func times(price json.Number, factor float64) string {
	f, _ := price.Float64()
	return fmt.Sprintf("%.2f", f*factor)
}
