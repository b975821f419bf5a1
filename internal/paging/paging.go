// Package paging reads long lists in pages, so that neither the database nor the
// program holds all of one.
package paging

import "iter"

// Size is how many entries a page has.
const Size = 1000

// All are the entries of a list. next reads at most limit of those that come after
// the one given, or the first ones after nil; a page that has fewer is the last. An
// error ends the list, and comes with its last entry.
func All[T any](next func(after *T, limit int) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after *T
		for {
			page, err := next(after, Size)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
			}
			if len(page) < Size {
				return
			}
			after = &page[len(page)-1]
		}
	}
}

// First is the first entry of a list; ok is false when it has none.
func First[T any](list iter.Seq2[T, error]) (entry T, ok bool, err error) {
	for entry, err := range list {
		return entry, err == nil, err
	}
	return entry, false, nil
}
