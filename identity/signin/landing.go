package signin

import (
	"net/http"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// landing is the page at the issuer's own address, for people: most come from
// applications and never see it.
func (h *Handler) landing(w http.ResponseWriter, r *http.Request) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	p := page{Title: words.T("Identity server"), Discovery: h.Issuer + oauth.PathDiscovery[len(oauth.PathIssuer):]}
	if who != nil {
		p.Login, p.Name, p.own = who.Account.Login, who.Account.Name, who.Account.Locale
	}
	return h.render(w, r, http.StatusOK, "landing.html", p)
}
