package tus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// Version is the version of the protocol; Extensions those that are offered, and Checksums
// the algorithms of Upload-Checksum.
const (
	Version    = "1.0.0"
	Extensions = "creation,termination,expiration,checksum"
	Checksums  = "sha1,sha256"
)

// The defaults of [Config].
const (
	DefaultMaxFile    = 15 << 20
	DefaultMaxDay     = 200 << 20
	DefaultMaxCreated = 1000
	DefaultMaxGroup   = 50
	DefaultMaxOpen    = 200
	DefaultMaxBodies  = 512
	DefaultExpires    = 7 * 24 * time.Hour
	DefaultKeep       = 30 * 24 * time.Hour
	DefaultIdle       = 30 * time.Second
	DefaultMinRate    = 1 << 10
	DefaultMaxTime    = 30 * time.Minute
)

// Config configures a [Server]. Dir, DB, Prefix and Owner are needed.
type Config struct {
	// Dir keeps the parts. It is made for this user alone, and so is each part. The
	// processes that share DB share it too.
	Dir string
	// DB is the application's database: [New] makes the tables tus_uploads and tus_days
	// there. The caller closes it.
	DB *sqldb.DB
	// Prefix is the path at which uploads are created, such as /field-api/uploads; each is
	// at Prefix/ID.
	Prefix string
	// Owner says who makes a request; an upload is seen by its owner alone. Its error is
	// the answer, see [Refusal].
	Owner func(*http.Request) (string, error)
	// Allow may refuse a creation, see [Refusal]; nil allows all. Of the upload ID and
	// times are not known yet.
	Allow func(ctx context.Context, u Upload) error
	// Finished is told, in no transaction, that all of an upload is there; nil for nobody.
	// It is told at least once unless the process ends at that moment: look at start, too.
	Finished func(u Upload)
	// Group is the name in Upload-Metadata of what an upload belongs to, such as visit, and
	// MaxGroup how many uploads of one owner that may have, those taken away included: so
	// nobody takes the places of others. Empty for none.
	Group    string
	MaxGroup int64
	// MaxFile bounds a file, and MaxDay what an owner creates on a day (UTC), in bytes;
	// MaxCreated is how many those may be. What is deleted counts.
	MaxFile, MaxDay, MaxCreated int64
	// MaxOpen is how many unfinished uploads an owner may have.
	MaxOpen int64
	// MaxBodies is how many requests may write at once, in this process. An owner has at
	// most [OwnBodies] of them.
	MaxBodies int
	// Expires is after how long an unfinished upload is deleted, from its creation; Keep
	// for how long a finished one is kept, and one that was taken away is remembered.
	Expires, Keep time.Duration
	// Idle is for how long nothing may come of a body before the request ends. MinRate, in
	// bytes a second, is what has to come on average of each stretch of that length, the
	// time that the server's own disk takes left out; MaxTime is for how long a body may
	// come in all. What came is kept, and the next request goes on there: so slow senders
	// keep no place for ever.
	Idle    time.Duration
	MinRate int64
	MaxTime time.Duration
	Log     *slog.Logger
	Clock   tandem.Clock
}

// Server is the handler. It is safe for concurrent use.
type Server struct {
	config  Config
	store   store
	writers writers
	buffers sync.Pool
	forced  chan struct{} // places of those who wait for the disk
	log     *slog.Logger
	clock   tandem.Clock
}

// New checks the configuration, migrates the database and makes the folder.
func New(ctx context.Context, c Config) (*Server, error) {
	for name, missing := range map[string]bool{
		"Dir": c.Dir == "", "DB": c.DB == nil, "Owner": c.Owner == nil, "Prefix": !strings.HasPrefix(c.Prefix, "/") || strings.HasSuffix(c.Prefix, "/"),
	} {
		if missing {
			return nil, fmt.Errorf("tus: %s is missing, or not what it is to be", name)
		}
	}
	fill(&c.MaxFile, DefaultMaxFile)
	fill(&c.MaxDay, DefaultMaxDay)
	fill(&c.MaxCreated, DefaultMaxCreated)
	fill(&c.MaxGroup, DefaultMaxGroup)
	fill(&c.MaxOpen, DefaultMaxOpen)
	fill(&c.MaxBodies, DefaultMaxBodies)
	fill(&c.Expires, DefaultExpires)
	fill(&c.Keep, DefaultKeep)
	fill(&c.Idle, DefaultIdle)
	fill(&c.MinRate, DefaultMinRate)
	fill(&c.MaxTime, DefaultMaxTime)
	if c.Finished == nil {
		c.Finished = func(Upload) {}
	}
	if c.Allow == nil {
		c.Allow = func(context.Context, Upload) error { return nil }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, store: store{c.DB}, log: c.Log, clock: c.Clock, forced: make(chan struct{}, forcedAtOnce)}
	s.writers.total = c.MaxBodies
	s.buffers.New = func() any { return new([bufferSize]byte) }
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of uploads: %w", err)
	}
	return s, s.store.migrate(ctx)
}

