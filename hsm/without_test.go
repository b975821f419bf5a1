//go:build !pkcs11

package hsm_test

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/hsm"
)

// TestWithoutPKCS11: a program without it says how to get one.
func TestWithoutPKCS11(t *testing.T) {
	s := hsm.New(hsm.Config{Module: "x.so", Token: "t", PIN: "p"})
	if _, _, err := s.Make(jose.ES256); err == nil || !strings.Contains(err.Error(), "-tags pkcs11") {
		t.Error(err)
	}
	t.Log("keys in a module are tested with -tags pkcs11 alone, which needs a C compiler and SoftHSM (Debian: softhsm2)")
}
