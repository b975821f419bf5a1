package federation

import (
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
)

// maxSecret bounds a client secret, in bytes.
const maxSecret = 1024

// place binds a sealed secret to its row, and to the issuer that it is for: whoever can
// write to the database cannot have it sent to another.
func place(p *Provider) string {
	return fmt.Sprintf("outside provider %s %q %q", p.ID, p.Issuer, p.ClientID)
}

func (a *Admin) seal(p *Provider, secret string) error {
	if len(secret) > maxSecret || tandem.HasControl(secret) {
		return invalid("client secret: it has more than %d bytes, or line ends in it", maxSecret)
	}
	p.Secret, p.SecretSetAt = nil, a.Clock.Now()
	if secret != "" {
		p.Secret = a.Box.Seal([]byte(secret), place(p))
	}
	return nil
}

// secret opens the client secret; empty for none.
func secret(box *seal.Box, p *Provider) (string, error) {
	if len(p.Secret) == 0 {
		return "", nil
	}
	text, err := box.Open(p.Secret, place(p))
	if err != nil {
		return "", fmt.Errorf("the client secret of the outside provider %s cannot be opened: it was sealed with another key, or its row was changed "+
			"by somebody else than the server; set it again with tandem provider update %[1]s --client-secret-file FILE: %w", p.ID, err)
	}
	return string(text), nil
}
