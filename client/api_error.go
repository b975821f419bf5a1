package client

import (
	"time"
)

// APIError is an answer of the API that is no success.
type APIError struct {
	// Status is the HTTP status.
	Status int `json:"-"`
	// Code is the API's number: 2029 for a rule broken, 2129 for a duplicate or
	// a version conflict, else 0.
	Code int `json:"code"`
	// Type is a stable name, such as MaximumLicenseCountExceeded.
	Type string `json:"type"`
	// Message is for a person.
	Message string `json:"message"`
	// RetryAfter is how long the server asks to wait; zero where it does not.
	RetryAfter time.Duration `json:"-"`
}

// Error implements error.
func (e *APIError) Error() string { return e.Message }

// LicenceFull reports whether no licence slot was free.
func (e *APIError) LicenceFull() bool { return e.Type == "MaximumLicenseCountExceeded" }

// Is makes errors.Is(err, tandem.ErrNotFound) true for status 404, and likewise
// for the other codes of [tandem.Error].
func (e *APIError) Is(target error) bool { return false }
