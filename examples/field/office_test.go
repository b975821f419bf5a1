package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/browser"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/internal/testkit"
)

// office is a desk: somebody works in the web app with a token of their own. Maria is of the
// group Service.
type office struct {
	*fieldtest.Hand
	*demo
}

func (d *demo) office(login string) *office {
	d.t.Helper()
	o := &office{fieldtest.OpenDesk(d.t), d}
	o.Open(d.file.WebApp)
	o.Press("Sign in")
	o.GiveCredentials(login, d.password(login))
	o.Sees("Sign out")
	return o
}

// seesVisit opens tom's visit from the list, with all that came from the phone.
func (o *office) seesVisit(id string) {
	o.t.Helper()
	o.Press("Visits")
	o.Sees("What technicians do at customers")
	o.Keep("09 visits in the office")
	o.Until("the visit is in the list", `(() => { const a = document.querySelector('tr[data-visit="`+id+`"] a'); a?.click(); return a })()`)
	o.Until("the visit is open", `document.querySelector('#visit[data-id="`+id+`"]')`)
	o.Sees("Completed", "Frau Huber", "by svc.field for tom")
	o.Until("both photos and the signature are there", `document.querySelectorAll("#files [data-file]").length === 3`)
	o.Until("the part is there", `document.querySelectorAll("#done [data-material]").length === 1`)
	o.Until("their small pictures are", `[0, 1, 2].every(n => { // they come when they are looked at
		const i = document.querySelectorAll("#files img")[n]; i?.scrollIntoView(); return i?.complete && i.naturalWidth > 0 })`)
	o.Until("the signature is a drawing", `(() => {
		const paper = document.createElement("canvas"), pen = paper.getContext("2d");
		pen.drawImage([...document.querySelectorAll("#files li")].find(f => f.textContent.includes("signature")).querySelector("img"), 0, 0, paper.width, paper.height);
		return pen.getImageData(0, 0, paper.width, paper.height).data.filter((v, i) => i % 4 === 0 && v < 128).length > 50 })()`)
	o.Keep("10 visit in the office")
}

// runsReport has today's report made, in the app, and saves it as PDF.
func (o *office) runsReport() string {
	o.t.Helper()
	folder := o.t.TempDir()
	o.Do(fieldtest.Call(browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder}))
	o.Open(o.url)
	o.Press("Sign in") // the identity server knows her
	o.SignedIn("maria")
	o.Go("device")
	o.Press("Run report now")
	o.Press("PDF: ")
	o.Keep("12 report")
	var pdf []byte
	testkit.Eventually(o.t, "the PDF is saved", func() bool {
		files, err := filepath.Glob(filepath.Join(folder, "visits-*.pdf"))
		if err != nil || len(files) != 1 {
			return false
		}
		pdf, err = os.ReadFile(files[0])
		return err == nil && len(pdf) > 0
	})
	return testkit.PDFText(o.t, pdf)
}

// seesTwoHalves looks at who holds a slot: the back end of the field app once, and nobody of
// those who are on the phone.
func (o *office) seesTwoHalves() {
	o.t.Helper()
	o.Press("Two halves")
	const holders = `[...document.querySelectorAll("#holders tbody tr")].map(r => r.cells[0].textContent)`
	o.Until("the field app has one session", holders+`.filter(who => who === "svc.field").length === 1`)
	o.Until("tom, who was on the phone alone, has none", `!`+holders+`.includes("tom")`)
	o.Until("the figures are there", `document.querySelector("#figure-slots")?.textContent.includes(" of ") && document.querySelector("#figure-people")`)
	o.Until("who holds a slot is in sight", `(document.querySelector("#holders").scrollIntoView({ block: "center" }), true)`)
	o.Keep("13 two halves")
}

// isSound proves the invariants and audits the instance while all of it runs.
func (d *demo) isSound() {
	d.t.Helper()
	proof := d.tandem("prove", "--within", "5m")
	if !strings.Contains(proof, " hold, 0 fail, ") {
		d.t.Errorf("the proof:\n%s", proof)
	}
	if found := d.tandem("audit"); !strings.Contains(found, "com.example/field-cloud") || strings.Contains("\n"+found, "\nhigh") {
		d.t.Errorf("the audit:\n%s", found)
	}
}
