package printout

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
)

var (
	//go:embed printout.html
	page string
	//go:embed printout.css
	style string

	pageTemplate = template.Must(template.New("printout").Parse(page))
	// styleHash lets the file's own style in, and nothing else: it may be opened anywhere.
	styleHash = func() string {
		sum := sha256.Sum256([]byte(style))
		return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	}()
)

// html writes the document as one file that needs no other.
func (d *document) html() ([]byte, error) {
	var file bytes.Buffer
	err := pageTemplate.Execute(&file, struct {
		*document
		Policy string
		Style  template.CSS
	}{d, "default-src 'none'; style-src '" + styleHash + "'", template.CSS(style)})
	return file.Bytes(), err
}
