package testkit

import (
	"bytes"
	"os/exec"
	"testing"
)

// PDFText is what a reader of others finds in a PDF, as it is laid out.
func PDFText(t testing.TB, file []byte) string {
	t.Helper()
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("what is in PDFs is NOT TESTED: there is no pdftotext (Debian: poppler-utils); run make test, which installs it")
	}
	command := exec.CommandContext(t.Context(), program, "-layout", "-enc", "UTF-8", "-", "-")
	command.Stdin = bytes.NewReader(file)
	text, err := command.Output()
	if err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	return string(text)
}
