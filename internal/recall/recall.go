// Package recall remembers what another system has said about people: for a moment as
// what it says now, and for a while after that where it cannot be asked. It is a leaf:
// what is asked, and when nobody can be asked, is for its users to say.
package recall

import (
	"sync"
	"time"
)

// maxPeople bounds who is remembered. Beyond it all are asked about anew.
const maxPeople = 10_000

// Memory remembers answers. Present must be set; the rest is ready to use.
type Memory[T any] struct {
	// Present is for how long an answer is taken for what is said now, AtMost for how
	// long it is used while nobody can be asked.
	Present, AtMost time.Duration

	lock   sync.Mutex
	people map[string]answer[T]
}

type answer[T any] struct {
	value T
	asked time.Time
}

// Ask is what is said about the person, known by any name that is always the same. Where
// ask fails and away says that nobody could be asked, it is what was said not long ago;
// any other failure forgets that.
func (m *Memory[T]) Ask(person string, now time.Time, ask func() (T, error), away func(error) bool) (T, error) {
	m.lock.Lock()
	known, found := m.people[person]
	m.lock.Unlock()
	age := now.Sub(known.asked)
	if found && age >= 0 && age < m.Present {
		return known.value, nil
	}
	value, err := ask()
	m.lock.Lock()
	defer m.lock.Unlock()
	switch {
	case err == nil:
		if m.people == nil || len(m.people) >= maxPeople {
			m.people = map[string]answer[T]{}
		}
		m.people[person] = answer[T]{value, now}
	case !away(err):
		delete(m.people, person)
	case found && age >= 0 && age < m.AtMost:
		return known.value, nil
	}
	return value, err
}
