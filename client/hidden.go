package client

// hidden keeps a secret where package fmt cannot get at it. A pointer is not
// enough: %s of a struct with an unexported pointer prints what it points to.
type hidden[T any] func() T

func hide[T any](v T) hidden[T] { return func() T { return v } }
