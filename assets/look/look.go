// Package look is how the pages of the platform's web apps look: one style sheet,
// light and dark, for a wide screen, a phone and paper. Blue is the colour of the
// user half, green that of the service half. It knows no page; which classes there
// are is told by the sheet itself.
package look

import "embed"

// Files has the style sheet look.css and the sign mark.svg in the folder files.
//
//go:embed files/*
var Files embed.FS

// Dir is the folder of them.
const Dir = "files"
