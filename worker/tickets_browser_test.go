package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// Tickets as people file them, in the pages of the web app.

// TestA2_TicketsInABrowserWithoutScript: UC-A2. What is refused is told beside the form with
// what was typed; a form that comes twice makes one ticket; photos that are refused leave it.
func TestA2_TicketsInABrowserWithoutScript(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *portalOf) {
		c := p.customers[0]
		p.person("petra", grant{c, "Admin", -1})
		sold := p.object("a hoist that is sold meanwhile")
		ending := p.agreement(c.ID, sold, 30)
		winch := p.agreementObject(c.ID)
		b := p.Browser()
		p.SignInToWebApp(b, "petra")
		form := b.Get(p.WebApp + "/portal/tickets/new")
		if form.StatusCode != 200 || !strings.Contains(form.Text, "a hoist that is sold meanwhile") || !strings.Contains(form.Text, winch) {
			t.Fatalf("%d %s", form.StatusCode, form.Text)
		}
		photo := photoOf(t, 400)
		send := func(page *tandemtest.Page, object, symptom string, file []byte) *tandemtest.Page {
			t.Helper()
			return b.SubmitFile(page, url.Values{"object": {object}, "symptom": {symptom}}, "photo", "../../x.html", file)
		}

		// Sold meanwhile: 422, beside the form.
		p.do("POST", setAgreements+"("+ending+")/MakeVoid", `{"reason":"sold"}`)
		refused := send(form, sold, "The rope slips <b>", photo)
		if refused.StatusCode != 422 || !strings.Contains(refused.Text, "This object is none of yours, or not any more: choose another one.") ||
			!strings.Contains(refused.Text, "The rope slips &lt;b&gt;") || !strings.Contains(refused.Text, "choose it again") {
			t.Errorf("sold meanwhile: %d %s", refused.StatusCode, refused.Text)
		}
		if empty := send(form, winch, " ", nil); empty.StatusCode != 422 || !strings.Contains(empty.Text, "say what is wrong") {
			t.Errorf("nothing typed: %d %s", empty.StatusCode, empty.Text)
		}

		// Filed, with the form that was refused before; the same one again is the same ticket.
		filed := send(refused, winch, "The rope slips <b>", photo)
		at := filed.Request.URL.Path
		if filed.StatusCode != 200 || !strings.HasPrefix(at, "/portal/tickets/") || !strings.Contains(filed.Text, "your ticket is with us") || !strings.Contains(filed.Text, "<img ") ||
			!strings.Contains(filed.Text, "The rope slips &lt;b&gt;") || strings.Contains(filed.Text, "x.html") {
			t.Fatalf("filed: %d %s %s", filed.StatusCode, at, filed.Text)
		}
		if again := send(refused, winch, "The rope slips <b>", photo); again.Request.URL.Path != at || strings.Count(again.Text, "data-file=") != 1 {
			t.Errorf("again: %s, %s", again.Request.URL.Path, again.Text)
		}
		if other := send(refused, winch, "Something else", nil); other.Request.URL.Path == at || strings.Contains(other.Text, "data-file=") {
			t.Errorf("a changed form led to %s", other.Request.URL.Path)
		}
		p.checkShown(b, filed)

		// A photo that is refused keeps the ticket, and says so.
		bad := send(b.Get(p.WebApp+"/portal/tickets/new"), winch, "With a bad photo", []byte("<!DOCTYPE html><script>alert(1)</script>"))
		if bad.StatusCode != 200 || !strings.Contains(bad.Text, "your ticket is with us") || !strings.Contains(bad.Text, "The photo was not kept: the file is no JPEG or PNG picture.") {
			t.Errorf("a page as a photo: %d %s", bad.StatusCode, bad.Text)
		}
		large := send(b.Get(p.WebApp+"/portal/tickets/new"), winch, "With a large photo", append(photo, make([]byte, internalapi.MaxPhoto+(1<<20))...))
		if large.StatusCode != 200 || !strings.Contains(large.Text, "your ticket is with us") || !strings.Contains(large.Text, "it is larger than 10 MB") {
			t.Errorf("11 MB: %d %s", large.StatusCode, large.Text)
		}
		added := b.SubmitFile(large, url.Values{"photo": nil}, "photo", "y.png", photo)
		if added.StatusCode != 200 || !strings.Contains(added.Text, "The photo is with your ticket.") || added.Request.URL.Path != large.Request.URL.Path {
			t.Errorf("a photo afterwards: %d %s", added.StatusCode, added.Text)
		}
		if none := b.SubmitFile(added, url.Values{"photo": nil}, "photo", "", nil); !strings.Contains(none.Text, "Choose a photo first.") {
			t.Errorf("no photo: %s", none.Text)
		}

		// The ID token ends while the form is open: it is renewed.
		open := b.Get(p.WebApp + "/portal/tickets/new")
		p.Clock.Advance(20 * time.Minute)
		if late := send(open, winch, "After 20 minutes", photo); late.StatusCode != 200 || !strings.Contains(late.Text, "<img ") {
			t.Errorf("with an ID token that ended: %d %s", late.StatusCode, late.Text)
		}
		// The sign-in ends: what was typed is there after the next one.
		open = b.Get(p.WebApp + "/portal/tickets/new")
		b.Post(open, p.WebApp+"/signout", url.Values{})
		ask := send(open, winch, "Typed before the sign-in ended", photo)
		if ask.StatusCode != 401 || !strings.Contains(ask.Text, "What you typed is kept for half an hour") {
			t.Fatalf("signed out: %d %s", ask.StatusCode, ask.Text)
		}
		kept := b.Get(p.WebApp + p.signInOf(ask))
		if kept.StatusCode != 200 || !strings.Contains(kept.Text, "Welcome back") || !strings.Contains(kept.Text, "Typed before the sign-in ended") || !strings.Contains(kept.Text, `value="`+winch+`" selected`) {
			t.Errorf("signed in again: %d %s", kept.StatusCode, kept.Text)
		}
		// The role is lowered while the form is open.
		access := all[struct {
			ID string `json:"Id"`
		}](p, "Crm_Sales_Customers("+c.ID+")/ExternalAccess?$select=Id&$filter=Role%20eq%20'Admin'")
		for _, a := range access {
			p.do("PATCH", "Crm_Sales_CustomerExternalAccess("+a.ID+")", `{"Role":"Basic"}`)
		}
		p.Clock.Advance(4 * time.Second)
		lowered := send(kept, winch, "Typed before the sign-in ended", nil)
		if lowered.StatusCode != 422 || !strings.Contains(lowered.Text, "your access does not include tickets") || !strings.Contains(lowered.Text, "Typed before the sign-in ended") {
			t.Errorf("with a lower role: %d %s", lowered.StatusCode, lowered.Text)
		}
		if page := b.Get(p.WebApp + at); page.StatusCode != 404 {
			t.Errorf("a ticket in the role Basic: %d", page.StatusCode)
		}
	})
}

