package tandem

import "context"

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
