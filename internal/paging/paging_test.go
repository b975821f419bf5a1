package paging_test

import (
	"errors"
	"testing"

	"github.com/hybridapps/tandem/internal/paging"
)

// numbers is a list from 0 that fails when it should go on after the last.
func numbers(count int, end error) func(after *int, limit int) ([]int, error) {
	return func(after *int, limit int) (page []int, err error) {
		from := 0
		if after != nil {
			from = *after + 1
		}
		for n := from; n < count && len(page) < limit; n++ {
			page = append(page, n)
		}
		if len(page) == 0 {
			return nil, end
		}
		return page, nil
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, paging.Size - 1, paging.Size, paging.Size + 1, 2*paging.Size + 500} {
		next := 0
		for n, err := range paging.All(numbers(count, nil)) {
			if n != next || err != nil {
				t.Fatalf("of %d, %d comes after %d: %v", count, n, next-1, err)
			}
			next++
		}
		if next != count {
			t.Errorf("%d of %d", next, count)
		}
		first, some, err := paging.First(paging.All(numbers(count, nil)))
		if first != 0 || some != (count > 0) || err != nil {
			t.Errorf("the first of %d: %d, %v, %v", count, first, some, err)
		}
	}
}

func TestAllThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	seen, last := 0, error(nil)
	for _, err := range paging.All(numbers(paging.Size, broken)) {
		if last = err; err == nil {
			seen++
		}
	}
	if seen != paging.Size || !errors.Is(last, broken) {
		t.Errorf("after %d: %v", seen, last)
	}
	if _, some, err := paging.First(paging.All(numbers(0, broken))); some || !errors.Is(err, broken) {
		t.Errorf("the first: %v, %v", some, err)
	}
}
