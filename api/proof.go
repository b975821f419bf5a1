package api

import (
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/permission"
)

// lastProof is the function that tells what the last run of tandem prove found, to any
// account that is granted anything; lastProofReport gives the signed report, which
// says what was sent and answered, to administrators.
const (
	lastProof       = "GetLastProof"
	lastProofReport = "GetLastProofReport"
)

// provenRow is an invariant in JSON.
type provenRow struct{ ID, Title, Meaning, Verdict, Why string }

func (d *Domain) getLastProof(w http.ResponseWriter, r *http.Request) error {
	if !grantedTo(r).Some() {
		return &permission.Denied{Set: lastProof, Need: permission.Read, Rule: tandem.RuleSet}
	}
	ctx, cancel := d.bounded(r)
	defer cancel()
	p, err := d.LastProof(ctx)
	if err != nil {
		return err
	}
	response := struct {
		Context                 string    `json:"@odata.context"`
		ID                      string    `json:"Id"`
		At                      time.Time `json:"At"`
		Issuer, ApplicationURI  string
		Holds, Fails, NotTested int
		Digest, KeyID           string
		Rows                    []provenRow
	}{
		Context: d.root() + "$metadata#" + odata.Namespace + ".OpenObject", ID: p.ID, At: p.At.UTC(), Issuer: p.Issuer, ApplicationURI: p.ApplicationURI,
		Holds: p.Holds, Fails: p.Fails, NotTested: p.NotTested, Digest: p.Digest, KeyID: p.KeyID, Rows: make([]provenRow, len(p.Rows)),
	}
	for i, row := range p.Rows {
		response.Rows[i] = provenRow(row)
	}
	return document(w, r, response)
}

func (d *Domain) getLastProofReport(w http.ResponseWriter, r *http.Request) error {
	call := CallOf(r.Context())
	if call == nil || call.Principal.User == nil || !call.Principal.User.Admin {
		return tandem.Errorf(tandem.CodeForbidden, "%s is for administrators who are signed in.", lastProofReport)
	}
	ctx, cancel := d.bounded(r)
	defer cancel()
	p, err := d.LastProof(ctx)
	if err != nil {
		return err
	}
	return plain(w, r, "application/json", p.Report)
}
