// Package look is how the pages of the platform's web apps look: one style sheet,
// light and dark, for a wide screen, a phone and paper. Blue is the colour of the
// user half, green that of the service half. The one script keeps what is live on
// them up to date. Neither knows a page; which classes and data attributes there are
// is told by the files themselves.
package look

import (
	"embed"
	"strings"
)

// Files has the style sheet look.css, the script look.js and the sign mark.svg.
//
//go:embed files/*
var Files embed.FS

// Dir is the folder of them.
const Dir = "files"

// Colours is the part of the style sheet that only gives its colours their names,
// light and dark, for a page that has to stand alone.
func Colours() string {
	sheet, err := Files.ReadFile(Dir + "/look.css")
	if err != nil {
		panic(err) // it is embedded
	}
	colours, _, _ := strings.Cut(string(sheet), "\n* {")
	return colours
}
