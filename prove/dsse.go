package prove

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What a signed report is made of: a DSSE envelope around an in-toto Statement v1
// with the predicate test-result v0.1, which policy tools can read without us.
const (
	PayloadType   = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://in-toto.io/attestation/test-result/v0.1"
)

// MaxSigned is how many bytes a signed report may have.
const MaxSigned = 4 << 20

// maxSignatures is how many signatures of an envelope are looked at.
const maxSignatures = 16

// Envelope is a DSSE envelope: exact bytes, their type, and who signed both.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one of an envelope's. KeyID is [KeyID] of the key.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Statement is what is signed: this system gave this result.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is the system that was tried: its issuer, and the digest of its discovery
// document.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate is a test result with the whole report beside it. Invariants that were
// not tested are warned about.
type Predicate struct {
	Result        string    `json:"result"`
	Configuration []Subject `json:"configuration"`
	PassedTests   []string  `json:"passedTests"`
	WarnedTests   []string  `json:"warnedTests"`
	FailedTests   []string  `json:"failedTests"`
	Report        Report    `json:"report"`
}

// StatementOf is the statement that a report makes.
func StatementOf(r *Report) (Statement, error) {
	options, err := json.Marshal(r.Options)
	if err != nil {
		return Statement{}, err
	}
	p := Predicate{
		Result:        "PASSED",
		Configuration: []Subject{{"tandem prove options", sha256Of(options)}},
		PassedTests:   []string{}, WarnedTests: []string{}, FailedTests: []string{},
		Report: *r,
	}
	for i := range r.Rows {
		switch row := &r.Rows[i]; row.Verdict {
		case Holds:
			p.PassedTests = append(p.PassedTests, row.ID)
		case Fails:
			p.FailedTests = append(p.FailedTests, row.ID)
		case NotTested:
			p.WarnedTests = append(p.WarnedTests, row.ID)
		}
	}
	switch {
	case len(p.FailedTests) > 0:
		p.Result = "FAILED"
	case len(p.WarnedTests) > 0:
		p.Result = "WARNED"
	}
	subject := Subject{r.Target.Issuer, map[string]string{"sha256": r.Target.DiscoverySHA256}}
	return Statement{StatementType, []Subject{subject}, PredicateType, p}, nil
}

func sha256Of(text []byte) map[string]string {
	sum := sha256.Sum256(text)
	return map[string]string{"sha256": hex.EncodeToString(sum[:])}
}

// Sign makes the file that `tandem prove --out` writes.
func Sign(r *Report, key ed25519.PrivateKey) ([]byte, error) {
	statement, err := StatementOf(r)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		return nil, err
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the signing key is none of Ed25519")
	}
	signature := Signature{KeyID(public), ed25519.Sign(key, toSign(PayloadType, payload))}
	text, err := json.MarshalIndent(Envelope{PayloadType, payload, []Signature{signature}}, "", "  ")
	if err != nil {
		return nil, err
	}
	if text = append(text, '\n'); len(text) > MaxSigned {
		return nil, fmt.Errorf("the signed report has %d bytes, and may have %d", len(text), MaxSigned)
	}
	return text, nil
}

