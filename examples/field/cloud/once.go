package cloud

import (
	"context"

	"golang.org/x/sync/singleflight"
)

// once shares a question of the ERP among those who have the same one at the same time, in
// the time of one command. Each waits for the answer no longer than its own context says.
func once[T any](ctx context.Context, asked *singleflight.Group, question string, ask func(context.Context) (T, error)) (T, error) {
	answer := asked.DoChan(question, func() (any, error) {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), callIn)
		defer cancel()
		return ask(within)
	})
	select {
	case told := <-answer:
		value, _ := told.Val.(T)
		return value, told.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
