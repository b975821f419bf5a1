package signin

import (
	"errors"
	"log/slog"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/oauth"
)

// maxRefused is how many different refusals the log tells apart in a minute.
const maxRefused = 50

// refusedRequest is one kind of refused authorization request.
type refusedRequest struct {
	asked
	reason string
}

// refusedRequests tells the log of authorization requests that were refused, so
// that who registers an application finds out why. Anybody can send them, so
// each kind is told once a minute, with how often it came.
type refusedRequests struct {
	gate flood.Gate[refusedRequest, refusedRequest]
}

func (l *refusedRequests) tell(log *slog.Logger, now time.Time, a asked, err error) {
	var cause *oauth.Error
	if errors.As(err, &cause) && (cause.Code == oauth.LoginRequired || cause.Code == oauth.ServerError) {
		return // an answer like any other to prompt=none; or told elsewhere
	}
	for _, r := range l.gate.Due(now, false) {
		if r.Crowd {
			log.Warn("further authorization requests were refused, of many kinds", "count", r.Count)
			continue
		}
		log.Warn("the same authorization request was refused again", "application_uri", r.Last.application,
			"redirect_uri", r.Last.redirectURI, "reason", r.Last.reason, "count", r.Count)
	}
	r := refusedRequest{asked{tandem.Clip(a.application, shown), tandem.Clip(a.redirectURI, 200)}, err.Error()}
	if l.gate.Pass(now, r, r) {
		log.Warn("an authorization request was refused", "application_uri", r.application, "redirect_uri", r.redirectURI, "reason", r.reason)
	}
}
