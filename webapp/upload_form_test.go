package webapp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// Whoever is not known is answered, whatever they have announced to send: nobody waits for
// 30 MB of a stranger.
func TestNothingIsReadForStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	form := multipart.NewWriter(&sent)
	if err := form.WriteField("symptom", "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := form.CreateFormFile("photo", "x.jpg"); err != nil {
		t.Fatal(err)
	}
	sent.WriteString(strings.Repeat("x", 100<<10)) // and no more comes
	for _, path := range []string{"/portal/tickets/new", "/portal/tickets/" + ticketID + "/photo"} {
		conn, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			path, at.Host, s.url, form.FormDataContentType(), 9<<20)
		if _, err := conn.Write(sent.Bytes()); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: who is not known is not answered: %v", path, err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); res.StatusCode != 401 || !strings.Contains(string(text), "sign in") || err != nil {
			t.Errorf("%s: %d %s %v", path, res.StatusCode, text, err)
		}
	}
}

// Whoever was signed in when the form was made for them is told that what they typed is kept,
// after all of the photo has come.
func TestAFormWithAPhotoOutlivesTheSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, form := s.signIn("paul", "/portal/tickets/new")
	read(t, b.Submit(b.submitTo(form, "/signout").Page, nil)).wants(t, 200, "You are signed out")
	asked := read(t, b.SubmitFile(form.Page, url.Values{"object": {ticketID}, "symptom": {"Late"}}, "photo", "x.jpg", make([]byte, 9<<20)))
	asked.wants(t, 401, "What you typed is kept")
	link := attr(asked.byID("sign-in"), "href")
	read(t, b.SignIn(s.url+link, "paul", tandemtest.Password)).wants(t, 200, "Late")
}
