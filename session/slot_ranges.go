package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hybridapps/tandem"
)

// Range is a run of slot numbers, First to Last inclusive; it is empty when
// Last < First.
type Range struct{ First, Last int }

// SharedSlots are those for everybody: the slots from 1 that no account has
// reserved.
func SharedSlots(l tandem.Licence) Range {
	shared := l.Slots
	for _, n := range l.Reserved {
		shared -= n
	}
	return Range{1, shared}
}

// ReservedSlots are the account's own slots. They follow the shared ones, the
// accounts in the order of their logins.
func ReservedSlots(l tandem.Licence, login string) Range {
	first := SharedSlots(l).Last + 1
	for _, other := range slices.Sorted(maps.Keys(l.Reserved)) {
		n := l.Reserved[other]
		if other == login {
			return Range{first, first + n - 1}
		}
		first += n
	}
	return Range{first, first - 1}
}

// CheckLicence says what is wrong with a licence, and how to mend it.
func CheckLicence(l tandem.Licence) error {
	if l.Slots < 1 {
		return fmt.Errorf("%d licence slots: at least 1 is needed (--licences)", l.Slots)
	}
	reserved := 0
	for _, login := range slices.Sorted(maps.Keys(l.Reserved)) {
		n := l.Reserved[login]
		if login == "" || n < 1 {
			return fmt.Errorf("%d slots reserved for %q: name an account and at least 1 slot (--reserve LOGIN=N)", n, login)
		}
		reserved += n
	}
	if reserved > l.Slots {
		return fmt.Errorf("%d slots are reserved, but the licence has only %d: reserve fewer or raise --licences", reserved, l.Slots)
	}
	return nil
}
