// Package pwa serves the app on the technician's phone: plain modules, embedded, so that
// Go alone runs it.
//
// Everything the app consists of, its shell, is known when the program starts. The service
// worker has it by hash, so that a shell is whole or not there, and never asks for any of
// it again. Nothing of what people work with passes through here.
package pwa

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

//go:generate node vendor/build.mjs

//go:embed app
var app embed.FS

// Config says whom the app signs in with and what it calls.
type Config struct {
	// Issuer of the identity server, as [client.NewProvider] takes it. It is the one
	// other origin that the app may talk to.
	Issuer string
	// ClientID is the ApplicationUri of the public application.
	ClientID string
	// Resource is the URI of the cloud's API, below which its addresses are.
	Resource string
}

// types are the kinds of files that the app has; there are no others.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
	".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json",
}

// file is one as it is sent.
type file struct {
	kind, hash    string
	plain, packed []byte // packed is nil where it would not be smaller
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	f := file{kind: types[path.Ext(name)], hash: base64.StdEncoding.EncodeToString(sum[:]), plain: content}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err != nil || w.Close() != nil { // a buffer takes everything
		panic("pwa: cannot pack " + name)
	}
	if packed.Len() < len(content) {
		f.packed = packed.Bytes()
	}
	return f
}

// site is the app with its settings.
type site struct {
	files   map[string]file // by path
	headers http.Header
}

// Handler serves the app at the root of its host. It is to be mounted at "/", below
// nothing: a service worker rules over the folder it is served from.
func Handler(c Config) http.Handler {
	s := &site{files: map[string]file{}}
	err := fs.WalkDir(app, "app", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := app.ReadFile(name)
		s.files[strings.TrimPrefix(name, "app")] = newFile(name, content)
		return err
	})
	settings, err1 := json.Marshal(map[string]string{"issuer": c.Issuer, "client_id": c.ClientID, "resource": c.Resource, "version": s.version()})
	if err != nil || err1 != nil { // the files are in the program
		panic("pwa: cannot read what is embedded")
	}
	s.files["/config.json"] = newFile("config.json", settings)
	s.files["/"] = s.files["/index.html"]
	delete(s.files, "/index.html")
	s.worker()
	s.headers = headers(c)
	return s
}

// version names what the app consists of.
func (s *site) version() string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		fmt.Fprintln(all, name, s.files[name].hash)
	}
	return hex.EncodeToString(all.Sum(nil)[:6])
}

// worker puts the list of the shell in front of the service worker, in two forms: the
// second also sends what waits when the system says that there is network (Background
// Sync), for which it imports the queue, as only modules can.
func (s *site) worker() {
	source := s.files["/sw.js"].plain
	delete(s.files, "/sw.js")
	shell := map[string]string{}
	for name, f := range s.files {
		if path.Ext(name) != ".txt" { // licences are there to be read and are not needed to run
			shell[name] = f.hash
		}
	}
	list, err := json.Marshal(shell) // maps are written in order of their keys
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(slices.Concat(list, source))
	head := "const VERSION = '" + hex.EncodeToString(sum[:6]) + "'\nconst SHELL = " + string(list) + "\n"
	s.files["/sw.js"] = newFile("sw.js", []byte(head+"const drain = undefined\n"+string(source)))
	s.files["/sw-sync.js"] = newFile("sw.js", []byte("import { drain } from './background.js'\n"+head+string(source)))
}

// headers are those of every answer. A page of the app loads from its own origin alone,
// talks to that and to the identity server, and makes no markup or code of text.
func headers(c Config) http.Header {
	connect := "'self'"
	for _, address := range []string{c.Issuer, c.Resource} {
		if u, err := url.Parse(address); err == nil && u.Host != "" && !strings.Contains(connect, u.Scheme+"://"+u.Host) {
			connect += " " + u.Scheme + "://" + u.Host
		}
	}
	return http.Header{
		"Content-Security-Policy": {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src " + connect +
			"; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types field"},
		"X-Content-Type-Options":       {"nosniff"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"},
	}
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, s.headers)
	name := r.URL.Path
	if name == "/callback" { // where the identity server sends people back to
		name = "/"
	}
	f, ok := s.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the files of the app are only read", http.StatusMethodNotAllowed)
		return
	}
	tag := `"` + f.hash + `"`
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // the service worker keeps them; a browser without it asks again
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	content := f.plain
	if f.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.packed
	}
	_, _ = w.Write(content)
}
