package worker

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hybridapps/tandem/internalapi"
)

// strangersEvery is how often the log tells of requests without the channel key.
const strangersEvery = time.Minute

// strangers are requests without the channel key. Most often the web app has
// another one.
type strangers struct {
	mu    sync.Mutex
	count int
	at    time.Time
}

func (s *strangers) told(log *slog.Logger, now time.Time, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if !s.at.IsZero() && now.Sub(s.at).Abs() < strangersEvery {
		return
	}
	log.Warn("a request came without this worker's channel key: start its web app with the same file (--channel-key-file)",
		"from", r.RemoteAddr, "sent_a_key", r.Header.Get(internalapi.HeaderChannelKey) != "", "count", s.count)
	s.at, s.count = now, 0
}
