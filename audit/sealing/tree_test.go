package sealing_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/hybridapps/tandem/audit/sealing"
)

// The tree is that of RFC 6962, of every size: a library that knows nothing of ours comes
// to the same roots.
func TestRootsAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	var leaves, stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, _ error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for n := range int64(66_000) {
		leaf := []byte(fmt.Sprint("event ", n))
		more, err := tlog.StoredHashes(n, leaf, read)
		must(t, err)
		leaves, stored = append(leaves, tlog.RecordHash(leaf)), append(stored, more...)
	}
	roots := sealing.RootsOf(leaves)
	for n := int64(1); n <= int64(len(leaves)); n++ {
		if n > 1100 && n%997 != 0 && n != 65_535 && n != 65_536 && n != 65_537 {
			continue
		}
		want, err := tlog.TreeHash(n, read)
		must(t, err)
		if roots[n-1] != want {
			t.Fatalf("the root of %d leaves is another", n)
		}
	}
}
