package tus

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of Upload-Metadata: of all of it, in bytes, and of its pairs.
const (
	maxMetadata = 4 << 10
	maxPairs    = 20
	maxKey      = 128
)

// The names in Upload-Metadata that have a meaning here.
const (
	metaKey    = "key"
	metaSHA256 = "sha256"
)

func malformed(format string, args ...any) error {
	return Refuse(http.StatusBadRequest, "invalid", format, args...)
}

// parseMetadata reads Upload-Metadata: pairs with commas between them, each a name and,
// after a space, its value in Base64. A name alone has an empty value.
func parseMetadata(header string) (map[string]string, error) {
	if len(header) > maxMetadata {
		return nil, malformed("Upload-Metadata has more than %d bytes; send less.", maxMetadata)
	}
	all := map[string]string{}
	if header == "" {
		return all, nil
	}
	for pair := range strings.SplitSeq(header, ",") {
		name, encoded, _ := strings.Cut(strings.Trim(pair, " "), " ")
		value, err := base64.StdEncoding.Strict().DecodeString(encoded)
		switch _, twice := all[name]; {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, malformed("Upload-Metadata has a pair without a name in ASCII; write it as: name BASE64, name BASE64.")
		case err != nil || strings.ContainsAny(encoded, "\r\n"):
			return nil, malformed("The value of %s in Upload-Metadata is not Base64 (RFC 4648 section 4).", name)
		case twice:
			return nil, malformed("Upload-Metadata names %s twice.", name)
		case !utf8.Valid(value):
			return nil, malformed("The value of %s in Upload-Metadata is not UTF-8.", name)
		case len(all) == maxPairs:
			return nil, malformed("Upload-Metadata has more than %d pairs.", maxPairs)
		}
		all[name] = string(value)
	}
	return all, nil
}

// named reads key and SHA-256, which each upload must have.
func named(metadata map[string]string) (key, sum string, err error) {
	key, sum = metadata[metaKey], strings.ToLower(metadata[metaSHA256])
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "", malformed("Upload-Metadata must have %s: your own name for this file, always the same, of 1 to %d characters of ASCII without blanks.", metaKey, maxKey)
	}
	if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size {
		return "", "", malformed("Upload-Metadata must have %s: the SHA-256 of the whole file in hexadecimal, and that in Base64.", metaSHA256)
	}
	return key, sum, nil
}

// checksum is what Upload-Checksum asks for; its zero value for nothing.
type checksum struct {
	hash hash.Hash
	want []byte
}

// parseChecksum reads Upload-Checksum: an algorithm, and after a space the sum in Base64.
func parseChecksum(header string) (c checksum, err error) {
	if header == "" {
		return c, nil
	}
	algorithm, encoded, _ := strings.Cut(header, " ")
	switch algorithm {
	case "sha1": // each server has to have it; it tells faults of a line and no forgeries
		c.hash = sha1.New()
	case "sha256":
		c.hash = sha256.New()
	default:
		return c, malformed("Upload-Checksum: use one of %s.", Checksums)
	}
	c.want, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(c.want) != c.hash.Size() {
		return checksum{}, malformed("Upload-Checksum: write the algorithm, a blank, and the sum of this body in Base64.")
	}
	return c, nil
}

// count reads a header that must be a number of bytes.
func count(h http.Header, name string) (int64, error) {
	text := h.Get(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || text[0] == '+' {
		return 0, malformed("%s must be a number of bytes.", name)
	}
	return n, nil
}
