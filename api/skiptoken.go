package api

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// A $skiptoken names the first row of the next page by its place in the order of
// the query: the values that the order compares, and the Id. Rows that come and
// go between two pages move no other row over the edge, as they would with
// $skip. Without an order it is the Id alone.

// skipToken is the token of a row; empty for rows of views, which have no Id, and
// where it would be too long for a URL.
func skipToken(q *query.Query, row *query.Row) string {
	if len(q.Order) == 0 || row.ID == "" {
		return row.ID
	}
	parts := []any{orderOf(q), row.ID}
	for i, k := range q.Order {
		switch v := row.Key[i]; {
		case v.Null:
			parts = append(parts, nil)
		case isText(k.Path.Property):
			parts = append(parts, v.Text)
		default:
			parts = append(parts, v.Int)
		}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return "" // texts and numbers always marshal
	}
	token := base64.RawURLEncoding.EncodeToString(text)
	if len(token) > odata.MaxSkipToken {
		return ""
	}
	return token
}

// startAt makes the query begin where the $skiptoken says.
func startAt(q *query.Query, options *odata.Query) error {
	if options.SkipToken == "" {
		return nil
	}
	ok := false
	if len(q.Order) == 0 {
		q.From, ok = odata.ParseGUID(options.SkipToken)
	} else {
		ok = startInOrder(q, options.SkipToken)
	}
	if !ok || q.Set.View {
		return invalid("The $skiptoken is not one of this query; take it from an @odata.nextLink, unchanged.")
	}
	return nil
}

func startInOrder(q *query.Query, token string) bool {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return false
	}
	var parts []json.RawMessage
	if json.Unmarshal(text, &parts) != nil || len(parts) != 2+len(q.Order) {
		return false
	}
	var order, id string
	if json.Unmarshal(parts[0], &order) != nil || json.Unmarshal(parts[1], &id) != nil || order != orderOf(q) {
		return false
	}
	from, ok := odata.ParseGUID(id)
	if !ok {
		return false
	}
	for i, part := range parts[2:] {
		v, p := model.NullValue, q.Order[i].Path.Property
		switch {
		case string(part) == "null":
		case isText(p):
			v = model.Value{}
			err = json.Unmarshal(part, &v.Text)
			if err == nil {
				err = model.CheckText(q.Set, p.Name, v.Text)
			}
		default:
			v = model.Value{}
			err = json.Unmarshal(part, &v.Int)
		}
		if err != nil {
			return false
		}
		q.FromKey = append(q.FromKey, v)
	}
	q.From = from
	return true
}

// isText reports whether an order compares texts.
func isText(p *model.Property) bool {
	switch p.Kind {
	case model.KindString, model.KindMultiLanguage, model.KindGUID, model.KindReference:
		return true
	}
	return false
}

// orderOf tells orders apart, so that a token is taken only where it belongs.
func orderOf(q *query.Query) string {
	h := fnv.New32a()
	write := func(s string) { _, _ = h.Write(append([]byte(s), 0)) } // a hash never fails
	write(q.Set.Name)
	for _, k := range q.Order {
		write(k.Path.String())
		write(strconv.FormatBool(k.Descending))
	}
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}
