package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// held is a store whose commits wait for the test: each announces itself on
// began and ends with what comes from end.
type held struct {
	began chan []tandem.AuditEvent
	end   chan error
}

func newHeld() *held { return &held{began: make(chan []tandem.AuditEvent), end: make(chan error)} }

func (h *held) AppendAudit(_ context.Context, events []tandem.AuditEvent) error {
	h.began <- slices.Clone(events)
	return <-h.end
}

func (h *held) ListAudit(context.Context, audit.Filter) ([]tandem.AuditEvent, error) { return nil, nil }
func (h *held) FirstKept(context.Context, time.Time) (string, error)                 { return "", nil }
func (h *held) PruneAudit(context.Context, string) (int64, error)                    { return 0, nil }

// memory is a store that keeps events, and counts commits.
type memory struct {
	mu      sync.Mutex
	events  []tandem.AuditEvent
	commits int
	largest int
	limits  []int
}

func (m *memory) AppendAudit(_ context.Context, events []tandem.AuditEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, events...)
	m.commits++
	m.largest = max(m.largest, len(events))
	return nil
}

func (m *memory) ListAudit(_ context.Context, f audit.Filter) ([]tandem.AuditEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = append(m.limits, f.Limit)
	return nil, nil
}

func (m *memory) FirstKept(context.Context, time.Time) (string, error) { return "", nil }
func (m *memory) PruneAudit(context.Context, string) (int64, error)    { return 0, nil }

// run keeps the log running until the test, or stop, ends it.
func run(t testing.TB, l *audit.Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func issued(detail string) tandem.AuditEvent {
	return tandem.AuditEvent{Kind: tandem.AuditTokenIssued, ApplicationURI: "com.example/portal", Actor: "svc", Flow: tandem.FlowService, Detail: detail}
}

// bubble runs the test where waiting is seen: after synctest.Wait everybody who
// can go on has done so.
func bubble(t *testing.T, test func(t *testing.T, l *audit.Log, store *held)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newHeld()
		l := &audit.Log{Store: store}
		run(t, l)
		test(t, l, store)
	})
}

func TestRecordReturnsAfterTheCommit(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		result := make(chan error, 1)
		go func() { result <- l.Record(t.Context(), issued("one")) }()
		<-store.began
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatalf("Record returned during the commit: %v", err)
		default:
		}
		store.end <- nil
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestEventsThatComeDuringACommitShareTheNext(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		const callers = 16
		fault := errors.New("the disk is full")
		first, others := make(chan error, 1), make(chan error, callers)
		go func() { first <- l.Record(t.Context(), issued("first")) }()
		<-store.began
		for i := range callers {
			go func() { others <- l.Record(t.Context(), issued(fmt.Sprint(i))) }()
		}
		synctest.Wait()
		store.end <- nil
		if err := <-first; err != nil {
			t.Errorf("the first caller was told %v", err)
		}
		if got := <-store.began; len(got) != callers {
			t.Errorf("the second commit has %d events of %d", len(got), callers)
		}
		store.end <- fault
		for range callers {
			if err := <-others; !errors.Is(err, fault) {
				t.Errorf("a commit that failed was told as %v", err)
			}
		}
	})
}

// Who was together in a group is waited for in the next, but not for long; a
// caller who is alone never waits.
func TestAGroupWaitsAMomentForThoseOfTheLast(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		record := func(n int) {
			for i := range n {
				go func() { _ = l.Record(t.Context(), issued(fmt.Sprint(i))) }()
			}
		}
		record(1)
		<-store.began
		record(3)
		synctest.Wait()
		store.end <- nil
		var sizes []int
		var waited []time.Duration
		take := func() {
			begun := tandem.SystemTime()
			sizes = append(sizes, len(<-store.began))
			waited = append(waited, tandem.SystemTime().Sub(begun))
			store.end <- nil
		}
		for _, n := range []int{0, 3, 1, 1, 5, 2} {
			record(n)
			take()
			synctest.Wait()
		}
		if want := []int{3, 3, 1, 1, 5, 2}; !slices.Equal(sizes, want) {
			t.Errorf("groups of %v, want %v", sizes, want)
		}
		if want := []time.Duration{0, 0, audit.Company, 0, 0, audit.Company}; !slices.Equal(waited, want) {
			t.Errorf("they waited %v, want %v", waited, want)
		}
	})
}

func TestManyCallersNeedFewCommits(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 200
	store := &memory{}
	l := &audit.Log{Store: store}
	stop := run(t, l)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range each {
				if err := l.Record(t.Context(), issued(fmt.Sprint(i, n))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	stop()
	if len(store.events) != callers*each {
		t.Errorf("%d of %d events are kept", len(store.events), callers*each)
	}
	if store.commits >= callers*each/2 {
		t.Errorf("%d events took %d commits", callers*each, store.commits)
	}
	if !slices.IsSortedFunc(store.events, func(a, b tandem.AuditEvent) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the ids do not grow")
	}
}

func TestLargeGroupsAreCommittedInParts(t *testing.T) {
	t.Parallel()
	store := &memory{}
	l := &audit.Log{Store: store}
	run(t, l)
	n := 2*audit.MaxGroup + 1
	if err := l.RecordAll(t.Context(), slices.Repeat([]tandem.AuditEvent{issued("many")}, n)); err != nil {
		t.Fatal(err)
	}
	if len(store.events) != n || store.commits != 3 || store.largest != audit.MaxGroup {
		t.Errorf("%d events in %d commits of at most %d", len(store.events), store.commits, store.largest)
	}
	if err := l.RecordAll(t.Context(), nil); err != nil || store.commits != 3 {
		t.Errorf("no events: %v, %d commits", err, store.commits)
	}
}

// Beyond MaxPending callers wait for room, and may give up.
func TestPendingEventsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		results := make(chan error, 3)
		record := func(ctx context.Context, n int) {
			results <- l.RecordAll(ctx, slices.Repeat([]tandem.AuditEvent{issued("many")}, n))
		}
		go record(t.Context(), 1)
		<-store.began
		go record(t.Context(), audit.MaxPending)
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		go record(impatient, 1)
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who gave up was told %v", err)
		}
		go record(t.Context(), 1)
		synctest.Wait()
		store.end <- nil
		kept := 1
		for kept < 1+audit.MaxPending+1 {
			kept += len(<-store.began)
			store.end <- nil
		}
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if kept != 1+audit.MaxPending+1 {
			t.Errorf("%d events were committed", kept)
		}
	})
}

func TestClosedLogKeepsWhatWaitsAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		l := &audit.Log{Store: store}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- l.Record(t.Context(), issued("waits for Run")) }()
		synctest.Wait()
		cancel()
		l.Run(ctx)
		if err := <-result; err != nil || len(store.events) != 1 {
			t.Errorf("what waited at the end: %v, %d events kept", err, len(store.events))
		}
		if err := l.Record(t.Context(), issued("late")); !errors.Is(err, audit.ErrClosed) || tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("after the end: %v", err)
		}
		if len(store.events) != 1 {
			t.Error("an event was kept after the end")
		}
	})
}

func TestCallersWhoLeaveTakeNothingAway(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		ctx, cancel := context.WithCancel(t.Context())
		leaves, stays := make(chan error, 1), make(chan error, 1)
		go func() { stays <- l.Record(t.Context(), issued("blocks")) }()
		<-store.began
		go func() { leaves <- l.Record(ctx, issued("kept")) }()
		synctest.Wait()
		cancel()
		if err := <-leaves; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		store.end <- nil
		if got := <-store.began; len(got) != 1 || got[0].Detail != "kept" {
			t.Errorf("committed %v", got)
		}
		store.end <- nil
		if err := <-stays; err != nil {
			t.Error(err)
		}
	})
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	store := &memory{}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	l := &audit.Log{Store: store, Clock: func() time.Time { return at }}
	run(t, l)
	long := issued(strings.Repeat("я", audit.MaxDetail))
	long.Actor, long.RemoteAddr, long.SessionID = strings.Repeat("a", 5000), "bytes\xff\x00", "\x00"
	if err := l.Record(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	e := store.events[0]
	if len(e.Detail) > audit.MaxDetail+len("…") || !strings.HasSuffix(e.Detail, "…") || !utf8.ValidString(e.Detail) {
		t.Errorf("a detail of %d bytes was kept with %d", len(long.Detail), len(e.Detail))
	}
	if len(e.Actor) > 400 || e.RemoteAddr != "bytes??" || e.SessionID != "?" {
		t.Errorf("%d bytes of actor, address %q, session %q", len(e.Actor), e.RemoteAddr, e.SessionID)
	}
	if !e.At.Equal(at) || e.ID == "" {
		t.Errorf("time %v, id %q", e.At, e.ID)
	}
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	store := &memory{}
	l := &audit.Log{Store: store}
	for _, limit := range []int{0, -1, 7, audit.MaxPage + 1} {
		if _, err := l.List(t.Context(), audit.Filter{Limit: limit}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{audit.DefaultPage, audit.DefaultPage, 7, audit.MaxPage}; !slices.Equal(store.limits, want) {
		t.Errorf("limits %v, want %v", store.limits, want)
	}
}

// Over a real database: what Record said yes to can be read, pages meet without
// gaps, and the texts that a caller can send do not make a group fail.
func TestRecordIsKept(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		l := &audit.Log{Store: data.NewAudit(db)}
		run(t, l)
		const callers, each = 16, 20
		var said atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for range each {
					e := issued("bad \xf0 bytes \x00 of " + fmt.Sprint(i))
					if err := l.Record(t.Context(), e); err != nil {
						t.Error(err)
						continue
					}
					said.Add(1)
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		f := audit.Filter{Limit: 50}
		for {
			page, err := l.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if seen[e.ID] || f.Before != "" && e.ID >= f.Before {
					t.Fatalf("event %s on two pages", e.ID)
				}
				seen[e.ID], f.Before = true, e.ID
			}
			if len(page) < f.Limit {
				break
			}
		}
		if int64(len(seen)) != said.Load() || len(seen) != callers*each {
			t.Errorf("%d events are kept, %d were confirmed", len(seen), said.Load())
		}
	})
}

// An id is made when its event is committed, however long the events of the same group
// took that were committed before: none comes among those that are sealed.
func TestIdsAreMadeWhenTheyAreCommitted(t *testing.T) {
	bubble(t, func(t *testing.T, l *audit.Log, store *held) {
		result := make(chan error, 1)
		go func() {
			result <- l.RecordAll(t.Context(), slices.Repeat([]tandem.AuditEvent{issued("many")}, audit.MaxGroup+1))
		}()
		first := <-store.began
		time.Sleep(4 * time.Second)
		store.end <- nil
		second := <-store.began
		store.end <- nil
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		if made := sqldb.FirstID(time.Now().Add(-time.Second)); second[0].ID < made || first[0].ID >= made {
			t.Errorf("ids %s and, four seconds later, %s", first[0].ID, second[0].ID)
		}
		for i, e := range first[1:] {
			if id, err := uuid.Parse(e.ID); err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || e.ID <= first[i].ID {
				t.Fatalf("the id after %s is %s: %v", first[i].ID, e.ID, err)
			}
		}
	})
}
