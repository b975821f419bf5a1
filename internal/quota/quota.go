// Package quota bounds what is in use at the same time: in all, and by each
// person, so that nobody takes what is there for everybody. It is a leaf: what is
// used, and what a caller is told who gets nothing, is for its users to say.
package quota

import "sync"

// Quota counts what is in use. Total and Each must be set; the rest is ready to
// use.
type Quota struct {
	// Total is how much may be in use at once, Each how much of it by one person.
	Total, Each int

	lock  sync.Mutex
	used  int
	users map[string]int
}

// Outcome of [Quota.Take].
type Outcome int

// The outcomes.
const (
	Taken     Outcome = iota
	AllTaken          // as much as there may be is in use
	EachTaken         // who asks uses as much as one person may
)

// Take takes one for the person, known by any name that is always the same.
// giveBack is called once when it is used no more; it is nil when there was none.
func (q *Quota) Take(person string) (giveBack func(), outcome Outcome) {
	q.lock.Lock()
	defer q.lock.Unlock()
	switch {
	case q.users[person] >= q.Each:
		return nil, EachTaken
	case q.used >= q.Total:
		return nil, AllTaken
	}
	if q.users == nil {
		q.users = map[string]int{}
	}
	q.used++
	q.users[person]++
	return func() {
		q.lock.Lock()
		defer q.lock.Unlock()
		q.used--
		if q.users[person]--; q.users[person] == 0 {
			delete(q.users, person)
		}
	}, Taken
}
