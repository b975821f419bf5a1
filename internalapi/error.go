package internalapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/patience"
)

// wireError is the body of every response that is not a success.
type wireError struct {
	Error struct {
		Code    tandem.Code `json:"code"`
		Message string      `json:"message"`
	} `json:"error"`
}

// codeChannelKey is of the wire alone: the channel key is missing or another one.
const codeChannelKey tandem.Code = "channel_key"

// RefuseChannel responds to a request without the worker's channel key.
func RefuseChannel(w http.ResponseWriter) {
	var body wireError
	body.Error.Code = codeChannelKey
	body.Error.Message = "this is not the worker's web app: the channel key is missing or wrong"
	WriteJSON(w, http.StatusUnauthorized, &body)
}

// WriteError responds with err: what a [tandem.Error] says, and nothing but
// "internal error" for all others, which the caller logs.
func WriteError(w http.ResponseWriter, err error) {
	var body wireError
	status := http.StatusInternalServerError
	body.Error.Code, body.Error.Message = tandem.CodeInternal, "internal error of the worker; its log says more"
	var e *tandem.Error
	if errors.As(err, &e) && e.Code.Status() != status {
		status = e.Code.Status()
		body.Error.Code, body.Error.Message = e.Code, e.Message
	}
	WriteJSON(w, status, &body)
}

// WriteJSON responds with v as JSON, never to be stored by a cache.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	patience.ComeAgain(h, status)
	w.WriteHeader(status)
	// A failure here means that the caller has gone.
	_, _ = w.Write(append(text, '\n'))
}
