package signin

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
)

var cheapParams = PasswordParams{Memory: 8, Time: 1, Threads: 1}

func TestPasswords(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), NewPasswords(cheapParams, 2)
	hash, err := p.Hash(ctx, nil, "caf\u00e9 au lait")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	if again, _ := p.Hash(ctx, nil, "caf\u00e9 au lait"); again == hash {
		t.Error("two hashes have one salt")
	}
	for typed, want := range map[string]bool{
		"caf\u00e9 au lait": true, "cafe\u0301 au lait": true, // two ways to type é
		"cafe au lait": false, "Caf\u00e9 au lait": false, "": false, "caf\u00e9 au lait ": false,
	} {
		if ok, renew, err := p.Verify(ctx, hash, typed); ok != want || renew || err != nil {
			t.Errorf("%q: %v, renew %v, %v", typed, ok, renew, err)
		}
	}
	if ok, _, err := p.Verify(ctx, "", ""); ok || err != nil {
		t.Errorf("no hash: %v, %v", ok, err)
	}
	dearer := NewPasswords(PasswordParams{Memory: 16, Time: 1, Threads: 1}, 1)
	if ok, renew, err := dearer.Verify(ctx, hash, "caf\u00e9 au lait"); !ok || !renew || err != nil {
		t.Errorf("a hash of other costs: %v, renew %v, %v", ok, renew, err)
	}
	if ok, renew, _ := dearer.Verify(ctx, hash, "wrong"); ok || renew {
		t.Error("a wrong password asks for renewal")
	}
}

func TestPasswordsThatAreRefused(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheapParams, 1)
	for _, password := range []string{"", "short", "seven77", "ééééééé", strings.Repeat("x", MaxPassword+1), "nul\x00nul\x00nul", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"} {
		if _, err := p.Hash(t.Context(), nil, password); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%.20q: %v", password, err)
		} else if len(password) > 3 && strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
	if _, err := p.Hash(t.Context(), nil, "éàéüéèéö"); err != nil {
		t.Errorf("eight characters: %v", err)
	}
}

// A damaged hash is an error, not a panic, not a yes, and not all the memory.
func TestDamagedHashes(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheapParams, 1)
	good, err := p.Hash(t.Context(), nil, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{
		"x", "$argon2id$", good[:len(good)-2], strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=4000000000", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "m=8", "m=", 1), good + "$", "$2a$10$abcdefghijklmnopqrstuv",
	} {
		if ok, _, err := p.Verify(t.Context(), hash, "correct horse"); ok || err == nil {
			t.Errorf("%s: %v, %v", hash, ok, err)
		}
	}
}

// Who waits for a turn leaves the queue when nobody waits for them any more.
func TestPasswordQueueCanBeLeft(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheapParams, 1)
	p.slots <- struct{}{} // somebody else's turn
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Verify(ctx, "", "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := p.Hash(ctx, nil, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: %v", err)
	}
}

func BenchmarkPasswordVerify(b *testing.B) {
	p := NewPasswords(PasswordParams{}, 1)
	hash, err := p.Hash(b.Context(), nil, "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, _, err := p.Verify(b.Context(), hash, "correct horse"); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
