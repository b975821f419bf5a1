package platform

import (
	"context"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

const setERPDocumentTypes = "Systems_Documents_DocumentTypes"

// documentType is a type of documents, as far as rights are about it.
type documentType struct {
	model.Entity
	// code is the type's, set the one of its documents, key the id of its key.
	code, set, key string
}

// documentType finds a type by its code.
func (a *Administration) documentType(ctx context.Context, code string) (t documentType, err error) {
	m := erpModel()
	set := m.Set(setERPDocumentTypes)
	q := &query.Query{Set: set, Limit: 1, Where: query.Equal(set.Must("Code"), model.TextValue(code))}
	for _, name := range []string{"Code", "EntityName", "AccessKey"} {
		q.Fields = append(q.Fields, set.Must(name))
	}
	found := false
	err = a.erpStore(m).Query(ctx, q, func(row *query.Row) error {
		found = true
		t = documentType{model.Entity{Set: set, ID: strings.Clone(row.ID)},
			strings.Clone(row.Values[0].Text), strings.Clone(row.Values[1].Text), strings.Clone(row.Values[2].Text)}
		return nil
	})
	if err == nil && !found {
		err = tandem.Errorf(tandem.CodeNotFound, "there is no document type with the code %q", tandem.Clip(code, 40))
	}
	return t, err
}

// TypeKey names the key of the document type with the code, to grant on it or to
// revoke from.
func (a *Administration) TypeKey(ctx context.Context, code string) (permission.Target, error) {
	t, err := a.documentType(ctx, code)
	if err == nil && t.key == "" {
		err = tandem.Errorf(tandem.CodeRule, "the document type %s has no key, so nothing is granted on it: "+
			"who may change its documents may also release, complete and void them", t.code)
	}
	return permission.Target{Key: t.key}, err
}

// GrantType grants a group rights on the documents of a type, as [permission.Admin.Grant]
// does. A type without a key gets one: who may see, change and delete its documents
// stays as it was, and releasing, completing, voiding and approving them needs a
// right from then on. secured reports that this was so.
func (a *Administration) GrantType(ctx context.Context, by tandem.By, group, code, rights string, alone bool) (g permission.Grant, secured bool, err error) {
	return a.grantType(ctx, by, a.Permissions, a.PutKey, group, code, rights, alone)
}

// RehearseGrantType is [Administration.GrantType] within [permission.Admin.Rehearse]: no
// row is changed.
func (a *Administration) RehearseGrantType(ctx context.Context, by tandem.By, p *permission.Admin, group, code, rights string, alone bool,
) (permission.Grant, bool, error) {
	return a.grantType(ctx, by, p, func(context.Context, tandem.By, string, string) error { return nil }, group, code, rights, alone)
}

func (a *Administration) grantType(ctx context.Context, by tandem.By, p *permission.Admin, put func(ctx context.Context, by tandem.By, key, row string) error,
	group, code, rights string, alone bool,
) (g permission.Grant, secured bool, err error) {
	t, err := a.documentType(ctx, code)
	if err != nil {
		return g, false, err
	}
	if t.key != "" {
		g, err = p.Grant(ctx, by, group, permission.Target{Key: t.key}, rights, alone)
		return g, false, err
	}
	if _, _, err := permission.ParseRights(rights, permission.OfTypes); err != nil {
		return g, false, err
	}
	if _, err := p.Group(ctx, group); err != nil {
		return g, false, err
	}
	key, err := keyForType(ctx, by, p, t)
	if err != nil {
		return g, false, err
	}
	// The row gets the key last: what was everybody's is granted by then.
	if g, err = p.Grant(ctx, by, group, permission.Target{Key: key}, rights, alone); err != nil {
		return g, false, err
	}
	return g, true, put(ctx, by, key, t.Entity.String())
}

// typeKeyName is what the key of a type is called when a grant on the type makes it.
func typeKeyName(code string) string { return "Document type " + code }

// keyForType makes the key of a type, and grants what groups may do with its
// documents by the right on their set. One that was made before, by a command that
// did not end, is taken.
func keyForType(ctx context.Context, by tandem.By, p *permission.Admin, t documentType) (id string, err error) {
	name := typeKeyName(t.code)
	d, err := p.Store.Definitions(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range d.Keys {
		if k.Kind == permission.RowKey && k.EntityName == setERPDocumentTypes && strings.EqualFold(k.Name, name) {
			id = k.ID
		}
	}
	if id == "" {
		k, err := p.CreateKey(ctx, by, setERPDocumentTypes, name)
		if err != nil {
			return "", err
		}
		id = k.ID
	}
	names := map[string]string{}
	for _, g := range d.Groups {
		names[g.ID] = g.Name
	}
	for _, had := range d.Grants {
		var kept permission.Right
		switch had.Key {
		case permission.SetKeyID(t.set):
			kept = permission.Read | had.Rights&(permission.Update|permission.Delete)
			if had.Rights&permission.Create != 0 {
				kept |= permission.Update // to make a document is to change one of the type
			}
		case permission.SetKeyID(setERPDocumentTypes):
			kept = permission.Read // its name is shown
		default:
			continue
		}
		if _, err := p.Grant(ctx, by, names[had.Group], permission.Target{Key: id}, kept.String(), false); err != nil {
			return "", err
		}
	}
	return id, nil
}
