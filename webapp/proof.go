package webapp

import (
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
)

// The API's functions that tell what the last run of tandem prove found.
const (
	lastProof       = "GetLastProof"
	lastProofReport = "GetLastProofReport"
)

// proven is the last proof that the two halves are apart.
type proven struct {
	ID                      string `json:"Id"`
	At                      time.Time
	Issuer, ApplicationURI  string
	Holds, Fails, NotTested int
	Digest, KeyID           string
	Rows                    []provenRow
}

type provenRow struct{ ID, Title, Meaning, Verdict, Why string }

// proofData is what the two pages show of it.
type proofData struct {
	// Last is nil where there has been none.
	Last *proven
	// Fault says why it is not known.
	Fault string
	// Admin says that the signed report may be fetched.
	Admin bool
}

// proof asks the API with the person's own token. That there has been none is no
// fault, and no proof either.
func (v *visit) proof() (proofData, error) {
	d := proofData{Admin: v.who.Admin}
	var p proven
	err := v.api().Do(v.ctx(), http.MethodGet, lastProof, nil, &p)
	switch code, _ := codeOf(err); {
	case err == nil:
		d.Last = &p
	case code == tandem.CodeUnauthorized:
		return d, err
	case code != tandem.CodeNotFound:
		d.Fault = v.app.faultOf(v, err)
	}
	return d, nil
}

// lastProof is the page of the last proof.
func (a *App) lastProof(v *visit) error {
	d, err := v.proof()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "proof", "Last proof", d)
}

// proofReport is the signed report, for administrators.
func (a *App) proofReport(v *visit) error {
	var report []byte
	if err := v.api().Do(v.ctx(), http.MethodGet, lastProofReport, nil, &report); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="proof.json"`)
	_, err := v.w.Write(report)
	return err
}
