package query

import (
	"strconv"
	"time"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/internal/jsontext"
)

// AppendRow appends the JSON object of a row that a store yielded for q: what
// describes it, the fields, the expanded navigations.
func (q *Query) AppendRow(dst []byte, row *Row) []byte {
	dst = append(dst, '{')
	first := len(dst)
	if !q.Form.NoMetadata {
		dst = q.appendMetadata(dst, row)
	}
	fields := q.Fields
	if fields == nil {
		fields = q.Set.DefaultFields()
	}
	for i, p := range fields {
		v := &row.Values[i]
		if v.Null && q.SkipNulls || p.Kind == model.KindReference && q.expands(p) {
			continue
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = append(dst, p.JSONName()...)
		dst = AppendValue(dst, p, v, q.Form)
	}
	for i, x := range q.Expand {
		if x.Reference != nil && len(row.Expanded[i]) == 0 && q.SkipNulls {
			continue
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = x.append(dst, row.Expanded[i], q)
	}
	return append(dst, '}')
}

func (q *Query) expands(p *model.Property) bool {
	for _, x := range q.Expand {
		if x.Reference == p {
			return true
		}
	}
	return false
}

// appendMetadata appends @odata.type where the set does not say it, @odata.id and
// @odata.etag (JSON Format, section 4.5).
func (q *Query) appendMetadata(dst []byte, row *Row) []byte {
	if q.Set.Abstract && row.Set != q.Set {
		dst = append(dst, `"@odata.type":"#`+odata.Namespace+"."...)
		dst = append(append(dst, row.Set.Type...), `",`...)
	}
	if row.ID == "" {
		return dst
	}
	dst = append(dst, `"@odata.id":"`...)
	dst = append(appendEntity(dst, row.Set, row.ID), '"')
	if row.Version > 0 {
		dst = append(dst, `,"@odata.etag":"W/\"`...)
		dst = append(strconv.AppendInt(dst, row.Version, 10), `\""`...)
	}
	return dst
}

func (x *Expand) append(dst []byte, rows []Row, within *Query) []byte {
	x.Query.SkipNulls, x.Query.Form = within.SkipNulls, within.Form
	if x.Child == nil {
		dst = append(dst, x.Reference.JSONName()...)
		if len(rows) == 0 {
			return append(dst, "null"...)
		}
		if rows[0].Hidden {
			return AppendValue(dst, x.Reference, &model.Value{Text: rows[0].ID, Int: -1}, x.Query.Form)
		}
		return x.Query.AppendRow(dst, &rows[0])
	}
	dst = jsontext.AppendString(dst, x.Child.Name)
	dst = append(dst, ':', '[')
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = x.Query.AppendRow(dst, &rows[i])
	}
	return append(dst, ']')
}

func appendEntity(dst []byte, s *model.Set, id string) []byte {
	dst = append(dst, s.Name...)
	dst = append(dst, '(')
	dst = append(dst, id...)
	return append(dst, ')')
}

// AppendValue appends the JSON of one value of the property.
func AppendValue(dst []byte, p *model.Property, v *model.Value, f Form) []byte {
	if v.Null {
		return append(dst, "null"...)
	}
	switch p.Kind {
	case model.KindString, model.KindGUID:
		return jsontext.AppendString(dst, v.Text)
	case model.KindMultiLanguage:
		return append(dst, v.Text...) // it is JSON, made by this package
	case model.KindBool:
		return strconv.AppendBool(dst, v.Int != 0)
	case model.KindInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case model.KindDecimal:
		return appendDecimal(dst, p, v, f)
	case model.KindAmount, model.KindQuantity:
		dst = append(dst, `{"Value":`...)
		dst = appendDecimal(dst, p, v, f)
		if p.Kind == model.KindAmount {
			dst = append(dst, `,"Currency":`...)
		} else {
			dst = append(dst, `,"Unit":`...)
		}
		if v.Unit == "" {
			dst = append(dst, "null"...)
		} else {
			dst = jsontext.AppendString(dst, v.Unit)
		}
		return append(dst, '}')
	case model.KindDate, model.KindDateTime:
		dst = append(dst, '"')
		dst = time.UnixMicro(v.Int).UTC().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	case model.KindEnum:
		return jsontext.AppendString(dst, p.Enum.MemberName(v.Int))
	case model.KindReference:
		if f.NoMetadata {
			return append(dst, `{}`...) // a link is nothing but metadata
		}
		dst = append(dst, `{"@odata.id":"`...)
		dst = appendEntity(dst, p.Target.Concrete(v.Int), v.Text)
		return append(dst, '"', '}')
	}
	return append(dst, "null"...)
}

func appendDecimal(dst []byte, p *model.Property, v *model.Value, f Form) []byte {
	if !f.Compatible {
		return model.AppendDecimal(dst, v.Int, p.Scale)
	}
	return append(model.AppendDecimal(append(dst, '"'), v.Int, p.Scale), '"')
}
