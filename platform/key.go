package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/seal"
)

// boxes are what the instance's key opens, a key of its own for each purpose.
type boxes struct {
	signing, refresh, signIn, forms, factors, mail *seal.Box
	// outside seals the client secrets of this server at outside providers.
	outside *seal.Box
	// nonces is what the nonces of DPoP are made with, userCodes hides the short codes of
	// devices, record signs the record.
	nonces, userCodes []byte
	record            *sealing.Key
}

func newBoxes(master []byte) (boxes, error) {
	var b boxes
	for purpose, box := range map[string]**seal.Box{
		"instance: signing keys": &b.signing, "instance: refresh tokens": &b.refresh, "instance: sign-in": &b.signIn, "instance: forms": &b.forms,
		"instance: second factors":    &b.factors,
		"instance: outside providers": &b.outside,
		"instance: mail":              &b.mail,
	} {
		made, err := seal.New(purpose, master)
		if err != nil {
			return boxes{}, err
		}
		*box = made
	}
	var err error
	if b.nonces, err = seal.Key("instance: nonces", master); err != nil {
		return boxes{}, err
	}
	if b.userCodes, err = seal.Key("instance: user codes", master); err != nil {
		return boxes{}, err
	}
	seed, err := seal.Key("instance: record", master)
	if err != nil {
		return boxes{}, err
	}
	b.record = sealing.NewKey(seed)
	return b, nil
}

// instanceKey reads the instance's key, and makes one for a database that has
// no signing keys yet.
func instanceKey(ctx context.Context, c *StoreConfig, keys token.KeyStore) ([]byte, error) {
	if c.Key != "" {
		return seal.ParseKey(c.Key, "the instance's key (TANDEM_KEY)")
	}
	_, err := os.Stat(c.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		stored, err := keys.Keys(ctx)
		if err != nil {
			return nil, err
		}
		if len(stored) > 0 {
			return nil, tandem.Errorf(tandem.CodeInvalid, "the key file %s is missing, but the database has keys sealed with it: "+
				"bring it back from a backup, or name it with --key-file", c.KeyFile)
		}
	}
	key, err := seal.LoadOrCreateKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return key, nil
}

// explainKey turns keys that do not open into an error for a person.
func explainKey(err error, c *StoreConfig) error {
	if !errors.Is(err, seal.ErrOpen) {
		return err
	}
	source := "key file " + c.KeyFile
	if c.Key != "" {
		source = "key in TANDEM_KEY"
	}
	return tandem.Errorf(tandem.CodeInvalid,
		"the %s is not the one that this database was made with: use that one (--key-file), or another database", source)
}
