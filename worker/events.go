package worker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
)

const (
	// heartbeatEvery keeps proxies from closing a quiet stream.
	heartbeatEvery = 15 * time.Second
	// lookEvery is how often a stream looks for what another process did.
	lookEvery = time.Second
)

// serveEvents streams a job as server-sent events: how it stands, and each
// change, until it has ended or the evidence has.
func (w *Worker) serveEvents(rw http.ResponseWriter, r *http.Request, p *person) error {
	id := r.PathValue("id")
	j, version, err := w.jobs.Version(r.Context(), p.reach, id)
	if err != nil {
		return err
	}
	signal, stop, err := w.jobs.Watch(id, p.UserID)
	if err != nil {
		return err
	}
	defer stop()
	control := http.NewResponseController(rw)
	h := rw.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	send := func(text string) bool {
		_ = control.SetWriteDeadline(tandem.SystemTime().Add(respondIn)) // a caller that does not read loses the stream
		if _, err := rw.Write([]byte(text)); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	sent := int64(-1)
	show := func() (goOn bool) {
		if version == sent {
			return true
		}
		sent = version
		text, err := json.Marshal(&j)
		if err != nil {
			return false
		}
		return send(fmt.Sprintf("event: job\nid: %d\ndata: %s\n\n", version, text)) && !j.State.Final()
	}
	if !send("retry: 1000\n\n") || !show() {
		return nil
	}
	expired := time.NewTimer(p.ExpiresAt.Sub(w.config.Clock.Now()))
	defer expired.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-expired.C:
			return nil
		case <-heartbeat.C:
			if !send(": still here\n\n") {
				return nil
			}
			continue
		case <-look.C:
		case <-signal:
		}
		if j, version, err = w.jobs.Version(r.Context(), p.reach, id); err != nil {
			return nil // the headers have left; the stream just ends
		}
		if !show() {
			return nil
		}
	}
}
