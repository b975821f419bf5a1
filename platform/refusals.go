package platform

import (
	"context"
	"time"
)

// tellEvery is how often the repeats of refusals are looked for that are due.
const tellEvery = 10 * time.Second

// tellRefusals puts the repeats of refusals on record, until ctx ends; then
// all that there are.
func (i *Instance) tellRefusals(ctx context.Context) {
	i.keepDoing(ctx, tellEvery, "how often calls were refused again", i.TellRefusals, func(ctx context.Context) error { return i.refusals.Tell(ctx, true) })
}

// TellRefusals does at once what Run does every ten seconds: it puts on record how
// often calls were refused again, where the minute of the first is over.
func (i *Instance) TellRefusals(ctx context.Context) error { return i.refusals.Tell(ctx, false) }
