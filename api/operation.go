package api

import (
	"encoding/json"
	"net/http"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/write"
)

// operation finds an unbound operation by name; nil when there is none.
func (d *Domain) operation(name string) methods {
	switch name {
	case "Import":
		return methods{"POST": d.importObjects}
	case "GetVersion":
		return methods{"GET": d.getVersion}
	case "GetRenamedEntityTypes":
		return methods{"GET": d.renamed}
	case allowedSets:
		return methods{"GET": d.getAllowedSets}
	case licenceUsage:
		if d.Usage != nil {
			return methods{"GET": d.getLicenceUsage}
		}
	case getPerson:
		if d.PersonOf != nil {
			return methods{"GET": d.servePerson}
		}
	case lastProof:
		if d.LastProof != nil {
			return methods{"GET": d.getLastProof}
		}
	case lastProofReport:
		if d.LastProof != nil {
			return methods{"GET": d.getLastProofReport}
		}
	}
	return nil
}

// serviceDocument lists the sets (OData JSON Format 4.0, section 5).
func (d *Domain) serviceDocument(w http.ResponseWriter, r *http.Request) error {
	out := newResponse(w, r, http.StatusOK)
	out.str(`{"@odata.context":`)
	out.url(d.root(), "$metadata")
	out.str(`,"value":[`)
	for _, s := range d.Model.Sets {
		out.str(`{"name":"` + s.Name + `","kind":"EntitySet","url":"` + s.Name + `"},`)
	}
	if d.Sessions != nil {
		out.str(`{"name":"` + setSessions + `","kind":"EntitySet","url":"` + setSessions + `"},`)
	}
	for _, name := range d.offers().functions() {
		out.str(`{"name":"` + name + `","kind":"FunctionImport","url":"` + name + `"},`)
	}
	out.str(`{"name":"` + allowedSets + `","kind":"FunctionImport","url":"` + allowedSets + `"},`)
	out.str(`{"name":"GetVersion","kind":"FunctionImport","url":"GetVersion"},`)
	out.str(`{"name":"GetRenamedEntityTypes","kind":"FunctionImport","url":"GetRenamedEntityTypes"}]}`)
	return out.done()
}

// sources is what is there only where it has a source: the monitor's view, and the
// functions that tell how the licence is used, what was proven and who somebody is.
type sources struct{ sessions, usage, proofs, persons bool }

func (d *Domain) offers() sources {
	return sources{sessions: d.Sessions != nil, usage: d.Usage != nil, proofs: d.LastProof != nil, persons: d.PersonOf != nil}
}

// serveMetadata serves $metadata: made once, because the model never changes
// while the program runs.
func (d *Domain) serveMetadata(w http.ResponseWriter, r *http.Request) error {
	if !accepts(r.Header, "application/xml", "text/xml", "application/json") {
		return notAcceptable("$metadata is XML; Accept takes application/xml.")
	}
	d.metadataOnce.Do(func() { d.metadataXML = metadata(d.Model, d.offers()) })
	return plain(w, r, "application/xml;charset=utf-8", d.metadataXML)
}

func (d *Domain) getVersion(w http.ResponseWriter, r *http.Request) error {
	out := newResponse(w, r, http.StatusOK)
	out.str(`{"@odata.context":`)
	out.url(d.root(), "$metadata#", odata.Namespace, ".OpenObject")
	version, err := json.Marshal(d.Version)
	if err != nil {
		return err
	}
	out.str(`,"version":` + string(version) + "}")
	return out.done()
}

// renamed lists the renamed sets in the order of their versions; a name may
// have been changed more than once.
func (d *Domain) renamed(w http.ResponseWriter, r *http.Request) error {
	out := newResponse(w, r, http.StatusOK)
	out.str(`{"@odata.context":`)
	out.url(d.root(), "$metadata#Collection(", odata.Namespace, ".OpenObject)")
	out.str(`,"value":[`)
	for i, n := range d.Model.Renames {
		if i > 0 {
			out.str(",")
		}
		out.str(`{"OldName":"` + n.OldName + `","NewName":"` + n.NewName + `","Version":"` + n.Version + `"}`)
	}
	out.str("]}")
	return out.done()
}

// importedObject is the result of one object in Import's response.
type importedObject struct {
	Result  string       `json:"@erpnet.result"`
	ID      string       `json:"@odata.id,omitempty"`
	Message string       `json:"@erpnet.message,omitempty"`
	Error   *ErrorObject `json:"@erpnet.error,omitempty"`
	State   write.State  `json:"@erpnet.state,omitempty"`
}

// importObjects serves POST Import. Objects that fail are told one by one in
// a 200; an error response means that nothing was done.
func (d *Domain) importObjects(w http.ResponseWriter, r *http.Request) error {
	by, err := actor(r)
	if err != nil {
		return err
	}
	if err := unconditional(r.Header); err != nil {
		return err
	}
	if err := noOptions(r); err != nil {
		return err
	}
	body, err := readBody(w, r, MaxImportBody)
	if err != nil {
		return err
	}
	req, err := write.ParseImport(body)
	if err != nil {
		return err
	}
	result, err := d.Store.Import(r.Context(), by, req)
	if err != nil {
		return err
	}
	if result.Unlogged != nil {
		Errors{Log: d.Log}.log().ErrorContext(r.Context(), "the log of an import is not whole", "log", result.DataExchange.String(), "error", result.Unlogged)
	}
	response := struct {
		Context      string           `json:"@odata.context"`
		Result       string           `json:"@erpnet.result"`
		Objects      []importedObject `json:"objects"`
		DataExchange string           `json:"data-exchange,omitempty"`
	}{
		Context: d.root() + "$metadata#" + odata.Namespace + ".OpenObject",
		Result:  verdict(result.Success), Objects: make([]importedObject, len(result.Objects)),
	}
	for i, o := range result.Objects {
		out := importedObject{Result: verdict(o.Err == nil), State: o.State, Message: o.Note}
		if o.Err != nil {
			e := d.notSecret(w, r, o.Err)
			out.Message, out.Error = e.Message, &e
		} else if o.Entity.ID != "" {
			out.ID = o.Entity.String()
		}
		response.Objects[i] = out
	}
	if result.DataExchange.ID != "" {
		response.DataExchange = result.DataExchange.String()
	}
	return document(w, r, response)
}

func verdict(success bool) string {
	if success {
		return "success"
	}
	return "fail"
}
