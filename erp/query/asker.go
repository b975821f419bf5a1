package query

import "context"

type (
	askerKey  struct{}
	personKey struct{}
)

// For is a context in which queries are those of the session, and share its limits.
// Queries of the platform's own are nobody's, and have none.
func For(ctx context.Context, session string) context.Context {
	return context.WithValue(ctx, askerKey{}, session)
}

// Asker is the session that asks; empty when nobody does.
func Asker(ctx context.Context) string {
	session, _ := ctx.Value(askerKey{}).(string)
	return session
}

// OnBehalf is a context in which queries are also those of one person of many for whom
// the session asks.
func OnBehalf(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, personKey{}, person)
}

// Person is the person for whom the session asks; empty when it names none.
func Person(ctx context.Context) string {
	person, _ := ctx.Value(personKey{}).(string)
	return person
}
