package signin

import (
	"net/http"

	"github.com/hybridapps/tandem/oauth"
)

// landing is the page at the issuer's own address, for people: most come from
// applications and never see it.
func (h *Handler) landing(w http.ResponseWriter, r *http.Request) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	p := page{Title: "Identity server", Discovery: h.Issuer + oauth.PathDiscovery[len(oauth.PathIssuer):]}
	if who != nil {
		p.Login, p.Name = who.Account.Login, who.Account.Name
	}
	return h.render(w, http.StatusOK, "landing.html", p)
}
