// Package wire is what the field app's phone and its cloud say to each other: the JSON
// of the API below /field-api/.
package wire

import (
	"encoding/json"
	"time"
)

// Prefix is where the API is on its host. The Resource of its tokens ends with it.
const Prefix = "/field-api/"

// Scope is what a token has to have for the API.
const Scope = "visits"

// Schema is the present version of the commands; the one before it is taken, too.
const Schema = 1

// Limits of the API.
const (
	MaxCommand = 64 << 10 // bytes of a command
	MaxText    = 4000     // characters of a note
	MaxName    = 254      // characters of a receiver's name
)

// Me is who calls.
type Me struct {
	ID     string    `json:"id"`
	Login  string    `json:"login"`
	Name   string    `json:"name"`
	Person *Named    `json:"person"` // nil where no administrator has linked the account to a Person
	Schema int       `json:"schema"`
	Now    time.Time `json:"now"`
}

// Named is a row of the ERP and what people call it.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// The user statuses of a visit, by their names in English.
const (
	Scheduled = "Scheduled"
	Working   = "Working"
	Done      = "Done"
)

// Visit is a service activity of the ERP.
type Visit struct {
	ID string `json:"id"`
	// Version is the ObjectVersion: the base of a command that changes what was seen.
	Version int64  `json:"version"`
	Number  string `json:"number"`
	Subject string `json:"subject"`
	// Status is Scheduled, Working or Done; State the document's.
	Status string `json:"status"`
	State  string `json:"state"`
	// Day is the one on which it begins, or was begun, in the company's zone, 2006-01-02.
	Day            string     `json:"day"`
	Start          *time.Time `json:"start"`
	End            *time.Time `json:"end"`
	PlannedMinutes int64      `json:"planned_minutes"`
	Customer       Named      `json:"customer"`
	Object         *Object    `json:"object"`
	Address        string     `json:"address"`
	Phone          string     `json:"phone"`
	Notes          string     `json:"notes"`
	Receiver       string     `json:"receiver"`
	Services       []Service  `json:"services"`
	Materials      []Material `json:"materials"`
	Files          []File     `json:"files"`
	// History are the last three visits of the object; with one visit alone.
	History     []Past `json:"history"`
	Responsible Named  `json:"responsible"`
}

// Object is what is serviced.
type Object struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Serial string `json:"serial"`
}

// Service is a line of work.
type Service struct {
	ID       string `json:"id"`
	Service  Named  `json:"service"`
	Quantity string `json:"quantity"`
	Unit     string `json:"unit"`
	Notes    string `json:"notes"`
}

// Material is a line of what was used.
type Material struct {
	ID       string `json:"id"`
	Product  Named  `json:"product"`
	Quantity string `json:"quantity"`
	Unit     string `json:"unit"`
}

// File is a file of a visit. ExternalID is the id of the command that attached it.
type File struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	MediaType  string `json:"media_type"`
	Bytes      int64  `json:"bytes"`
	Purpose    string `json:"purpose"`
	ExternalID string `json:"external_id"`
	// External says that people from outside may see it; the phone does not ask.
	External bool `json:"-"`
}

// Past is an earlier visit.
type Past struct {
	ID      string `json:"id"`
	Number  string `json:"number"`
	Day     string `json:"day"`
	Subject string `json:"subject"`
	Notes   string `json:"notes"`
}

// Visits is a copy of visits, and when it was taken.
type Visits struct {
	AsOf   time.Time `json:"as_of"`
	Visits []Visit   `json:"visits"`
}

// Catalogue is what can be booked.
type Catalogue struct {
	AsOf     time.Time `json:"as_of"`
	Services []Item    `json:"services"`
	Products []Item    `json:"products"`
}

// Item is a service or a product, with the unit that it is counted in.
type Item struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Name string `json:"name"`
	Unit string `json:"unit"`
}

// Types of commands.
const (
	Start       = "visit.start"
	Note        = "note"
	ServiceAdd  = "service.add"
	MaterialAdd = "material.add"
	Sign        = "sign"
	Finish      = "finish"
	Reopen      = "reopen"
	FileAttach  = "file.attach"
)

// Command is something that a person did on a device.
type Command struct {
	// ID is a UUIDv7, and the Idempotency-Key.
	ID string `json:"id"`
	// Device is a UUID; Seq counts its commands, from 1 without a gap.
	Device string `json:"device"`
	Seq    int64  `json:"seq"`
	Schema int    `json:"schema"`
	Visit  string `json:"visit"`
	Type   string `json:"type"`
	// Base is the ObjectVersion of the visit that the person saw; 0 means none.
	Base int64 `json:"base"`
	// At is the device's time; Skew what the server's is ahead of it, in milliseconds.
	At   time.Time       `json:"at"`
	Skew int64           `json:"skew"`
	Body json.RawMessage `json:"body"`
}