// ServeHTTP implements [http.Handler]. It stands behind whatever verifies the caller.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Tus-Resumable", Version)
	h.Set("Cache-Control", "no-store")
	if err := s.serve(w, r); err != nil {
		s.refuse(w, r, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	rest, ours := strings.CutPrefix(r.URL.Path, s.config.Prefix)
	id := strings.TrimPrefix(rest, "/")
	if !ours || rest != "" && rest[0] != '/' || strings.Contains(id, "/") {
		return notThere()
	}
	method := r.Method
	if as := r.Header.Get("X-HTTP-Method-Override"); as != "" && method == http.MethodPost { // core protocol, for clients that know no PATCH
		method = strings.ToUpper(as)
	}
	if method == http.MethodOptions {
		return s.options(w)
	}
	if v := r.Header.Get("Tus-Resumable"); v != Version {
		w.Header().Set("Tus-Version", Version)
		return Refuse(http.StatusPreconditionFailed, "version", "Tus-Resumable must be %s; this server speaks no other version.", Version)
	}
	owner, err := s.config.Owner(r)
	if err != nil {
		return err
	}
	if owner == "" {
		return errors.New("tus: Owner names nobody")
	}
	switch {
	case id == "" && method == http.MethodPost:
		return s.create(w, r, owner)
	case id != "" && method == http.MethodHead:
		return s.head(w, r, owner, id)
	case id != "" && method == http.MethodPatch:
		return s.patch(w, r, owner, id)
	case id != "" && method == http.MethodDelete:
		return s.terminate(w, r, owner, id)
	}
	allowed := "POST, OPTIONS"
	if id != "" {
		allowed = "HEAD, PATCH, DELETE, OPTIONS"
	}
	w.Header().Set("Allow", allowed)
	return Refuse(http.StatusMethodNotAllowed, "method", "Use %s here.", allowed)
}

func (s *Server) options(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Tus-Version", Version)
	h.Set("Tus-Extension", Extensions)
	h.Set("Tus-Checksum-Algorithm", Checksums)
	h.Set("Tus-Max-Size", strconv.FormatInt(s.config.MaxFile, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Refusal is an error that is an answer: its JSON has the members error (Word), reason, args
// and message, and those of More. [Config.Owner] and [Config.Allow] may return one; a [tandem.Error] is
// answered by its code, and what else they return is logged and answered as 500.
type Refusal struct {
	Status        int
	Word, Message string
	// Reason is finer than Word, for an app that says it in another language, and Args are its
	// arguments by their names. The default is Word.
	Reason string
	Args   map[string]any
	// RetryAfter is told where it is not zero.
	RetryAfter time.Duration
	More       map[string]any
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Refuse makes a [Refusal].
func Refuse(status int, word, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Word: word, Message: fmt.Sprintf(format, args...)}
}

// because gives a refusal its reason.
func (r *Refusal) because(reason string, args map[string]any) *Refusal {
	r.Reason, r.Args = reason, args
	return r
}

func notThere() error {
	return Refuse(http.StatusNotFound, "not_found", "There is no such upload of yours; create it again with the same key.")
}

// statusMismatch is tus's own.
const statusMismatch = 460

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *Refusal
	if !errors.As(err, &known) {
		code := tandem.ErrorCode(err)
		known = Refuse(code.Status(), string(code), "Something went wrong here; please try again shortly.")
		var shown *tandem.Error
		if errors.As(err, &shown) {
			known.Message = shown.Message
		}
		if known.Status >= 500 {
			known.RetryAfter = 5 * time.Second
			if r.Context().Err() == nil {
				s.log.Error("an upload failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if known.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(max(1, int64(known.RetryAfter/time.Second)), 10))
	}
	body := map[string]any{}
	for k, v := range known.More {
		body[k] = v
	}
	body["error"], body["message"], body["reason"] = known.Word, known.Message, cmp.Or(known.Reason, known.Word)
	if len(known.Args) > 0 {
		body["args"] = known.Args
	}
	w.WriteHeader(known.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) // who has gone reads nothing
	}
}

// fill gives a setting its default.
func fill[T comparable](setting *T, otherwise T) {
	if *setting == *new(T) {
		*setting = otherwise
	}
}
