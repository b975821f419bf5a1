package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/oauth"
)

// maxRefusals is how many kinds of refusal are told apart within a minute. So
// the record grows by at most twice as many lines a minute, whatever anybody
// sends.
const maxRefusals = 512

// refusals records refused requests: the first of a kind at once, its repeats
// within the minute as one line with their number.
type refusals struct {
	audit tandem.Auditor
	clock tandem.Clock
	gate  refusalGate
}

type refusalGate = flood.Gate[refusal, tandem.AuditEvent]

// refusal is what makes two refusals the same kind.
type refusal struct {
	app, address string
	code         oauth.ErrorCode
}

// record records the event, now or with its repeats.
func (s *refusals) record(ctx context.Context, e tandem.AuditEvent, code oauth.ErrorCode) error {
	if !s.gate.Pass(s.clock.Now(), refusal{e.ApplicationURI, e.RemoteAddr, code}, e) {
		return nil
	}
	return s.audit.Record(ctx, e)
}

// flush writes down the repeats whose minute is over, or all.
func (s *refusals) flush(ctx context.Context, all bool) error {
	var failed error
	for _, r := range s.gate.Due(s.clock.Now(), all) {
		e, more := r.Last, r.Count
		if r.Crowd {
			e.ApplicationURI, e.RemoteAddr = "", ""
			more--
		}
		e.Detail = fmt.Sprintf("%s (and %d more like it)", e.Detail, more)
		failed = errors.Join(failed, s.audit.Record(ctx, e))
	}
	return failed
}
