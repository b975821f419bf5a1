package webapp

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem/client"
)

const (
	// maxCalls is how many of the latest API calls are remembered for the page
	// that shows both halves.
	maxCalls = 40
	// maxSlotUses bounds the memory of who holds which slot; past it, it starts
	// over. A use takes about 150 bytes.
	maxSlotUses = 20000
	// sessionLife is how long an API session lives without a call.
	sessionLife = 20 * time.Minute
)

// callLog is told about every API call that the app makes with user tokens. It
// holds no token, no query and no body.
type callLog struct {
	mu      sync.Mutex
	calls   []client.Call // the oldest first
	watches map[string]map[*pageCalls]bool
	used    map[string]slotUse
}

// slotUse is the API session and slot that the calls of a sign-in used last.
type slotUse struct {
	slot    int
	session string
	at      time.Time
}

// pageCalls counts the calls made while one page is built.
type pageCalls struct {
	login    string
	count    int
	duration time.Duration
	used     slotUse
}

func newCallLog() *callLog {
	return &callLog{watches: map[string]map[*pageCalls]bool{}, used: map[string]slotUse{}}
}

// observe is the SDK's hook.
func (l *callLog) observe(c client.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.HasSuffix(c.Path, "/"+licenceUsage) {
		// The page that looks asks this every few seconds: one is enough, so
		// that the calls of others stay to be seen.
		l.calls = slices.DeleteFunc(l.calls, func(old client.Call) bool { return old.Path == c.Path && old.Identity == c.Identity })
	}
	if len(l.calls) == maxCalls {
		copy(l.calls, l.calls[1:])
		l.calls = l.calls[:maxCalls-1]
	}
	l.calls = append(l.calls, c)
	for p := range l.watches[c.Identity] {
		p.count++
		p.duration += c.Duration
		if c.SessionID != "" {
			p.used = slotUse{c.Slot, c.SessionID, c.At}
		}
	}
}

// watch counts the calls with the person's token from now on. Two pages that
// the same person opens at the same moment count each other's.
func (l *callLog) watch(login string) *pageCalls {
	p := &pageCalls{login: login}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watches[login] == nil {
		l.watches[login] = map[*pageCalls]bool{}
	}
	l.watches[login][p] = true
	return p
}

func (l *callLog) unwatch(p *pageCalls) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watches[p.login], p)
	if len(l.watches[p.login]) == 0 {
		delete(l.watches, p.login)
	}
}

// soFar is what was counted, with the slot that the sign-in used last where
// this page made no call of its own.
func (l *callLog) soFar(p *pageCalls, signIn string, now time.Time) pageCalls {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := *p
	switch last, ok := l.used[signIn]; {
	case got.used.session != "":
		if len(l.used) >= maxSlotUses {
			clear(l.used)
		}
		l.used[signIn] = got.used
	case ok && now.Sub(last.at) < sessionLife:
		got.used = last
	}
	return got
}

// forget forgets the slot of a sign-in that has ended.
func (l *callLog) forget(signIn string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.used, signIn)
}

// latest are the calls, the newest first.
func (l *callLog) latest() []client.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := make([]client.Call, len(l.calls))
	for i, c := range l.calls {
		calls[len(calls)-1-i] = c
	}
	return calls
}
