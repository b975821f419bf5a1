package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/printout"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
)

// printouts is the action of rows that have a printout: it answers with the file in
// base64, and writes nothing.
var printouts = &model.Action{Name: "GetPrintout", Parameters: []model.Parameter{
	{Name: "fileFormat", Type: "Edm.String"}, {Name: "printout", Type: "Erp.OpenObject"},
}}

// actionsOf are the actions of the rows of a set.
func actionsOf(s *model.Set) []*model.Action {
	if printout.Offered(s.Name) {
		return append(s.Actions[:len(s.Actions):len(s.Actions)], printouts)
	}
	return s.Actions
}

// printout serves POST Set(guid)/GetPrintout. What is printed is read with the rights of
// the caller, by the names of the attributes, as if they had asked for each in $select.
func (t *target) printout(w http.ResponseWriter, r *http.Request) error {
	if err := noOptions(r); err != nil {
		return err
	}
	if err := unconditional(r.Header); err != nil {
		return err
	}
	format, err := t.fileFormat(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := t.bounded(r)
	defer cancel()
	version := int64(0)
	file, err := printout.Make(ctx, printout.Request{
		Set: t.set.Name, ID: t.path.Key, Format: format, Zone: t.Zone, Language: printout.Language(r),
		Read: func(ctx context.Context, set, id, options string, into any) error {
			e := model.Entity{Set: t.Model.Set(set), ID: id}
			at, err := t.readInto(ctx, r, e, options, into)
			if e == t.self() {
				version = at
			}
			return err
		},
	})
	if err == nil {
		err = CallOf(r.Context()).Still(ctx) // it reads, though it is a POST
	}
	if err != nil {
		return err
	}
	w.Header().Set("ETag", entityTag(version))
	return document(w, r, struct {
		Context string `json:"@odata.context"`
		Value   []byte `json:"value"`
	}{t.root() + "$metadata#Edm.String", file})
}

// fileFormat reads the body of GetPrintout.
func (t *target) fileFormat(w http.ResponseWriter, r *http.Request) (string, error) {
	body := &write.Object{}
	if r.ContentLength != 0 {
		var err error
		if body, err = readBody(w, r, MaxBody); err != nil {
			return "", err
		}
	}
	args, err := write.NewArguments(t.set, printouts, body)
	if err != nil {
		return "", err
	}
	if err := args.Without("printout", "each set has one layout, which is built in: leave it out"); err != nil {
		return "", err
	}
	const why = "send one of them; for spreadsheets and the like read the rows themselves"
	if err := args.Only("fileFormat", why, printout.PDF, printout.HTML); err != nil {
		return "", err
	}
	format, err := args.Text("fileFormat")
	if err == nil && format == "" {
		err = invalid("%s: GetPrintout needs fileFormat: pdf or html.", t.set.Name)
	}
	return format, err
}

// readInto reads a row as the caller of r may see it, and tells its version.
func (t *target) readInto(ctx context.Context, r *http.Request, e model.Entity, options string, into any) (version int64, err error) {
	asked, err := odata.ParseQuery(options)
	if err != nil {
		return 0, tandem.Errorf(tandem.CodeInternal, "the layout of %s: %v", t.set.Name, err)
	}
	q, err := query.ResolveRow(e.Set, e.ID, asked, grantedTo(r))
	if err != nil {
		return 0, err
	}
	var text []byte
	err = t.Store.Query(ctx, q, func(row *query.Row) error {
		if !query.NewBudget().Take(row) {
			return q.TooMuch()
		}
		text, version = q.AppendRow(nil, row), row.Version
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case text == nil:
		return 0, notFound("There is no %s.", e)
	}
	return version, json.Unmarshal(text, into)
}
