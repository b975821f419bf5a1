package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// RequestIDHeader has the id of the request in every answer of the API. With the id
// of a refusal an administrator learns why: tandem explain ID. Answers of all parts of
// an instance carry the same id as [AnyRequestIDHeader]. Neither is read.
const (
	RequestIDHeader    = "Tandem-Request-Id"
	AnyRequestIDHeader = tandem.RequestIDHeader
)

// Identify gives the request of the context an id, unless whoever stands before has
// done so, and says it in the answer.
func Identify(ctx context.Context, w http.ResponseWriter) context.Context {
	if tandem.RequestID(ctx) != "" {
		return ctx
	}
	id := NewRequestID()
	w.Header().Set(AnyRequestIDHeader, id)
	return tandem.WithRequestID(ctx, id)
}

// NewRequestID is a UUIDv7: it tells when the request came, so that it is found in
// the record without an index.
func NewRequestID() string {
	return uuid.Must(uuid.NewV7()).String() // the system's random source does not fail
}
