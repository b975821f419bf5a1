package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// newBare is the yardstick: the form parsed, the secret compared, the same
// claims signed once with ES256, the same answer. It keeps nothing, looks
// nothing up and checks nothing else.
func newBare(secret string) (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	header := base64.RawURLEncoding.EncodeToString(
		[]byte(`{"alg":"ES256","typ":"at+jwt","kid":"sCDZ4kV9XJ3JZf0r5mY2N8m1z6xJZ0mJm4Wb8b5o3uE"}`))
	want := sha256.Sum256([]byte(secret))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /id/connect/token", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "invalid_request", http.StatusBadRequest)
			return
		}
		got := sha256.Sum256([]byte(r.PostForm.Get("client_secret")))
		if r.PostForm.Get("grant_type") != "client_credentials" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "invalid_client", http.StatusUnauthorized)
			return
		}
		token, err := signBare(key, header, r.PostForm.Get("client_id"))
		if err != nil {
			http.Error(w, "server_error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(bareAnswer{token, "Bearer", 3600, "read update"})
	})
	return mux, nil
}

type bareAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
}

// bareClaims are those of a service token of the instance.
type bareClaims struct {
	Issuer         string   `json:"iss"`
	Audience       []string `json:"aud"`
	IssuedAt       int64    `json:"iat"`
	NotBefore      int64    `json:"nbf"`
	ExpiresAt      int64    `json:"exp"`
	ID             string   `json:"jti"`
	Kind           string   `json:"token_kind"`
	ClientID       string   `json:"client_id"`
	Scope          []string `json:"scope"`
	SystemUser     string   `json:"client_system_user"`
	SystemUserType string   `json:"client_system_user_type"`
	SystemUserID   string   `json:"client_system_user_id"`
	Database       string   `json:"client_db"`
}

func signBare(key *ecdsa.PrivateKey, header, client string) (string, error) {
	now := tandem.SystemTime().Unix()
	claims, err := json.Marshal(bareClaims{
		"http://127.0.0.1:40000/id", []string{"DomainAPI", "http://127.0.0.1:40000/id/resources"}, now, now, now + 3600,
		uuid.NewString(), "service", client, []string{"read", "update"}, "svc.bench", "SystemUserNoLogin",
		"1c9d7b52-2f8a-4a6b-9a0c-8e7f6a5b4c3d", "0b6f3a3e-58a5-4b2f-8f5d-0d2f4c8b7a11",
	})
	if err != nil {
		return "", err
	}
	text := header + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
