package profile_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/tandemtest"
)

// ask sends a request with the browser's cookies, and headers in pairs.
func ask(t *testing.T, b *tandemtest.Browser, method, address string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// testMe asks who one is: by the cookie as a page of the instance does, and as others do.
func testMe(t *testing.T, in *tandemtest.Instance) {
	b, _ := open(t, in, "paul", "/profile/")
	const own, json1 = "same-origin", "application/json"
	res, body := ask(t, b, "GET", in.URL+"/profile/me", "Sec-Fetch-Site", own, "Accept", json1)
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil || res.StatusCode != 200 || got["login"] != "paul" || got["largePictureUrl"] != in.URL+"/profile/me/picture/128" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if links := got["links"].(map[string]any); links["accessTokens"] != nil || links["devices"] == nil {
		t.Errorf("links of the outside: %v", links)
	}
	for name, header := range map[string][]string{
		"cross-site":           {"Sec-Fetch-Site", "cross-site"},
		"same-site":            {"Sec-Fetch-Site", "same-site"},
		"another origin":       {"Origin", "https://portal.example"},
		"a wrong token beside": {"Sec-Fetch-Site", own, "Authorization", "Bearer x"},
	} {
		if res, body := ask(t, b, "GET", in.URL+"/profile/me", append(header, "Accept", json1)...); res.StatusCode != 401 || strings.Contains(string(body), "paul") ||
			res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	if res, _ := ask(t, b, "GET", in.URL+"/profile/me", "Accept", "text/html,*/*;q=0.8"); res.StatusCode != 303 || res.Header.Get("Location") != "/profile/" {
		t.Errorf("a browser: %d %v", res.StatusCode, res.Header)
	}
	for _, token := range []string{in.ServiceToken()} {
		for _, path := range []string{"/profile/me", "/profile/me/picture/64"} {
			if res, _ := ask(t, b, "GET", in.URL+path, "Authorization", "Bearer "+token, "Sec-Fetch-Site", own); res.StatusCode != 403 {
				t.Errorf("I3: a service token at %s: %d", path, res.StatusCode)
			}
		}
	}
}

// testPicture uploads a picture and reads it, by cookie and by token.
func testPicture(t *testing.T, in *tandemtest.Instance) {
	b, page := open(t, in, "anna", "/profile/")
	read := func(path string, header ...string) (*http.Response, image.Image) {
		t.Helper()
		res, body := ask(t, b, "GET", in.URL+path, append(header, "Sec-Fetch-Site", "same-origin")...)
		m, err := png.Decode(bytes.NewReader(body))
		if res.StatusCode == 200 && err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return res, m
	}
	res, before := read("/profile/me/picture/64")
	if res.StatusCode != 200 || before.Bounds().Dx() != 64 || !strings.HasPrefix(res.Header.Get("Cache-Control"), "private") || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Authorization, X-Api-Key, Api-Key, Cookie") {
		t.Errorf("initials: %d %v", res.StatusCode, res.Header)
	}
	upload := func(form, file string) *http.Response {
		t.Helper()
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		_ = w.WriteField("form", form)
		part, err := w.CreateFormFile("picture", "me.png")
		if err == nil {
			_, err = part.Write([]byte(file))
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", in.URL+"/profile/picture", &body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", w.FormDataContentType())
		req.Header.Set("Origin", in.URL)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := b.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	var square bytes.Buffer
	if err := png.Encode(&square, image.NewGray(image.Rect(0, 0, 200, 100))); err != nil {
		t.Fatal(err)
	}
	form := formOf(t, page, "/profile/picture").Get("form")
	for name, c := range map[string]struct {
		form, file string
		want       int
	}{
		"no token": {"", square.String(), 400}, "a page": {form, "<svg/>", 400}, "too large": {form, strings.Repeat("x", 3<<20), 413}, "right": {form, square.String(), 303},
	} {
		if res := upload(c.form, c.file); res.StatusCode != c.want {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	res, after := read("/profile/me/picture/128")
	if res.StatusCode != 200 || after.Bounds().Dx() != 128 || after.At(64, 64) != after.At(5, 5) {
		t.Errorf("the picture: %d", res.StatusCode)
	}
	if again, _ := read("/profile/me/picture/128", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("again: %d", again.StatusCode)
	}
	stranger := in.Browser()
	if res, _ := ask(t, stranger, "GET", in.URL+"/profile/me/picture/128", "Sec-Fetch-Site", "same-origin"); res.StatusCode != 401 {
		t.Errorf("nobody: %d", res.StatusCode)
	}
	if res, body := ask(t, stranger, "GET", in.URL+"/profile/me/picture/64", "Authorization", "Bearer "+in.SignIn("paul", "openid", "profile").Access); res.StatusCode != 200 || len(body) == 0 {
		t.Errorf("by token: %d", res.StatusCode)
	}
}