// agreementObject is an object of a valid agreement of the customer.
func (p *portalOf) agreementObject(customer string) string {
	for _, a := range all[agreementRow](p, setAgreements+"?$select=Id,Void,Customer&$expand=Lines($select=ServiceObject)") {
		if a.Customer.id() == customer && !a.Void && len(a.Lines) == 3 {
			return a.Lines[0].ServiceObject.id()
		}
	}
	p.t.Fatal("the demo has no agreement of the customer")
	return ""
}

// signInOf is where the page of a form that was kept leads.
func (p *portalOf) signInOf(page *tandemtest.Page) string {
	_, rest, found := strings.Cut(page.Text, `href="/signin?form=`)
	id, _, _ := strings.Cut(rest, `"`)
	if !found {
		p.t.Fatalf("no sign-in: %s", page.Text)
	}
	return "/signin?form=" + id
}

// checkShown opens the pictures of a page as it does, and as somebody who signed in as
// another customer.
func (p *portalOf) checkShown(b *tandemtest.Browser, page *tandemtest.Page) {
	t := p.t
	var addresses []string
	for _, attribute := range []string{`src="/portal/tickets/`, `href="/portal/tickets/`} {
		for rest := page.Text; ; {
			_, after, found := strings.Cut(rest, attribute)
			if !found {
				break
			}
			address, left, _ := strings.Cut(after, `"`)
			if rest = left; strings.Contains(address, "/files/") {
				addresses = append(addresses, "/portal/tickets/"+strings.ReplaceAll(address, "&amp;", "&"))
			}
		}
	}
	if len(addresses) != 2 {
		t.Fatalf("pictures: %v", addresses)
	}
	p.person("neighbour", grant{p.customers[1], "Owner", -1})
	other := p.Browser()
	p.SignInToWebApp(other, "neighbour")
	for _, address := range addresses {
		got := b.Get(p.WebApp + address)
		h := got.Header
		if got.StatusCode != 200 || !strings.HasPrefix(got.Text, "\xff\xd8\xff") || strings.Contains(got.Text, "GPS") || h.Get("Content-Type") != "image/jpeg" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || !strings.HasPrefix(h.Get("Content-Disposition"), "inline; filename=") {
			t.Errorf("%s: %d %v", address, got.StatusCode, h)
		}
		if got := b.Get(p.WebApp + strings.TrimSuffix(address, "?as=picture")); !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("%s is not saved: %v", address, got.Header)
		}
		if got := other.Get(p.WebApp + address); got.StatusCode != 404 || strings.Contains(got.Text, "\xff\xd8") {
			t.Errorf("%s for a neighbour: %d", address, got.StatusCode)
		}
	}
}

