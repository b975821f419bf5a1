package tus

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
)

// FuzzMetadata: what is read can be written again and is the same, and nothing else is
// within its bounds.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{"", "key YQ==", "key YQ==,sha256 YWI=, filename", "a,a", ",", " ,", "k \x00", "k YQ", "k Y Q==", "ключ YQ==", strings.Repeat("a,", 3000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		all, err := parseMetadata(header)
		if err != nil {
			return
		}
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if name == "" || strings.ContainsAny(name, " ,\r\n\x00") {
				t.Errorf("%q has the name %q", header, name)
			}
			pairs = append(pairs, name+" "+base64.StdEncoding.EncodeToString([]byte(all[name])))
		}
		again, err := parseMetadata(strings.Join(pairs, ","))
		if err != nil || !maps.Equal(all, again) || len(all) > maxPairs {
			t.Errorf("%q: %q and %q, %v", header, all, again, err)
		}
		if key, sum, err := named(all); err == nil && (len(key) > maxKey || len(sum) != 64 || strings.ContainsAny(key, " \r\n")) {
			t.Errorf("%q names %q %q", header, key, sum)
		}
	})
}

// FuzzChecksum: it is an algorithm with a sum of its size, nothing, or refused.
func FuzzChecksum(f *testing.F) {
	for _, seed := range []string{"", "sha1 ", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "SHA1 x", "md5 AAAA", "sha256  AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseChecksum(header)
		switch {
		case err != nil || header == "":
			if c.hash != nil {
				t.Errorf("%q: both", header)
			}
		case c.hash == nil || len(c.want) != c.hash.Size():
			t.Errorf("%q: %d bytes", header, len(c.want))
		}
	})
}
