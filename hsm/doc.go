// Package hsm keeps the instance's signing keys in a hardware security module, or in what
// stands for one, by PKCS#11 (OASIS, version 2.40 and later): keys are made there, sign
// there, and never leave it. It owns nothing of what is signed or when, which is
// identity/token's.
//
// PKCS#11 is a C interface. The package is whole only in programs that are built with
// -tags pkcs11 and cgo; in others a [Signer] says so.
package hsm

import (
	"errors"
	"time"
)

// Config says where the keys are. The zero value means nowhere.
type Config struct {
	// Module is the file of the PKCS#11 library, as its vendor names it.
	Module string
	// Token is the label of the token within it.
	Token string
	// PIN is that of the token's user.
	PIN string
}

// Set reports whether the configuration names a module.
func (c *Config) Set() bool { return c.Module != "" || c.Token != "" || c.PIN != "" }

// Validate says what is missing.
func (c *Config) Validate() error {
	if c.Set() && (c.Module == "" || c.Token == "" || c.PIN == "") {
		return errors.New("a PKCS#11 module needs three things: its file, the token's label, and the PIN")
	}
	return nil
}

// Limits of a [Signer].
const (
	// Timeout bounds one signature, and the wait for a turn before it.
	Timeout = 5 * time.Second
	// Patience bounds everything else that is asked of the module: making an RSA key takes
	// some of them many seconds.
	Patience = 60 * time.Second
	// MaxSessions is how many sessions there are with the module, and so how many
	// signatures at the same time.
	MaxSessions = 64
)

// ErrSlow is returned for what the module did not do in time.
var ErrSlow = errors.New("the hardware security module did not answer in time")
