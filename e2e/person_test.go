package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// person works with the web app without JavaScript, and goes on when it is away
// for a moment.
type person struct {
	*tandemtest.Browser
	s *system
}

func (s *system) person(t *testing.T, login string) *person {
	t.Helper()
	p := &person{tandemtest.NewBrowser(t), s}
	p.SignIn(s.demo.Webapp+"/signin", login, s.password(login))
	return p
}

// ask sends a request as the browser would; it is nil when nobody answers.
func (p *person) ask(method, path, contentType string, body []byte) *http.Response {
	return p.askAt(method, p.s.demo.Webapp+path, "same-origin", contentType, body)
}

// askAt is ask for any site, from a page of the web app.
func (p *person) askAt(method, address, site, contentType string, body []byte) *http.Response {
	req, err := http.NewRequestWithContext(p.s.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		p.s.t.Fatal(err)
	}
	req.Header.Set("Origin", p.s.demo.Webapp)
	req.Header.Set("Sec-Fetch-Site", site)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", contentType)
	res, err := p.Client.Do(req)
	if err != nil {
		return nil
	}
	return res
}

// starts posts a form that begins a job and returns the path of the job.
func (p *person) starts(path, contentType string, body []byte) string {
	p.s.t.Helper()
	res := p.ask("POST", path, contentType, body)
	if res == nil {
		p.s.t.Fatalf("nobody answers POST %s", path)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		text, _ := io.ReadAll(res.Body)
		p.s.t.Fatalf("POST %s: %d %s", path, res.StatusCode, text)
	}
	return res.Header.Get("Location")
}

func (p *person) syncs() string {
	p.s.t.Helper()
	return p.starts("/stock/sync", "application/x-www-form-urlencoded", nil)
}

func (p *person) imports(files []string) string {
	p.s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, file := range files {
		part, err := form.CreateFormFile("files", filepath.Base(file))
		if err != nil {
			p.s.t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			p.s.t.Fatal(err)
		}
		part.Write(text)
	}
	form.Close()
	return p.starts("/import", form.FormDataContentType(), body.Bytes())
}

// job is the job as it stands; ok is false while nobody can tell.
func (p *person) job(path string) (j internalapi.Job, ok bool) {
	res := p.ask("GET", path, "", nil)
	if res == nil {
		return j, false
	}
	defer res.Body.Close()
	return j, res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(&j) == nil
}

// signsOut goes through the pages of a sign-out for as long as somebody answers.
func (p *person) signsOut() {
	res := p.ask("POST", "/signout", "application/x-www-form-urlencoded", nil)
	if res == nil {
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	action, fields, ok := (&tandemtest.Page{Text: string(text)}).Form(nil)
	if !ok {
		p.s.t.Errorf("a sign-out has no form: %d %s", res.StatusCode, text)
		return
	}
	if res := p.askAt("POST", action, "same-site", "application/x-www-form-urlencoded", []byte(fields.Encode())); res != nil {
		res.Body.Close()
	}
}

// until waits for the job to be as wanted.
func (p *person) until(what, path string, wanted func(internalapi.Job) bool) (j internalapi.Job) {
	p.s.t.Helper()
	p.s.await(what, func() bool {
		var ok bool
		j, ok = p.job(path)
		return ok && wanted(j)
	})
	return j
}
