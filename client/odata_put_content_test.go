package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem/client"
)

// Content is sent as it is, with its sum, and again when its token was refused.
func TestODataPutContent(t *testing.T) {
	const content = "\xff\xd8\xff a picture"
	const file = "Systems_Core_ObjectFiles(0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10)"
	sum := sha256.Sum256([]byte(content))
	var calls atomic.Int64
	_, o := odata(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != content || r.ContentLength != int64(len(content)) || r.Method != "PUT" || !strings.HasSuffix(r.URL.Path, file+"/EmbeddedFileContents/$value") ||
			r.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" || r.Header.Get("Content-Type") != "" {
			t.Errorf("%s %s %q %v", r.Method, r.URL.Path, b, r.Header)
		}
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusUnauthorized)
		case 2:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusUnsupportedMediaType)
		}
	})
	put := func(id string, size int64) error {
		return o.PutContent(context.Background(), id, "EmbeddedFileContents", strings.NewReader(content), size)
	}
	if err := put(file, int64(len(content))); err != nil || calls.Load() != 2 {
		t.Errorf("%d calls: %v", calls.Load(), err)
	}
	var api *client.APIError
	if err := put(file, int64(len(content))); !errors.As(err, &api) || api.Status != http.StatusUnsupportedMediaType {
		t.Errorf("%v", err)
	}
	if put(file, int64(len(content))+1) == nil || put("../x", 1) == nil || calls.Load() != 3 {
		t.Error("what cannot be is sent")
	}
}
