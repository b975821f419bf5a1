package sealing

import (
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/jsontext"
)

// leafVersion is the first text of a leaf. That of a row in which something is stored as
// another type than the program writes differs, so that no such row passes for a whole one.
const (
	leafVersion = "tandem-event/1"
	oddVersion  = "tandem-event/1-odd"
)

// Row is an event as it is stored.
type Row struct {
	Event tandem.AuditEvent
	// Odd says that a column holds another type than the program writes, or text that
	// is not UTF-8.
	Odd bool
}

// AppendLeaf appends the leaf of the row: a JSON array of strings without spaces,
//
//	["tandem-event/1",id,at,kind,application,actor,flow,session,sign-in,token,address,detail,request,facts]
//
// where at is in microseconds since 1970 UTC. Strings are UTF-8; escaped are the
// quotation mark, the backslash, \n, \r, \t, and other control characters as \u00xx.
func AppendLeaf(dst []byte, r *Row) []byte {
	e, version := &r.Event, leafVersion
	if r.Odd {
		version = oddVersion
	}
	dst = append(append(append(dst, `["`...), version...), '"')
	at := int64(0)
	if !e.At.IsZero() {
		at = e.At.UnixMicro()
	}
	dst = jsontext.AppendString(append(dst, ','), e.ID)
	dst = append(strconv.AppendInt(append(dst, `,"`...), at, 10), '"')
	for _, text := range [...]string{
		string(e.Kind), e.ApplicationURI, e.Actor, string(e.Flow), e.SessionID, e.SignInID, e.TokenID, e.RemoteAddr, e.Detail, e.RequestID, e.Facts,
	} {
		dst = jsontext.AppendString(append(dst, ','), text)
	}
	return append(dst, ']')
}

// leafHash is the hash of the row's leaf; buffer is room for the leaf.
func leafHash(r *Row, buffer *[]byte) tlog.Hash {
	*buffer = AppendLeaf((*buffer)[:0], r)
	return tlog.RecordHash(*buffer)
}
