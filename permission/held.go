package permission

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"weak"
)

// Held is a set of ids of keys, in the forms that statements take as a parameter.
type Held struct {
	// List is joined by commas, JSON is an array of strings.
	List, JSON string
	// Number names the set for [Holds], as long as the Rights that it is of are in use.
	Number int64

	set *heldSet
}

var noKeys = Held{JSON: "[]"}

// heldSet is a set of keys that has a number.
type heldSet struct{ keys map[string]struct{} }

var (
	heldSets   sync.Map // by number: weak.Pointer[heldSet]
	heldNumber atomic.Int64
)

// HeldOf is a set of ids in these forms. Its number is good as long as it is in use.
func HeldOf(ids []string) Held {
	if len(ids) == 0 {
		return noKeys
	}
	h := Held{
		List: strings.Join(ids, ","), JSON: `["` + strings.Join(ids, `","`) + `"]`, Number: heldNumber.Add(1),
		set: &heldSet{make(map[string]struct{}, len(ids))},
	}
	for _, id := range ids {
		h.set.keys[id] = struct{}{}
	}
	heldSets.Store(h.Number, weak.Make(h.set))
	runtime.AddCleanup(h.set, func(n int64) { heldSets.Delete(n) }, h.Number)
	return h
}

// Holds reports whether a key is in the set with a number: for a statement, which can
// be told a number and not a set. Of a set that is not in use any more it is not.
func Holds(number int64, key string) bool {
	p, ok := heldSets.Load(number)
	if !ok {
		return false
	}
	set := p.(weak.Pointer[heldSet]).Value()
	if set == nil {
		return false
	}
	_, ok = set.keys[key]
	return ok
}
