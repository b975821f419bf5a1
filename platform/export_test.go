package platform

import (
	"context"
	"time"
)

// ByOne is byOne, for tests.
func (i *Instance) ByOne(ctx context.Context, name string, every time.Duration, f func(ctx context.Context) error) {
	i.byOne(ctx, name, every, "a test", f)
}

// Allows is allows, for tests.
func (a *Alert) Allows(address string) error { return a.door().allows(address) }

// AuditWhenDue is auditWhenDue, for tests.
func (i *Instance) AuditWhenDue(ctx context.Context) error { return i.auditWhenDue(ctx) }
