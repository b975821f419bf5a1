package platform

import (
	"context"
	"net/url"
	"time"
)

// ByOne is byOne, for tests.
func (i *Instance) ByOne(ctx context.Context, name string, every time.Duration, f func(ctx context.Context) error) {
	i.byOne(ctx, name, every, "a test", f)
}

// Allows says why the host of the URL may not be reached at the address, for tests.
func (a *Alert) Allows(address string) error {
	u, err := url.Parse(a.URL)
	if err != nil {
		return err
	}
	return a.door().out().Allows(u.Hostname(), address)
}

// AuditWhenDue is auditWhenDue, for tests.
func (i *Instance) AuditWhenDue(ctx context.Context) error { return i.auditWhenDue(ctx) }
