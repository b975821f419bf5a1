package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
)

// program is `tandem`, as a person would run it.
var program testkit.Program

// TestMain lets the test's own program be the price agent, so that its halves are real
// processes of this code.
func TestMain(m *testing.M) {
	if os.Getenv("PRICES_TEST_PROGRAM") != "" {
		if err := run(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "prices:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// demo is a running `tandem up` with the price agent beside it.
type demo struct {
	t    *testing.T
	dir  string
	url  string
	log  testkit.Buffer
	file struct {
		Issuer, OData string
		Applications  []settings.Application
		Users         []struct{ Login, Password string }
	}
}

func (d *demo) start(name string, args []string, env ...string) {
	d.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, &d.log, &d.log
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(testkit.Patience):
			_ = cmd.Process.Kill()
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newDemo starts everything in an empty folder on free ports.
func newDemo(t *testing.T) *demo {
	t.Helper()
	tandem, err := program.File()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(d.log.String())
		}
	})
	d.start(tandem, []string{"up", "--listen", "127.0.0.1:0", "--webapp-listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0"})
	read := func() bool {
		text, err := os.ReadFile(filepath.Join(d.dir, "tandem-data", "demo.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		return err == nil && json.Unmarshal(text, &d.file) == nil
	}
	testkit.Eventually(t, "the demo is ready", read)
	front, back := freeAddress(t), freeAddress(t)
	d.url = "http://localhost:" + front[strings.LastIndex(front, ":")+1:]
	d.tandem("demo", "add", "prices", "--url", d.url)
	d.start(os.Args[0], []string{"-url", d.url, "-listen", front, "-agent", "http://" + back, "-still", "500ms", "-scan", "2s"}, "PRICES_TEST_PROGRAM=1")
	testkit.Eventually(t, "the pages are there", func() bool {
		conn, err := net.Dial("tcp", front)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return d
}

func (d *demo) tandem(args ...string) string {
	d.t.Helper()
	file, err := program.File()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(file, args...)
	cmd.Dir = d.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("tandem %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (d *demo) password(login string) string {
	d.t.Helper()
	for _, u := range d.file.Users {
		if u.Login == login {
			return u.Password
		}
	}
	d.t.Fatalf("the demo has no %s", login)
	return ""
}

// person is somebody's browser.
type person struct {
	*demo
	ctx   context.Context
	axe   string
	login string
}

func (d *demo) person(login string) *person {
	d.t.Helper()
	p := &person{demo: d, ctx: chromium.Open(d.t, chromedp.WindowSize(1280, 900)), login: login}
	if text, err := os.ReadFile("../../e2e/clients/node_modules/axe-core/axe.min.js"); err == nil {
		p.axe = string(text)
	}
	testkit.Eventually(d.t, "the identity server knows the pages", func() bool { // it hears of them within seconds
		p.do(chromedp.Navigate(d.url + "/signin"))
		return p.eval(`!!document.querySelector("#login")`) == "true"
	})
	p.do(chromedp.SendKeys(chromedp.CSS("#login"), login),
		chromedp.SendKeys(chromedp.CSS("#password"), d.password(login)), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#sign-out")))
	return p
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v: %s", p.login, err, p.text())
	}
}

func (p *person) eval(expression string) string {
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String("+expression+"))()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Errorf("%s: %v", expression, err)
	}
	return out
}

func (p *person) text() string { return p.eval("document.body.innerText") }

func (p *person) open(path string) { p.t.Helper(); p.do(chromedp.Navigate(p.url + path)) }

func (p *person) press(css string) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(css))); err != nil {
		p.t.Fatalf("%s presses %s: %v: %s", p.login, css, err, p.text())
	}
}

// sees waits until the page shows the words; a page that stands still is loaded again.
func (p *person) sees(path string, words ...string) {
	p.t.Helper()
	loaded := time.Now()
	for _, w := range words {
		testkit.Eventually(p.t, p.login+" sees "+w, func() bool {
			if strings.Contains(p.text(), w) {
				return true
			}
			if path != "" && time.Since(loaded) > 2*time.Second {
				loaded = time.Now()
				p.open(path)
			}
			return false
		})
	}
}

// changeThree changes the prices of three products of a group that the batch has
// written, as the portal's back end may.
func (d *demo) changeThree(group, report string) {
	d.t.Helper()
	app := d.file.Applications[0]
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: d.file.Issuer})
	if err != nil {
		d.t.Fatal(err)
	}
	tokens, err := client.NewServiceTokens(client.ServiceConfig{Provider: provider, ApplicationURI: app.URI, Credential: client.ServiceSecret(app.ServiceSecret)})
	if err != nil {
		d.t.Fatal(err)
	}
	erp := client.ServiceOData(client.Root(d.file.OData), tokens)
	type product struct {
		ID         string `json:"Id"`
		PartNumber string
		Price      client.Amount `json:"StandardPricePerLot"`
	}
	left := 3
	for p, err := range client.List[product](d.t.Context(), erp, "General_Products_Products", client.Query{
		Select: "Id,PartNumber,StandardPricePerLot", Top: 100,
		Filter: "Active eq true and ProductGroup eq 'General_Products_ProductGroups(" + group + ")'",
	}) {
		if err != nil {
			d.t.Fatal(err)
		}
		if left == 0 {
			break
		}
		if !strings.Contains(report, ","+p.PartNumber+",changed,") {
			continue
		}
		change := map[string]any{"StandardPricePerLot": client.Amount{Value: "777.77", Currency: p.Price.Currency}}
		if err := client.Update(d.t.Context(), erp, client.Ref("General_Products_Products", p.ID), change); err != nil {
			d.t.Fatal(err)
		}
		left--
	}
	if left > 0 {
		d.t.Fatalf("the group has too few products")
	}
}

