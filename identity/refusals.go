package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

const (
	// refusalWindow is for how long the repeats of a refusal are only counted.
	refusalWindow = time.Minute
	// maxRefusals is how many different ones are told apart within it; the
	// rest is counted together. So the record grows by at most twice as many
	// lines a minute, whatever anybody sends.
	maxRefusals = 512
)

// refusals records refused requests: the first of a kind at once, its repeats
// within the minute as one line with their number.
type refusals struct {
	audit Auditor
	now   func() time.Time

	lock  sync.Mutex
	kinds map[refusal]*repeats
}

// refusal is what makes two refusals the same kind.
type refusal struct {
	app, address string
	code         oauth.ErrorCode
}

type repeats struct {
	first time.Time
	count int
	last  tandem.AuditEvent
}

// otherRefusals is the kind of everything beyond maxRefusals.
var otherRefusals = refusal{address: "*"}

// record records the event, now or with its repeats.
func (s *refusals) record(ctx context.Context, e tandem.AuditEvent, code oauth.ErrorCode) error {
	kind := refusal{e.ApplicationURI, e.RemoteAddr, code}
	s.lock.Lock()
	if s.kinds == nil {
		s.kinds = make(map[refusal]*repeats)
	}
	seen := s.kinds[kind]
	if seen == nil && len(s.kinds) >= maxRefusals {
		kind = otherRefusals
		e.ApplicationURI, e.RemoteAddr = "", ""
		seen = s.kinds[kind]
	}
	if seen != nil {
		seen.count++
		seen.last = e
		s.lock.Unlock()
		return nil
	}
	s.kinds[kind] = &repeats{first: s.now()}
	s.lock.Unlock()
	return s.audit.Record(ctx, e)
}

// flush writes down the repeats whose minute is over, or all.
func (s *refusals) flush(ctx context.Context, all bool) error {
	var due []tandem.AuditEvent
	now := s.now()
	s.lock.Lock()
	for kind, r := range s.kinds {
		if !all && now.Sub(r.first) < refusalWindow {
			continue
		}
		delete(s.kinds, kind)
		if r.count > 0 {
			r.last.Detail = fmt.Sprintf("%s (and %d more like it)", r.last.Detail, r.count)
			due = append(due, r.last)
		}
	}
	s.lock.Unlock()
	var failed error
	for _, e := range due {
		failed = errors.Join(failed, s.audit.Record(ctx, e))
	}
	return failed
}
