// Package assets serves style sheets, scripts and pictures under names that
// hold the hash of their content, so that browsers may keep them for ever.
//
// It knows no page: the sites give it their embedded files.
package assets

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Files are the static files of one site.
type Files struct {
	root  string
	paths map[string]string // file name → public path
	files map[string]file   // public name → file
}

type file struct {
	content     []byte
	contentType string
}

// New reads every .css, .js and .svg file of the folder dir, to be served below
// root, which ends in a slash. It panics when a file cannot be read: they are
// embedded in the program.
func New(embedded fs.FS, dir, root string) *Files {
	f := &Files{root, map[string]string{}, map[string]file{}}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	entries, err := fs.ReadDir(embedded, dir)
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(embedded, path.Join(dir, entry.Name()))
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		f.paths[entry.Name()] = root + name
		f.files[name] = file{content, types[ext]}
	}
	return f
}

// Path is where a file is served; empty when there is no such file.
func (f *Files) Path(name string) string { return f.paths[name] }

// Pattern is what to register the files under in an [http.ServeMux].
func (f *Files) Pattern() string { return "GET " + f.root + "{name}" }

// ServeHTTP serves the file that the pattern's name names.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := f.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	// An SVG opened by itself is a document: it may do nothing either.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_, _ = w.Write(a.content)
}