// Bodies of commands.
type (
	// NoteBody replaces the notes of the visit.
	NoteBody struct {
		Text string `json:"text"`
	}
	// ServiceBody adds a line of work.
	ServiceBody struct {
		Service  string `json:"service"`
		Quantity string `json:"quantity"`
		Notes    string `json:"notes"`
	}
	// MaterialBody adds a line of material, from the store of the visit.
	MaterialBody struct {
		Product  string `json:"product"`
		Quantity string `json:"quantity"`
	}
	// SignBody says who received the work. Upload is the file.attach of the drawing.
	SignBody struct {
		Name   string `json:"name"`
		Upload string `json:"upload"`
	}
	// ReopenBody says why.
	ReopenBody struct {
		Reason string `json:"reason"`
	}
	// FileBody attaches an upload, whose key is the id of the command.
	FileBody struct {
		Upload  string `json:"upload"`
		Name    string `json:"name"`
		Purpose string `json:"purpose"`
		SHA256  string `json:"sha256"`
		Bytes   int64  `json:"bytes"`
	}
)

// States of a command in an answer.
const (
	// StateDone: it is booked. Final.
	StateDone = "done"
	// StateAccepted: it is kept here and not yet booked. Ask again.
	StateAccepted = "accepted"
)

// Words of refusals.
const (
	Conflict    = "conflict"     // 409, final: somebody else has changed the visit
	OutOfOrder  = "out_of_order" // 409: send the expected one first
	NotYours    = "not_yours"    // 409, final: the visit is somebody else's
	Held        = "held"         // 409, final: one before it of the visit was refused; decide about that, then send it again as a new one
	Refused     = "refused"      // 422, final: a rule
	KeyReused   = "key_reused"   // 422: the key was another command's
	Invalid     = "invalid"      // 400: mend the request
	NotFound    = "not_found"    // 404
	Forbidden   = "forbidden"    // 403
	TooLarge    = "too_large"    // 413
	TooMany     = "too_many"     // 429, with Retry-After
	Unavailable = "unavailable"  // 503, with Retry-After
	Internal    = "internal"     // 500
)

// Answer is an answer to a command: State with Command and, when done, Visit; or Error
// with what belongs to it.
type Answer struct {
	State   string `json:"state,omitempty"`
	Command string `json:"command,omitempty"`
	Visit   *Visit `json:"visit,omitempty"`

	Error string `json:"error,omitempty"`
	// Reason says why, with its Args, and Message the same in English. Answers that were kept
	// before there were reasons have none.
	Reason  Reason `json:"reason,omitempty"`
	Args    Args   `json:"args,omitempty"`
	Message string `json:"message,omitempty"`
	// Office is the visit as it is, and Yours the body of the command (conflict).
	Office *Visit          `json:"office,omitempty"`
	Yours  json.RawMessage `json:"yours,omitempty"`
	// Expected is the number that comes next (out_of_order).
	Expected int64 `json:"expected,omitempty"`
	// Behind is the refused command that comes first (held).
	Behind string `json:"behind,omitempty"`
	// Responsible is whose visit it is now (not_yours).
	Responsible *Named `json:"responsible,omitempty"`
}

// DeviceReport is what a device tells of itself.
type DeviceReport struct {
	Name         string `json:"name"`
	StorageUsed  int64  `json:"storage_used"`
	StorageQuota int64  `json:"storage_quota"`
	Waiting      int64  `json:"waiting"`
	// WishKey is the SHA-256, in hexadecimal digits, of a secret that the device has made; by
	// that it asks for its [Wish] when its person may not sign in any more.
	WishKey string `json:"wish_key,omitempty"`
}

// WishAsk asks without a token whether a device is to delete what it has (POST wish). Gone
// says that it has.
type WishAsk struct {
	User   string `json:"user"`
	Device string `json:"device"`
	Secret string `json:"secret"`
	Gone   bool   `json:"gone,omitempty"`
}

// Wish tells a device whether to delete what it has; no to whom nobody knows.
type Wish struct {
	Wipe bool `json:"wipe"`
}

// DeviceAnswer tells a device whether to delete what it has, and which number comes next.
type DeviceAnswer struct {
	Wipe    bool  `json:"wipe"`
	NextSeq int64 `json:"next_seq"`
}

// Device is one in the list.
type Device struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	User        Named      `json:"user"`
	LastSeen    time.Time  `json:"last_seen"`
	Waiting     int64      `json:"waiting"`
	StorageUsed int64      `json:"storage_used"`
	WipeAskedAt *time.Time `json:"wipe_asked_at"`
}

// Reminder is something that the caller was told. Visit is the one that it is of; empty for
// one of a whole day.
type Reminder struct {
	ID    string    `json:"id"`
	Text  string    `json:"text"`
	Visit string    `json:"visit"`
	At    time.Time `json:"at"`
	Read  bool      `json:"read"`
}

// RemindersRead says which reminders the caller has read, by their ids.
type RemindersRead struct {
	Reminders []string `json:"reminders"`
}

// ReportAsk asks for the report of a day, 2006-01-02; empty means today.
type ReportAsk struct {
	Day string `json:"day"`
}

// Report is one in the list; it is read at reports/DAY.pdf and reports/DAY.csv.
type Report struct {
	Day    string    `json:"day"`
	MadeAt time.Time `json:"made_at"`
	// RequestedBy is the login of who asked for it; empty where it was made by itself.
	RequestedBy string `json:"requested_by"`
	Visits      int    `json:"visits"`
	Done        int    `json:"done"`
	Refused     int    `json:"refused"`
}
