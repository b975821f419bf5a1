package tus

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// bounded is a connection that remembers its last deadline.
type bounded struct {
	http.ResponseWriter
	at time.Time
}

func (b *bounded) SetReadDeadline(at time.Time) error { b.at = at; return nil }

// Who was about to end a writer that ends by itself does not end the connection's next
// request; who ends one that reads does.
func TestAWriterThatHasEndedIsNotStopped(t *testing.T) {
	t.Parallel()
	ws := writers{total: 1}
	for _, ended := range []bool{true, false} {
		on := &bounded{ResponseWriter: httptest.NewRecorder()}
		w, done, err := ws.take(t.Context(), "tom", "an upload", http.NewResponseController(on))
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			done()
		}
		w.stop()
		if !on.at.IsZero() != !ended {
			t.Errorf("ended: %v, the connection's deadline is %v", ended, on.at)
		}
	}
}
