package tandem

import "context"

// RequestIDHeader has the id of the request in every answer; of a refusal that was
// repeated, the id of the first with the number of this one behind it. With it an
// administrator learns why: tandem explain ID.
const RequestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// WithRequestID is a context of the request with the id, a UUIDv7 that whoever
// answers has made: what a caller sends is never taken for one.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the request that the context is of; empty where it is of
// none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
