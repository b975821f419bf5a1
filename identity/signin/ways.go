package signin

import (
	"context"
	"slices"

	"github.com/hybridapps/tandem/identity/federation"
)

// ways are what somebody can sign in by, each alone: what they have, and what is of use now.
// A link to a provider that is switched off is none.
type ways struct {
	password bool
	passkeys []string // the ids of the factors
	links    []federation.Link
}

func (w *ways) any() bool { return w.password || len(w.passkeys) > 0 || len(w.links) > 0 }

func (h *Handler) ways(ctx context.Context, acc *Account) (w ways, err error) {
	w.password = acc.PasswordHash != ""
	if h.Factors != nil && h.Factors.party != nil {
		factors, _, err := h.Factors.of(ctx, acc.ID)
		if err != nil {
			return w, err
		}
		for i := range factors {
			if factors[i].Kind == FactorPasskey {
				w.passkeys = append(w.passkeys, factors[i].ID)
			}
		}
	}
	if h.Links != nil {
		w.links, err = h.Links.Usable(ctx, &acc.User)
	}
	return w, err
}

// OnlyLink reports whether the user could not sign in any more without the link, and can
// with it.
func (h *Handler) OnlyLink(ctx context.Context, userID, providerID, subject string) (bool, error) {
	acc, err := h.Users.ByID(ctx, userID)
	if err != nil {
		return false, err
	}
	w, err := h.ways(ctx, &acc)
	could := w.any()
	w.links = slices.DeleteFunc(w.links, func(l federation.Link) bool { return l.ProviderID == providerID && l.Subject == subject })
	return could && !w.any(), err
}

// onlyPasskey reports the same of a passkey.
func (h *Handler) onlyPasskey(ctx context.Context, acc *Account, id string) (bool, error) {
	w, err := h.ways(ctx, acc)
	could := w.any()
	w.passkeys = slices.DeleteFunc(w.passkeys, func(one string) bool { return one == id })
	return could && !w.any(), err
}
