package main_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestDemoTickets: UC-A2 in what `tandem up` runs. petra files a ticket for a broken winch
// with a photo, which the program's own child draws again, and sees it move as the office
// moves it; the portal's System User may do that much and no more.
func TestDemoTickets(t *testing.T) {
	t.Parallel()
	r := up(t, filepath.Join(t.TempDir(), "data"))
	tokens := map[string]string{}
	for _, token := range r.demo.Tokens {
		tokens[token.User] = token.Token
	}
	password := ""
	for _, u := range r.demo.Users {
		if u.Login == "petra" {
			password = u.Password
		}
	}
	b := tandemtest.NewBrowser(t)
	form := b.SignIn(r.demo.WebApp+"/signin?return_to=/portal/tickets/new", "petra", password)
	winch := option(t, form.Text, "Winch, hall 1", "Gipfel & Faden")
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 900, 600)), nil); err != nil {
		t.Fatal(err)
	}
	filed := b.SubmitFile(form, url.Values{"object": {winch}, "symptom": {"The rope slips"}}, "photo", "winch.jpg", photo.Bytes())
	if filed.StatusCode != 200 || !strings.Contains(filed.Text, "your ticket is with us") || strings.Contains(filed.Text, `id="fault"`) || strings.Count(filed.Text, "<img src=\"/portal/") != 1 {
		t.Fatalf("filed: %d %s", filed.StatusCode, filed.Text)
	}
	id := strings.TrimPrefix(filed.Request.URL.Path, "/portal/tickets/")
	const tickets = "Applications_Service_ServiceOrders"
	anna := &fieldCalls{running: r, token: tokens["anna"]}
	var types struct {
		Value []struct {
			UserStatuses []struct {
				Ref            string `json:"@odata.id"`
				UserStatusName map[string]string
			}
		}
	}
	if status := anna.call("GET", "Systems_Documents_DocumentTypes?$select=Id&$filter=Code eq 'SRO'&$expand=UserStatuses($select=UserStatusName)", "", &types); status != 200 || len(types.Value) != 1 {
		t.Fatalf("%d %s", status, anna.said)
	}
	change := func(c *fieldCalls, body string) int {
		return c.call("POST", tickets+"("+id+")/ChangeState", body, nil)
	}
	for _, want := range []string{"Scheduled", "Done"} {
		for _, s := range types.Value[0].UserStatuses {
			if s.UserStatusName["EN"] == want {
				if status := change(anna, fmt.Sprintf(`{"newState":"FirmPlanned","userStatus":{"@odata.id":%q}}`, s.Ref)); status != 204 && status != 200 {
					t.Fatalf("%s: %d %s", want, status, anna.said)
				}
			}
		}
		if page := b.Get(filed.Request.URL.String()); !strings.Contains(page.Text, ">"+want+"</span>") {
			t.Errorf("the page does not say %s: %s", want, page.Text)
		}
	}

	// The System User by itself: what the portal does it may, and changes nothing else.
	portal := &fieldCalls{running: r, token: tokens["svc.portal"]}
	var rows struct {
		Value []struct {
			Ref string `json:"@odata.id"`
		}
	}
	for _, set := range []string{"Applications_Service_ServiceAgreements", "Applications_Service_ServiceObjects", "Applications_Service_ServiceActivities", "Crm_Sales_CustomerExternalAccess"} {
		if status := portal.call("GET", set+"?$top=1", "", &rows); status != 200 || len(rows.Value) != 1 {
			t.Fatalf("svc.portal reads %s: %d %s", set, status, portal.said)
		}
		for _, try := range [][3]string{{"PATCH", rows.Value[0].Ref, `{}`}, {"PATCH", rows.Value[0].Ref, `{"Notes":"x"}`}, {"DELETE", rows.Value[0].Ref, ""}, {"POST", set, `{}`}} {
			if status := portal.call(try[0], try[1], try[2], nil); status != 403 {
				t.Errorf("svc.portal: %v: %d %s", try, status, portal.said)
			}
		}
	}
	one := tickets + "(" + id + ")"
	for _, try := range [][3]string{{"PATCH", one, `{"DocumentNotes":"x"}`}, {"DELETE", one, ""}, {"POST", one + "/MakeVoid", `{"reason":"x"}`}, {"POST", one + "/Complete", `{"completion":"OnlyDocument"}`}} {
		if status := portal.call(try[0], try[1], try[2], nil); status != 403 {
			t.Errorf("svc.portal: %v: %d %s", try, status, portal.said)
		}
	}
	if status := change(portal, `{"newState":"Completed"}`); status != 403 {
		t.Errorf("svc.portal completes a ticket: %d %s", status, portal.said)
	}

	// With less, as a demo of before has it, a ticket is shown with less.
	for _, set := range []string{"Systems_Core_ExtensibleDataObjects", "Systems_Documents_DocumentTypes", "Applications_Service_ServiceActivities"} {
		if out, code := r.tandem("access", "revoke", "Portal back end", "--set", set); code != 0 {
			t.Fatalf("%d %s", code, out)
		}
	}
	testkit.Eventually(t, "the ticket is shown with less", func() bool {
		page := b.Get(filed.Request.URL.String())
		return page.StatusCode == 200 && strings.Contains(page.Text, "The rope slips") && !strings.Contains(page.Text, "data-file=") && !strings.Contains(page.Text, "photo-form")
	})
	if page := b.Get(r.demo.WebApp + "/portal/tickets/new"); page.StatusCode != 200 || !strings.Contains(page.Text, "Winch, hall 1") {
		t.Errorf("a new ticket with fewer rights: %d %s", page.StatusCode, page.Text)
	}
}

// option is the value of the option whose text has all the words.
func option(t *testing.T, page string, words ...string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "option" || n.FirstChild == nil {
			continue
		}
		has := true
		for _, word := range words {
			has = has && strings.Contains(n.FirstChild.Data, word)
		}
		for _, a := range n.Attr {
			if has && a.Key == "value" {
				return a.Val
			}
		}
	}
	t.Fatalf("no option says %q: %s", words, page)
	return ""
}
