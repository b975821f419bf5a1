package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/worker/fault"
)

// What a batch keeps of prices was read with the agent's own rights. It is shown to
// people who may read list prices themselves, which the ERP says in a call that is
// narrowed to them. Figures, reasons and events tell of prices as well as rows do, so
// nothing of any batch is shown to somebody else.

const (
	// seesFor is how long an answer is taken for the present one, seesAtMost for how long
	// it is used while the ERP does not answer: what a batch does is told then, too.
	seesFor    = 3 * time.Second
	seesAtMost = 10 * time.Minute
)

// mustSee refuses somebody who may not read list prices.
func (a *Agent) mustSee(ctx context.Context, p *person) error {
	_, err := a.seers.Ask(p.UserID, a.clock.Now(), func() (struct{}, error) {
		_, err := client.FirstPage[struct{}](client.NarrowedTo(ctx, p.IDToken), a.reads, setProducts, client.Query{Select: attributePrice, Top: 1})
		return struct{}{}, err
	}, cannotBeAsked)
	if tandem.ErrorCode(err) == tandem.CodeForbidden && !cannotBeAsked(err) {
		return tandem.Errorf(tandem.CodeForbidden, "you may not see the price lists: the ERP does not let you read list prices")
	}
	return err
}

// cannotBeAsked reports whether an error means that the ERP does not answer now.
func cannotBeAsked(err error) bool { return fault.Of(err, 0).Reason != "" }

// ofPrices answers those who may read list prices.
func (a *Agent) ofPrices(f answer) answer {
	return func(r *http.Request, p *person) (any, error) {
		if err := a.mustSee(r.Context(), p); err != nil {
			return nil, err
		}
		return f(r, p)
	}
}