// look audits the page with axe on a wide screen and on a phone in the dark, and keeps
// pictures in the folder TANDEM_TEST_PICTURES.
func (p *person) look(name string) {
	p.t.Helper()
	for _, screen := range []struct{ name, scheme, rules string }{
		{"wide", "light", ""}, {"phone", "dark", chromium.SmallAndDark},
	} {
		size := chromedp.EmulateViewport(1280, 900)
		if screen.name == "phone" {
			size = chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile)
		}
		p.do(size, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}},
			})
			return chromedp.Void{}, err
		})
		if wide := p.eval("document.documentElement.scrollWidth"); screen.name == "phone" && wide != "360" {
			p.t.Errorf("%s is %s wide on a phone of 360", name, wide)
		}
		if p.axe != "" {
			p.do(chromedp.Evaluate[chromedp.Void](p.axe + ";undefined"))
			if wrong := p.eval(`(await axe.run(document, { resultTypes: ["violations"], ...(` + orNull(screen.rules) + ` && { runOnly: ` + orNull(screen.rules) + ` }) }))
				.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 140)).join(" | ")).join("\n")`); wrong != "" {
				p.t.Errorf("%s, %s:\n%s", name, screen.name, wrong)
			}
		}
		if folder := os.Getenv("TANDEM_TEST_PICTURES"); folder != "" {
			ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
			png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			late()
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, name+"-"+screen.name+".png"), png, 0o600)
			}
			if err != nil {
				p.t.Error(err)
			}
		}
	}
	p.do(chromedp.EmulateViewport(1280, 900))
}

func orNull(rules string) string {
	if rules == "" {
		return "null"
	}
	return rules
}