// TestA2_ATicketIsFiledInABrowser: UC-A2's story in Chromium, on a wide screen and on phones.
func TestA2_ATicketIsFiledInABrowser(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.person("petra", grant{p.customers[0], "Admin", -1}, grant{p.customers[1], "OrdersWithPrices", -1})
	winch := p.agreementObject(p.customers[0].ID)
	ctx := chromium.Open(t)
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		ctx, late := context.WithTimeout(ctx, testkit.Patience)
		defer late()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	eval := func(expression string) string {
		t.Helper()
		ctx, late := context.WithTimeout(ctx, testkit.Patience)
		defer late()
		out, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => String(await (`+expression+`)))()`, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return out
	}
	fits := func(name string) {
		t.Helper()
		for _, width := range []int64{320, 412, 1280} {
			for _, colours := range []string{"light", "dark"} {
				do(chromedp.EmulateViewport(width, 800), chromium.Scheme(colours))
				if wide := eval("document.documentElement.scrollWidth"); wide != fmt.Sprint(width) {
					t.Errorf("%s is %s wide on a screen of %d", name, wide, width)
				}
				chromium.Keep(t, ctx, fmt.Sprintf("%s %d %s", name, width, colours))
			}
		}
	}
	do(chromedp.Navigate(p.WebApp+"/signin"), chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), "petra"),
		chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#sign-out")))
	do(chromedp.Navigate(p.WebApp+"/portal/tickets"), chromedp.WaitVisible(chromedp.CSS("#new-ticket")))
	fits("tickets")
	do(chromedp.Click(chromedp.CSS("#new-ticket")), chromedp.WaitVisible(chromedp.CSS("#ticket-form")))
	fits("new ticket")
	// By the keyboard alone: the fields follow each other.
	eval(`document.getElementById("object").focus()`)
	order := ""
	for range 4 {
		order += eval("document.activeElement.id") + " "
		do(chromedp.KeyEvent("\t"))
	}
	if order != "object symptom photo file-ticket " {
		t.Errorf("the keyboard goes through %s", order)
	}
	eval(fmt.Sprintf(`document.getElementById("object").value = %q`, winch))
	do(chromedp.SendKeys(chromedp.CSS("#symptom"), "The rope slips under load"))
	if name := eval(`new Promise(done => {
		const c = Object.assign(document.createElement("canvas"), { width: 800, height: 500 }), x = c.getContext("2d");
		x.fillStyle = "#a33"; x.fillRect(0, 0, 800, 500); x.fillStyle = "#fff"; x.fillRect(200, 100, 400, 300);
		c.toBlob(blob => { const all = new DataTransfer(); all.items.add(new File([blob], "winch.jpg", { type: "image/jpeg" }));
			const input = document.getElementById("photo"); input.files = all.files; input.dispatchEvent(new Event("change")); done(input.files[0].name) }, "image/jpeg");
	})`); name != "winch.jpg" {
		t.Fatalf("chosen: %s", name)
	}
	chromium.Keep(t, ctx, "new ticket filled")
	do(chromedp.Click(chromedp.CSS("#file-ticket")), chromedp.WaitVisible(chromedp.CSS("#ticket")), chromedp.WaitVisible(chromedp.CSS("#photos img")))
	id := eval(`document.getElementById("ticket").dataset.id`)
	if got := eval(`new Promise(done => { const i = document.querySelector("#photos img"), tell = () => done(i.naturalWidth + "x" + i.naturalHeight + " " + document.getElementById("saved").innerText);
		i.loading = "eager"; i.complete && i.naturalWidth ? tell() : (i.onload = tell) })`); got != "320x200 Thank you: your ticket is with us." {
		t.Errorf("the photo and what is said: %s", got)
	}
	fits("ticket")
	statuses := all[struct {
		ID             string `json:"Id"`
		UserStatusName map[string]string
	}](p, "Systems_Documents_DocumentTypeUserStatuses?$select=Id,UserStatusName&$filter=DocumentType%20eq%20'"+p.typeOf(id)+"'")
	for _, want := range []string{"Reported", "Scheduled", "Done"} {
		for _, s := range statuses {
			if s.UserStatusName["EN"] == want {
				p.do("POST", setTickets+"("+id+")/ChangeState", fmt.Sprintf(`{"newState":"FirmPlanned","userStatus":{"@odata.id":"Systems_Documents_DocumentTypeUserStatuses(%s)"}}`, s.ID))
			}
		}
		do(chromedp.Navigate(p.WebApp+"/portal/tickets/"+id), chromedp.WaitVisible(chromedp.CSS("#state")))
		if state := eval(`document.getElementById("state").innerText`); state != want {
			t.Errorf("the page says %q, want %q", state, want)
		}
	}
	fits("ticket done")
	// Longer words fit, too.
	for _, language := range []string{"de", "bg"} {
		do(chromium.Language(language))
		for name, path := range map[string]string{"list": "", "new": "/new", "one": "/" + id} {
			do(chromedp.Navigate(p.WebApp + "/portal/tickets" + path))
			if spoken := eval("document.documentElement.lang"); spoken != language {
				t.Errorf("%s is in %s, want %s", name, spoken, language)
			}
			fits(language + " " + name)
		}
	}
	t.Run("axe", func(t *testing.T) {
		auditor := chromium.NewAuditor(t, "../e2e/clients/node_modules")
		for _, path := range []string{"/portal/tickets", "/portal/tickets/new", "/portal/tickets/" + id, "/portal/shipments", "/"} {
			do(chromedp.Navigate(p.WebApp + path))
			auditor.Look(t, ctx, "axe "+path)
		}
	})
}

// TestA2_TicketPagesSpeakTheirReadersLanguage.
func TestA2_TicketPagesSpeakTheirReadersLanguage(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.person("petra", grant{p.customers[0], "Admin", -1})
	b := p.Browser()
	p.SignInToWebApp(b, "petra")
	b.Client.Transport = accepting{"de"}
	for language, said := range map[string]map[string]string{
		"de": {"/portal/tickets": "Was defekt ist und was daraus wurde|Meldungen|Gemeldet|lang=\"de\"", "/portal/tickets/new": "Was stimmt damit nicht?|höchstens 254 Zeichen", "/": "Aufträge, Rechnungen und Meldungen Ihrer Firma",
			"/portal/shipments": "Lieferungen", "/portal/nowhere": "Unter dieser Adresse gibt es keine Seite."},
		"bg": {"/portal/tickets": "Заявки|Приета|lang=\"bg\"", "/portal/tickets/new": "Какъв е проблемът?", "/": "Здравейте", "/portal/orders": "Поръчки"},
		"fr": {"/portal/tickets": "What is broken, and what became of it|Reported|lang=\"en\""},
	} {
		b.Client.Transport = accepting{language}
		for path, texts := range said {
			page := b.Get(p.WebApp + path)
			for text := range strings.SplitSeq(texts, "|") {
				if !strings.Contains(page.Text, text) {
					t.Errorf("%s in %s does not say %q: %d %s", path, language, text, page.StatusCode, bytes.TrimSpace([]byte(page.Text)))
				}
			}
		}
	}
}

// accepting says which language a browser prefers.
type accepting struct{ language string }

// RoundTrip implements http.RoundTripper.
func (a accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", a.language)
	return http.DefaultTransport.RoundTrip(r)
}
