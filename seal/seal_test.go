package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/seal"
)

func master(n byte) []byte { return bytes.Repeat([]byte{n}, seal.KeySize) }

func box(t testing.TB, purpose string, masters ...[]byte) *seal.Box {
	t.Helper()
	b, err := seal.New(purpose, masters...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const place = "sessions|token|row-1|version-7"

var secret = []byte("a refresh token")

func TestSealedTextsOpen(t *testing.T) {
	t.Parallel()
	b := box(t, "tokens", master(1))
	for _, text := range [][]byte{secret, {}, bytes.Repeat([]byte("long"), 100_000), {0, ':', 0xff}} {
		sealed := b.Seal(text, place)
		got, err := b.Open(sealed, place)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes became %d, %v", len(text), len(got), err)
		}
		if len(text) > 10 && bytes.Contains(sealed, text) {
			t.Error("the text can be read")
		}
	}
	if bytes.Equal(b.Seal(secret, place), b.Seal(secret, place)) {
		t.Error("the same text sealed twice looks the same")
	}
}

// F32: tampered, moved, put back, or opened with another key.
func TestF32_WhatWasChangedDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := box(t, "tokens", master(1))
	sealed := b.Seal(secret, place)
	refused := func(what string, b *seal.Box, sealed []byte, place string) {
		t.Helper()
		if text, err := b.Open(sealed, place); !errors.Is(err, seal.ErrOpen) || text != nil {
			t.Errorf("%s: %q, %v", what, text, err)
		}
	}
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d", bit, i), b, changed, place)
		}
	}
	for i := range sealed {
		refused(fmt.Sprintf("cut after %d bytes", i), b, sealed[:i], place)
		refused(fmt.Sprintf("begun after %d bytes", i+1), b, sealed[i+1:], place)
	}
	refused("one byte more", b, append(bytes.Clone(sealed), 0), place)
	refused("another row", b, sealed, "sessions|token|row-2|version-7")
	refused("another column", b, sealed, "sessions|id_token|row-1|version-7")
	refused("no place", b, sealed, "")
	refused("an old text of the row", b, b.Seal(secret, "sessions|token|row-1|version-6"), place)
	refused("another master key", box(t, "tokens", master(2)), sealed, place)
	refused("another purpose", box(t, "cookies", master(1)), sealed, place)
	other := box(t, "tokens", master(2)).Seal(secret, place)
	id, _, _ := bytes.Cut(sealed, []byte(":"))
	_, rest, _ := bytes.Cut(other, []byte(":"))
	refused("another key's text under this key's name", b, append(append(bytes.Clone(id), ':'), rest...), place)
	for _, text := range []string{"", ":", "::", string(id), string(id) + ":", "nobody:" + strings.Repeat("x", 60)} {
		refused(fmt.Sprintf("%q", text), b, []byte(text), place)
	}
}

func TestMasterKeysRotate(t *testing.T) {
	t.Parallel()
	before, after, done := box(t, "tokens", master(1)), box(t, "tokens", master(2), master(1)), box(t, "tokens", master(2))
	old, fresh := before.Seal(secret, place), after.Seal(secret, place)
	for name, open := range map[string]func() ([]byte, error){
		"old text, both keys":     func() ([]byte, error) { return after.Open(old, place) },
		"new text, new key alone": func() ([]byte, error) { return done.Open(fresh, place) },
	} {
		if got, err := open(); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := done.Open(old, place); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("old text, new key alone: %v", err)
	}
	if _, err := before.Open(fresh, place); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("new text, old key alone: %v", err)
	}
}

func TestKeysOfAnotherSizeAreRefused(t *testing.T) {
	t.Parallel()
	for _, masters := range [][][]byte{nil, {nil}, {master(1)[1:]}, {append(master(1), 1)}, {master(1), []byte("short")}} {
		if b, err := seal.New("tokens", masters...); err == nil || b != nil {
			t.Errorf("keys %v were taken", masters)
		}
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "instance.key")
	// Processes that start together agree on one key.
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = seal.LoadOrCreateKey(file); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != seal.KeySize || !bytes.Equal(k, keys[0]) {
			t.Error("two keys for one file")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBadKeyFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(master(7))
	for name, text := range map[string]string{"empty": "", "half": good[:20], "no base64": strings.Repeat("!", 44), "long": good + good} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := seal.LoadOrCreateKey(file)
		if err == nil || !strings.Contains(err.Error(), file) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != text {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
	dir := t.TempDir()
	for name, file := range map[string]string{"a folder": dir, "no folder": filepath.Join(dir, "missing", "key")} {
		if _, err := seal.LoadOrCreateKey(file); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOrCreateKey(link); err == nil {
		t.Error("a link to nowhere was taken")
	}
}

// A key that others can read, or change, is not used: whoever sees the refusal
// learns what to do.
func TestKeyFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there the mode says nothing")
	}
	good := base64.StdEncoding.EncodeToString(master(7))
	for mode, fine := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o700: true, 0o640: false, 0o604: false, 0o644: false, 0o666: false, 0o620: false, 0o602: false, 0o610: false, 0o601: false,
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		key, err := seal.LoadOrCreateKey(file)
		if (err == nil) != fine || fine != (key != nil) {
			t.Errorf("mode %o: %v", mode, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "chmod 600 "+file) || strings.Contains(err.Error(), good)) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := box(f, "tokens", master(1))
	sealed := b.Seal(secret, place)
	f.Add(sealed, place)
	f.Add(sealed, "elsewhere")
	f.Add(sealed[:9], place)
	f.Add([]byte(":"), "")
	f.Fuzz(func(t *testing.T, text []byte, at string) {
		// What opens is what was sealed, where it was sealed: nobody else has
		// the key. (The seeds are sealed anew in each process of the fuzzer.)
		got, err := b.Open(text, at)
		if err == nil && (at != place || !bytes.Equal(got, secret)) || err != nil && (got != nil || !errors.Is(err, seal.ErrOpen)) {
			t.Errorf("opened %q at %q: %q, %v", text, at, got, err)
		}
	})
}