// TestDemo is the demo of the price agent as people live it, in a browser, with all
// programs as processes of their own: a list is dropped and waits, one who may not
// decide is refused, one who may strikes two rows and approves, the report balances, and
// one group is taken back next day but for what somebody has changed since.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	maria, anna := d.person("maria"), d.person("anna")
	maria.sees("/", "No file has come yet")
	maria.look("list-empty")

	sample, err := os.ReadFile(filepath.Join(d.dir, "tandem-data/prices/sample/prices.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "tandem-data/prices/drop/prices.csv"), sample, 0o600); err != nil {
		t.Fatal(err)
	}
	maria.sees("/", "waiting")
	maria.look("list")
	maria.open("/batches/1")
	maria.sees("", "It waits for a person", "+41.0 %", "the limit is 20 %")
	if got := maria.eval(`document.querySelector("#changes .fault").innerText`); got != "+41.0 %" {
		t.Errorf("in red is %q", got)
	}
	maria.look("batch-waiting")
	anna.open("/batches/1")
	anna.sees("", "only members of the group Managers decide about this file")
	if got := anna.eval(`(await fetch("/batches/1/decide", {method: "POST", body: new URLSearchParams({decision: "approve", reason: "me too"})})).status`); got != "403" {
		t.Errorf("anna approves: %s", got)
	}
	anna.look("batch-not-yours")

	// Maria strikes the two largest and approves.
	maria.eval(`[...document.querySelectorAll("#changes tbody tr")].slice(0, 2).map(r => r.querySelector("input").click())`)
	maria.press("#strike")
	maria.sees("", "2 struck")
	maria.do(chromedp.SendKeys(chromedp.CSS("#why-so"), "Agreed with the supplier"))
	maria.press("#approve")
	maria.sees("/batches/1", "completed with 4 refused", "Written as", "svc.prices", "balances: 300 rows = 285 changed + 9 unchanged + 4 refused + 2 struck")
	maria.look("batch-completed")
	maria.open("/batches/1/rows?state=refused")
	maria.sees("", "no product has this number")
	maria.look("rows")
	for _, format := range []string{"csv", "xlsx", "pdf"} {
		if got := maria.eval(`await fetch("/batches/1/report/` + format + `").then(async r => r.status + " " + ((await r.blob()).size > 5000))`); got != "200 true" {
			t.Errorf("the %s report: %s", format, got)
		}
	}

	// Why anna may not do by herself what the agent does is told by one command.
	product := maria.eval(`(await (await fetch("/batches/1/report/csv")).text()).match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/)[0]`)
	why := d.tandem("explain", "--as", "anna", "PATCH General_Products_Products("+product+") StandardPricePerLot")
	if !strings.Contains(why, "StandardPricePerLot") || !strings.Contains(why, "403") {
		t.Errorf("explain: %s", why)
	}

	// The same content again is nothing new.
	if err := os.WriteFile(filepath.Join(d.dir, "tandem-data/prices/drop/prices-again.csv"), sample, 0o600); err != nil {
		t.Fatal(err)
	}
	maria.sees("/batches/1", "the same content came again as prices-again.csv")

	// One group is rolled back; what was changed since is kept.
	admin := d.person("admin")
	admin.open("/batches/1/rollback")
	admin.look("rollback")
	group := admin.eval(`[...document.querySelectorAll("#group option")].find(o => o.value).value`)
	d.changeThree(group, maria.eval(`await (await fetch("/batches/1/report/csv")).text()`))
	admin.open("/batches/1/rollback")
	admin.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#group").value = "` + group + `"; undefined`))
	admin.do(chromedp.SendKeys(chromedp.CSS("#reason"), "the supplier took this group back"))
	admin.press("#ask-rollback")
	admin.sees("/batches/2", "it takes back prices of batch 1", "and 3 kept")
	maria.open("/batches/2")
	maria.look("rollback-waiting")
	maria.do(chromedp.SendKeys(chromedp.CSS("#why-so"), "Yes"))
	maria.press("#approve")
	maria.sees("/batches/2", "3 kept, because somebody has changed them since")
	maria.look("rollback-completed")
	maria.sees("/batches/1", "rolled back in part by batch 2")
	maria.open("/batches/2/rows?state=kept")
	maria.sees("", "changed by svc.portal on")

	// The other pages.
	for _, page := range []string{"/hand-in", "/mappings", "/mappings/prices", "/connectors", "/nowhere"} {
		admin.open(page)
		admin.look("page" + strings.ReplaceAll(page, "/", "-"))
	}
	admin.press("#sign-out")
	admin.do(chromedp.WaitVisible(chromedp.CSS("#signed-out")))
}