// toSign is DSSE's pre-authentication encoding: the type is signed with the bytes, so
// that they cannot be taken for something else.
func toSign(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Verify reads a signed report: that the key signed exactly these bytes, and that what
// they say agrees with itself. It asks nobody.
func Verify(text []byte, key ed25519.PublicKey) (*Report, error) {
	envelope, err := readEnvelope(text)
	if err != nil {
		return nil, err
	}
	if err := envelope.check(key); err != nil {
		return nil, err
	}
	var statement Statement
	if err := json.Unmarshal(envelope.Payload, &statement); err != nil {
		return nil, fmt.Errorf("what was signed is no statement: %w", err)
	}
	if err := statement.consistent(); err != nil {
		return nil, err
	}
	report := &statement.Predicate.Report
	report.complete() // of an older one, whose short form leaves out what was not asked for
	return report, nil
}

func readEnvelope(text []byte) (e Envelope, err error) {
	if len(text) > MaxSigned {
		return e, fmt.Errorf("the file has %d bytes; a signed report has %d at most", len(text), MaxSigned)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&e); err != nil {
		return e, fmt.Errorf("this is no signed report (a DSSE envelope, as tandem prove --out writes it): %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return e, errors.New("this is no signed report: there is something after the envelope")
	}
	if e.PayloadType != PayloadType {
		return e, fmt.Errorf("this is no signed report: its type is %q, and should be %q", e.PayloadType, PayloadType)
	}
	if len(e.Signatures) == 0 || len(e.Signatures) > maxSignatures {
		return e, fmt.Errorf("the report has %d signatures; it needs 1 to %d", len(e.Signatures), maxSignatures)
	}
	return e, nil
}

// check finds a signature of the key. The id of a key is no proof, but one of another
// key says more than that a signature is wrong.
func (e *Envelope) check(key ed25519.PublicKey) error {
	id := KeyID(key)
	signed := toSign(e.PayloadType, e.Payload)
	other := ""
	for _, s := range e.Signatures {
		switch {
		case s.KeyID != "" && s.KeyID != id:
			other = s.KeyID
		case ed25519.Verify(key, signed, s.Sig):
			return nil
		default:
			return errors.New("the signature is wrong: the report was changed after it was signed, or by somebody else than the key's owner")
		}
	}
	return fmt.Errorf("the report is signed by the key %s, and not by the one given, %s", other, id)
}

// consistent reports whether the statement's short form says what its report says.
func (s *Statement) consistent() error {
	switch {
	case s.Type != StatementType:
		return fmt.Errorf("what was signed is a %q, and no statement of in-toto: %q", s.Type, StatementType)
	case s.PredicateType != PredicateType:
		return fmt.Errorf("the statement is a %q, and no test result: %q", s.PredicateType, PredicateType)
	case s.Predicate.Report.Schema != Schema && s.Predicate.Report.Schema != oldSchema:
		return fmt.Errorf("the report has the schema %q; this program reads %q: use the tandem that made it", s.Predicate.Report.Schema, Schema)
	}
	if err := s.Predicate.Report.consistent(); err != nil {
		return err
	}
	want, err := StatementOf(&s.Predicate.Report)
	if err != nil {
		return err
	}
	said, err := json.Marshal(s)
	if err != nil {
		return err
	}
	meant, err := json.Marshal(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(said, meant) {
		return errors.New("the report contradicts itself: subject, result or lists of tests are not those of its rows")
	}
	return nil
}

// consistent reports whether all invariants are there, and each row says what its probes
// say.
func (r *Report) consistent() error {
	if r.Schema != oldSchema && len(r.Rows) != len(titles) {
		return fmt.Errorf("the report has %d rows, and there are %d invariants", len(r.Rows), len(titles))
	}
	seen := map[string]bool{}
	for i := range r.Rows {
		row := &r.Rows[i]
		if seen[row.ID] || Meaning(row.ID) == "" {
			return fmt.Errorf("the report has a row %q that is unknown or there twice", row.ID)
		}
		seen[row.ID] = true
		if !r.Options.Asked(row.ID) && len(row.Probes) > 0 {
			return fmt.Errorf("the report contradicts itself: %s was not asked for, and was tried", row.ID)
		}
		if err := row.consistent(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Row) consistent() error {
	failed, held, cores := 0, 0, 0
	for _, p := range r.Probes {
		switch {
		case p.Verdict == Fails:
			failed++
		case p.Verdict != Holds && p.Verdict != NotTested:
			return fmt.Errorf("the report contradicts itself: a probe of %s is %q", r.ID, p.Verdict)
		case p.Core && p.Verdict == Holds:
			held++
		}
		if p.Core {
			cores++
		}
	}
	switch {
	case r.Verdict == Fails && failed > 0, r.Verdict == NotTested && failed == 0,
		r.Verdict == Holds && failed == 0 && held == cores && cores > 0:
		return nil
	}
	return fmt.Errorf("the report contradicts itself: %s is said to be %q, and of its %d core probes %d hold and %d probes fail",
		r.ID, r.Verdict, cores, held, failed)
}
