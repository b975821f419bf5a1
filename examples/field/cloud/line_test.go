package cloud_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/tandemtest"
)

// How the line between cloud and ERP is.
const (
	lineGood  int32 = iota
	lineDown        // nothing arrives
	lineLost        // all arrives, and no answer comes back
	lineBusy        // 429
	lineFault       // 500
)

// line stands between the cloud and the ERP's API. People's calls pass.
type line struct {
	state          atomic.Int32
	batches, calls atomic.Int64
	// apart is whether the ERP is a process of its own, and erp that, nil while it is dead.
	apart bool
	erp   atomic.Pointer[http.Handler]
	// first sees a call before anything else, and says whether it has answered it.
	first atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	// between is called once, when the changes of a batch are made and its read is not.
	between atomic.Pointer[func()]
}

// sees sets first.
func (l *line) sees(f func(w http.ResponseWriter, r *http.Request) bool) { l.first.Store(&f) }

func (l *line) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := next
		if !strings.HasPrefix(r.URL.Path, api.DomainPath) || r.Header.Get(api.OnBehalfHeader) == "" {
			next.ServeHTTP(w, r)
			return
		}
		l.calls.Add(1)
		if l.apart {
			erp := l.erp.Load()
			if erp == nil {
				panic(http.ErrAbortHandler)
			}
			next = *erp
		}
		if first := l.first.Load(); first != nil && (*first)(w, r) {
			return
		}
		batch := strings.HasSuffix(r.URL.Path, "$batch")
		if batch {
			l.batches.Add(1)
			w = &cut{w, l}
		}
		switch state := l.state.Load(); {
		case state == lineDown:
			panic(http.ErrAbortHandler)
		case state == lineBusy:
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":{"message":"slow down","type":"Throttled"}}`, http.StatusTooManyRequests)
		case state == lineFault:
			http.Error(w, `{"error":{"message":"broken"}}`, http.StatusInternalServerError)
		case state == lineLost && batch:
			next.ServeHTTP(&nowhere{h: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// cut tells when the answer of a changeset is written: what comes after it is not yet done.
type cut struct {
	http.ResponseWriter
	l *line
}

func (c *cut) Write(text []byte) (int, error) {
	n, err := c.ResponseWriter.Write(text)
	if end := bytes.TrimSpace(text); bytes.HasPrefix(end, []byte("--changesetresponse_")) && bytes.HasSuffix(end, []byte("--")) {
		if between := c.l.between.Swap(nil); between != nil {
			(*between)()
		}
	}
	return n, err
}

// nowhere is where an answer goes that is lost.
type nowhere struct{ h http.Header }

func (n *nowhere) Header() http.Header            { return n.h }
func (n *nowhere) WriteHeader(int)                {}
func (n *nowhere) Write(text []byte) (int, error) { return len(text), nil }

// lined is a place with such a line.
func lined(t *testing.T, o tandemtest.Options) (*fieldtest.Place, *line) {
	t.Helper()
	l := &line{}
	o.Wrap = l.wrap
	return morning(t, o), l
}
