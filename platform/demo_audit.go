package platform

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/data"
)

// factDemoAccepted says that the demo has once accepted what it does on purpose: who takes
// that back is not overruled by the next start.
const factDemoAccepted = "demo accepted"

// demoAcceptances accepts, for half a year, what the demo does on purpose. It also shows
// what an accepted finding looks like.
func (a *Administration) demoAcceptances(ctx context.Context) error {
	facts := data.NewInstance(a.DB)
	switch _, err := facts.Recall(ctx, factDemoAccepted); {
	case err == nil:
		return nil
	case !errors.Is(err, tandem.ErrNotFound):
		return err
	}
	until := a.config.Clock.Now().UTC().Truncate(24*time.Hour).AddDate(0, 6, 0)
	o := AuditOptions{Limits: findings.DefaultLimits()}
	for which, why := range map[string]string{
		"USR-01@admin":        "the demo's administrator has the password that stands in demo.json",
		"PA2@svc.integration": "scripts and tests of the demo may do everything",
		"PA2@svc.starter":     "programs that begin from the examples may do everything",
	} {
		if _, err := a.Accept(ctx, byDemo, o, which, why, until); err != nil && tandem.ErrorCode(err) != tandem.CodeNotFound {
			return err
		}
	}
	return facts.Remember(ctx, factDemoAccepted, until.Format(time.DateOnly))
}
