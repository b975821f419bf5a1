package internalapi

import "time"

// Status is what the worker knows about itself, for the page that shows both
// halves. It holds no token.
type Status struct {
	// Application is the ApplicationUri, SystemUser the login it acts as (as
	// the service token says; empty before the first token).
	Application string `json:"application"`
	SystemUser  string `json:"system_user,omitempty"`
	// Tokens is how many service tokens the worker holds: 0 or 1.
	Tokens         int        `json:"tokens"`
	TokenExpiresAt *time.Time `json:"token_expires_at,omitempty"`
	// Paused is empty while the worker can work, else one line that says why
	// not: "paused: the application is disabled", "paused: no free licence".
	Paused string `json:"paused,omitempty"`
	// JobsQueued and JobsRunning count jobs.
	JobsQueued  int `json:"jobs_queued"`
	JobsRunning int `json:"jobs_running"`
	// Session is the worker's API session as last seen; nil before the first
	// call.
	Session *ServiceSession `json:"session,omitempty"`
	// Licence is asked only while the worker's session is open anyway, so
	// that looking costs no slot; else it is nil.
	Licence *Licence `json:"licence,omitempty"`
	// Calls are the latest calls to the domain API, the newest first. They
	// are shown to internal users only.
	Calls []Call `json:"calls,omitempty"`
}

// ServiceSession is the worker's API session.
type ServiceSession struct {
	// Open says whether the session should still live, by the times of its
	// first and latest call.
	Open          bool      `json:"open"`
	ID            string    `json:"id,omitempty"`
	Slot          int       `json:"slot,omitempty"`
	OpenedAt      time.Time `json:"opened_at"`
	LastRequestAt time.Time `json:"last_request_at"`
	Requests      int64     `json:"requests"`
}

// Licence is the use of licence slots, as the API told it.
type Licence struct {
	Slots int `json:"slots"`
	Used  int `json:"used"`
	// Services is how many of the slots back ends hold.
	Services int `json:"services"`
}

// Call is one call that the worker made to the domain API with its service
// token.
type Call struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Path is the path of the URL, without its query.
	Path   string `json:"path"`
	Status int    `json:"status"`
	// Millis is how long the call took, in milliseconds.
	Millis int64 `json:"millis"`
	// Identity is whom the service token stands for.
	Identity string `json:"identity"`
	// OnBehalfOf is the login of the person who asked; empty for the worker's
	// own work.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}
