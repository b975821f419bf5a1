package webapp

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// What a person may do with the ERP's sets, asked once in a while, so that pages offer
// no more than that. It is for what is shown: the ERP decides.

const (
	mayLife = 15 * time.Second
	maxMay  = 2000 // people's answers that are kept, some KiB each
)

// allowed is what a person may do with a set.
type allowed struct {
	Set                          string
	Read, Create, Update, Delete bool
}

type keptAllowed struct {
	sets map[string]allowed
	at   time.Time
}

// mayCache keeps the answers of sign-ins for mayLife.
type mayCache struct {
	mu   sync.Mutex
	kept map[string]keptAllowed
}

func (c *mayCache) get(key string, now time.Time) (map[string]allowed, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[key]
	return k.sets, ok && now.Sub(k.at) < mayLife
}

func (c *mayCache) put(key string, sets map[string]allowed, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxMay {
		c.kept = map[string]keptAllowed{}
	}
	c.kept[key] = keptAllowed{sets, now}
}

// may is what the person may do with a set. Where the ERP does not say, everything is
// offered, and refused when it is tried.
func (v *visit) may(set string) allowed {
	everything := allowed{set, true, true, true, true}
	if v.session == nil || v.refused || v.who.External() {
		return everything
	}
	key, now := v.who.UserID+"|"+v.who.SignInID, v.app.clock.Now()
	sets, known := v.app.mayDo.get(key, now)
	if !known {
		sets = v.askMay()
		v.app.mayDo.put(key, sets, now)
	}
	if sets == nil {
		return everything
	}
	return sets[set]
}

// mayWithin bounds the question: the page can be shown without it.
const mayWithin = 2 * time.Second

// askMay asks the ERP; nil where it does not say.
func (v *visit) askMay() map[string]allowed {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx()), mayWithin) // a problem is shown when the page's time is over
	defer cancel()
	var all struct{ Value []allowed }
	if err := v.api().Do(ctx, http.MethodGet, "GetAllowedSets()", nil, &all); err != nil {
		return nil
	}
	sets := map[string]allowed{}
	for _, a := range all.Value {
		sets[a.Set] = a
	}
	return sets
}
