// Package filetype tells what kind of file bytes are, by themselves and not by what
// their sender calls them. It knows few kinds, and none that a browser runs.
package filetype

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"
)

// Octets is the type of what is none of the kinds that are known.
const Octets = "application/octet-stream"

const (
	pictureJPEG, picturePNG, pictureGIF, pictureWebP = "image/jpeg", "image/png", "image/gif", "image/webp"

	pdf, text, zip, office = "application/pdf", "text/plain", "application/zip", "application/x-ole-storage"
)

// kinds are those that are kept.
var kinds = map[string]bool{pictureJPEG: true, picturePNG: true, pictureGIF: true, pictureWebP: true, pdf: true, text: true, zip: true, office: true}

// Of is the media type of bytes that begin so; [Octets] for what is not kept.
func Of(first []byte) string {
	if bytes.HasPrefix(first, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) {
		return office
	}
	kind, _, _ := strings.Cut(http.DetectContentType(first), ";")
	if kind == text && !plain(first) {
		return Octets
	}
	if !kinds[kind] {
		return Octets
	}
	return kind
}

// plain reports whether a text is one in UTF-8 that no browser takes for markup.
func plain(first []byte) bool {
	for len(first) > 0 && !utf8.RuneStart(first[len(first)-1]) { // cut within a character
		first = first[:len(first)-1]
	}
	if n := len(first); n > 0 && first[n-1] >= utf8.RuneSelf {
		first = first[:n-1]
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(first, []byte("\xef\xbb\xbf")), " \t\r\n")
	return utf8.Valid(first) && !bytes.HasPrefix(start, []byte("<"))
}

// Shown is the type by which a file is given out: documents of offices are archives, and
// told apart by their name.
func Shown(kind, name string) string {
	extension := strings.ToLower(path.Ext(name))
	switch {
	case kind == text:
		return "text/plain;charset=utf-8"
	case kind == zip && documents[extension] != "":
		return "application/vnd.openxmlformats-officedocument." + documents[extension]
	case !kinds[kind]:
		return Octets
	}
	return kind
}

var documents = map[string]string{
	".docx": "wordprocessingml.document", ".xlsx": "spreadsheetml.sheet", ".pptx": "presentationml.presentation",
}
