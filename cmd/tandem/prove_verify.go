package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hybridapps/tandem/prove"
)

// proveVerify reads what another run has left.
type proveVerify struct {
	output
	Report    string `arg:"" help:"The signed report." placeholder:"REPORT"`
	Key       string `required:"" help:"File with the public key of whoever signed (PEM, prove.key.pub)." placeholder:"FILE"`
	Challenge string `help:"Refuse a report that was made for another challenge than this text." placeholder:"TEXT"`
	JWKS      string `name:"jwks" help:"File with the issuer's public keys, as its jwks_uri answers: also check the ID tokens of the report, by which the issuer itself says that it was talked to." placeholder:"FILE"`
	HTML      string `name:"html" help:"Write the report as a page to this file, from what was verified." placeholder:"FILE"`
}

// Run verifies.
func (c *proveVerify) Run(r *run) error {
	text, err := readReport(c.Report)
	if err != nil {
		return err
	}
	key, err := prove.ReadPublicKey(c.Key)
	if err != nil {
		return err
	}
	report, err := prove.Verify(text, key)
	if err != nil {
		return fmt.Errorf("%s is NOT verified: %w", c.Report, err)
	}
	if c.Challenge != "" && c.Challenge != report.Challenge {
		return fmt.Errorf("%s is NOT verified: it was made for the challenge %q", c.Report, report.Challenge)
	}
	issuer, err := c.issuersWord(report)
	if err != nil {
		return fmt.Errorf("%s is NOT verified: %w", c.Report, err)
	}
	page := prove.Page{Report: report, Key: key, Digest: digestOf(text), File: filepath.Base(c.Report)}
	if err := writePage(c.HTML, page); err != nil {
		return err
	}
	if c.Output != "table" {
		return showData(r.stdout, c.output, report)
	}
	lines := []field{
		{"verified", c.Report + " is as it was signed"},
		{"signed by", prove.KeyID(key)},
		{"issuer", report.Target.Issuer + issuer},
		{"application", report.Target.Application},
		{"run", report.Run + ", " + stamp{report.At}.String()},
		{"challenge", report.Challenge},
		{"SHA-256", page.Digest},
		{"result", report.Summary()},
	}
	for i := range report.Rows {
		if row := &report.Rows[i]; row.Verdict != prove.Holds {
			lines = append(lines, field{row.ID, fmt.Sprintf("%s: %s", row.Verdict, row.Why)})
		}
	}
	return showOne(r.stdout, c.output, report, lines)
}

// issuersWord says what the issuer's own signatures say, where its keys are given.
func (c *proveVerify) issuersWord(report *prove.Report) (string, error) {
	if c.JWKS == "" {
		return "", nil
	}
	keys, err := os.ReadFile(c.JWKS)
	if err != nil {
		return "", fmt.Errorf("--jwks: %w", err)
	}
	n, err := prove.CheckIDTokens(report, keys)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(", which signed %d ID tokens for this run", n), nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readReport reads no more than a report may have.
func readReport(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, prove.MaxSigned+1))
}

// writePage writes the page to a file, if one is named.
func writePage(file string, page prove.Page) error {
	if file == "" {
		return nil
	}
	var text bytes.Buffer
	err := prove.WritePage(&text, page)
	if err == nil {
		err = writeFile(file, text.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// leaving are the flags for what a run leaves behind.
type leaving struct {
	Out  string `help:"Write the signed report to this file." placeholder:"FILE"`
	HTML string `name:"html" help:"Write the report as a page that stands alone to this file." placeholder:"FILE"`
	Sign string `help:"File of the Ed25519 key (PEM) that signs the report; made where there is none (default: prove.key in the data folder, or beside --out)." placeholder:"FILE"`
}

// keyFile is where the key is: with data, in the data folder.
func (l *leaving) keyFile(data string) string {
	switch {
	case l.Sign != "":
		return l.Sign
	case data != "":
		return filepath.Join(data, prove.KeyFile)
	}
	return filepath.Join(filepath.Dir(l.Out), prove.KeyFile)
}

// signedReport is a report that was signed.
type signedReport struct {
	text []byte
	page prove.Page
}

// leave signs the report and writes what was asked for; data is the folder of a
// system of ours, or empty. It tells where everything is.
func (l *leaving) leave(w io.Writer, report *prove.Report, data string) (s signedReport, err error) {
	if l.Out == "" && l.HTML == "" && l.Sign == "" && data == "" {
		return s, nil // nobody would see it
	}
	file := l.keyFile(data)
	key, made, err := prove.SigningKey(file)
	if err != nil {
		return s, err
	}
	if s.text, err = prove.Sign(report, key); err != nil {
		return s, err
	}
	s.page = prove.Page{Report: report, Digest: digestOf(s.text), File: filepath.Base(l.Out)}
	if s.page.Key, err = prove.ReadPublicKey(file + prove.PublicSuffix); err != nil {
		return s, err
	}
	if l.Out != "" {
		err = writeFile(l.Out, s.text, 0o644)
	} else {
		s.page.File = ""
	}
	if err = errors.Join(err, writePage(l.HTML, s.page)); err != nil {
		return s, err
	}
	if made {
		fmt.Fprintf(w, "made the key %s; give its public part, %s, to whoever verifies\n", file, file+prove.PublicSuffix)
	}
	if l.Out != "" {
		fmt.Fprintf(w, "signed report: %s; verify it with: tandem prove verify %[1]s --key %s\n", l.Out, file+prove.PublicSuffix)
	}
	if l.HTML != "" {
		fmt.Fprintf(w, "page: %s\n", l.HTML)
	}
	return s, nil
}
