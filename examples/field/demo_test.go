package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/settings"
	"github.com/hybridapps/tandem/internal/picture"
	"github.com/hybridapps/tandem/internal/testkit"
)

// program is `tandem`, as a person would run it.
var program testkit.Program

// TestMain lets the test's own program be the field app's cloud, so that it is a real
// process of this code.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.Command {
		os.Exit(picture.Child(os.Args[2:]))
	}
	if os.Getenv("FIELD_TEST_PROGRAM") != "" {
		if err := run(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "field:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// demo is a running `tandem up` with the field app beside it, which phones reach over a line
// that the test cuts.
type demo struct {
	t    *testing.T
	dir  string
	url  string
	line *line
	log  testkit.Buffer
	file struct {
		Issuer, OData, WebApp string
		Applications          []settings.Application
		Users                 []struct{ Login, Password string }
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
	testkit.Eventually(t, "the demo is ready", func() bool {
		text, err := os.ReadFile(filepath.Join(d.dir, "tandem-data", "demo.json"))
		return !errors.Is(err, fs.ErrNotExist) && err == nil && json.Unmarshal(text, &d.file) == nil
	})
	d.line = newLine(t)
	d.url = "http://" + d.line.address()
	d.tandem("demo", "add", "field", "--url", d.url)
	d.start(os.Args[0], []string{"-url", d.url, "-listen", d.line.to}, "FIELD_TEST_PROGRAM=1")
	testkit.Eventually(t, "the app is there", func() bool {
		conn, err := net.Dial("tcp", d.line.to)
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

// photograph is a picture that does not pack well, so that it takes a while.
func photograph(t *testing.T, name string) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 1200, 900))
	r := rand.New(rand.NewPCG(7, uint64(len(name))))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	file, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(jpeg.Encode(file, m, nil), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// airplane takes the network from the phone, and gives it back.
func (d *demo) airplane(tom *fieldtest.Hand, on bool) {
	d.t.Helper()
	d.line.cut(on)
	tom.Network(on, -1, -1)
}

// The demo of the field app as people live it, in a browser of a phone's size, with all
// programs as processes of their own.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	tom := fieldtest.OpenHand(t, d.url, chromedp.Env("TZ=Europe/Sofia")) // as the company's phones are

	// (0:00) Install, sign in, three visits.
	tom.Keep("01 sign in")
	testkit.Eventually(t, "the identity server knows the app", func() bool { // it hears of it within seconds
		out, err := tom.Try(`return (await fetch((await auth.settings()).issuer + "/connect/token", { method: "POST", body: new URLSearchParams() })).status`)
		return err == nil && out == "400"
	})
	tom.SignIn("tom", d.password("tom"))
	tom.Until("tom has three visits of today", `(await (await import("/visits.js")).all()).visits.filter(v => v.day === new Date().toLocaleDateString("sv")).length === 3`)
	tom.Sees("0 of 3 done")
	tom.Keep("02 today")
	if wrong := tom.Installable(); wrong != "" {
		t.Error(wrong)
	}
	tom.Until("the details are on the phone", `(await (await import("/visits.js")).all()).visits.filter(v => v.detailed).length >= 3`)
	id := tom.Ask(`return (await visits.all()).visits.filter(v => v.day === new Date().toLocaleDateString("sv"))[0].id`)

	// (0:20) Airplane mode: a visit from start to signature.
	d.airplane(tom, true)
	tom.Go("visit/" + id)
	tom.Press("Start the visit")
	tom.Until("it is started", `(await (await import("/visits.js")).get("`+id+`")).status === "Working"`)
	tom.Go("visit/" + id + "/materials")
	tom.Until("there is a catalogue", `document.querySelector("main section:last-of-type ul button")`)
	tom.Ask(`document.querySelector("main section:last-of-type ul button").click()`)
	tom.Press("Add")
	tom.Until("the part is kept", `(await (await import("/queue.js")).list()).some(c => c.type === "material.add")`)
	tom.Keep("03 material")
	tom.Go("visit/" + id + "/photos")
	tom.Photograph(photograph(t, "one.jpg"), photograph(t, "second.jpg"))
	tom.Until("two photos are kept", `(await (await import("/queue.js")).list()).filter(c => c.type === "file.attach").length === 2`)
	tom.Keep("04 photos")
	tom.Go("visit/" + id + "/sign")
	tom.Sign("Frau Huber")
	tom.Until("it is signed", `(await (await import("/queue.js")).list()).some(c => c.type === "sign")`)
	tom.Go("visit/" + id)
	tom.Press("Finish the visit")
	tom.Press("Finish")
	tom.Go("queue")
	tom.Sees("7 items wait", "4 commands, 3 photos", "no network")
	tom.Keep("05 queue without network")
	if before := tom.Ask(`return (await visits.get("` + id + `")).pending`); before != "7" {
		t.Errorf("%s items wait for the visit", before)
	}

	// (0:55) Network that is cut in mid-photo: the counter resumes and never restarts.
	size := tom.Ask(`return (await queue.summary()).bytes`)
	tom.Ask(`
		self.steps = [];
		queue.on("change", async () => { for (const c of await queue.list()) if (c.type === "file.attach") self.steps.push([c.id, c.sent]) });
	`)
	d.line.cutAfter(450_000)
	d.line.cut(false)
	tom.Network(false, 200_000, 100_000) // about 3G
	tom.Until("the line is cut in mid-photo", `(await (await import("/queue.js")).list()).some(c => c.sent > 0 && c.sent < c.bytes)`)
	testkit.Eventually(t, "the line was cut", d.line.wasCut)
	tom.Keep("06 cut in mid-photo")
	tom.Network(false, -1, -1)
	d.line.cut(false)
	tom.Ask(`dispatchEvent(new Event("online"))`)
	tom.Sees("Everything is sent")
	tom.Keep("07 everything is sent")
	if back := tom.Ask(`
		const most = {}; let back = 0;
		for (const [id, sent] of self.steps) { if (sent < (most[id] ?? 0)) back++; most[id] = Math.max(most[id] ?? 0, sent) }
		return back`); back != "0" {
		t.Errorf("the counter of a photo went back %s times; %s bytes", back, size)
	}
	tom.Go("")
	tom.Sees("1 of 3 done")
	tom.Keep("08 one done")

	d.keepsNothingOfTheService(tom)

	// (1:20) The office sees it in the web app.
	maria := d.office("maria")
	maria.seesVisit(id)

	// Who has lost a phone looks at the own site first, which leads to the list of devices.
	tom.Open(strings.TrimSuffix(d.file.Issuer, "/id") + "/profile/security/sessions")
	tom.Sees("Data on devices")
	tom.Keep("14 own site")
	tom.Press("Demo field app")
	tom.Sees("Signed in as tom", "Storage")
	tom.Keep("15 the device")

	// (1:35) Tom is disabled: his next command is refused and stays on the phone.
	d.tandem("user", "disable", "tom")
	disabled := time.Now()
	// A visit that was begun stands where it began, which may be behind the others by now.
	other := tom.Ask(`return (await visits.all()).visits.find(v => v.day === new Date().toLocaleDateString("sv") && v.id !== "` + id + `").id`)
	d.isSound()
	time.Sleep(time.Until(disabled.Add(5 * time.Second))) // by then every replica knows
	tom.Go("visit/" + other)
	tom.Press("Start the visit")
	tom.Sees("Sign in to send 1 item")
	tom.Keep("11 disabled")
	if got := tom.Ask(`return (await queue.summary()).commands`); got != "1" {
		t.Errorf("%s commands wait", got)
	}

	// (1:45) The office has the report of the day made.
	if report := maria.runsReport(); !strings.Contains(report, "Tom Huber") || !strings.Contains(report, "Gipfel & Faden Lechner") {
		t.Errorf("the report:\n%s", report)
	}

	// (1:55) One field session, tom no slot.
	sessions := d.tandem("session", "list")
	if strings.Count(sessions, "svc.field") != 1 || strings.Contains(sessions, "tom") {
		t.Errorf("sessions:\n%s", sessions)
	}
	d.office("admin").seesTwoHalves()
}

// keepsNothingOfTheService looks through all that the phone keeps.
func (d *demo) keepsNothingOfTheService(tom *fieldtest.Hand) {
	d.t.Helper()
	all := tom.Everything()
	if !strings.Contains(all, "Frau Huber") || !strings.Contains(all, "refresh_token") {
		d.t.Error("the phone's databases were not read")
	}
	secrets := []string{"svc.field"}
	for _, a := range d.file.Applications {
		secrets = append(secrets, a.ServiceSecret, a.UserSecret)
	}
	for _, line := range strings.Split(all, "\n") {
		for _, s := range secrets {
			if s != "" && strings.Contains(line, s) {
				d.t.Errorf("%q is on the phone: %.150s", s, line)
			}
		}
		if strings.HasPrefix(line, "cache ") && strings.Contains(line, "Frau Huber") {
			d.t.Errorf("an answer of the API is kept: %.150s", line)
		}
	}
}
