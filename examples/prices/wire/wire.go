// Package wire is what the two halves of the price agent say to each other: the
// pages for people ask, the agent answers, over the channel of package internalapi.
// With each request comes the fresh ID token of the person who asks. It is evidence
// of who that is, and no right to anything.
package wire

import (
	"encoding/json"
	"time"
)

// State is where a batch stands.
type State string

// The states of a batch. Those from Completed on are final, but for RolledBack, which
// a completed batch may come to, and Unusable and Failed, which may be checked again.
const (
	Received   State = "received"    // a file is there, and is to be checked
	Waiting    State = "waiting"     // for a person
	Approved   State = "approved"    // by a person, or by the limits
	Running    State = "running"     // prices are written
	Paused     State = "paused"      // by a person
	Written    State = "written"     // all is written, and is to be reconciled
	Completed  State = "completed"   // and it balances
	Failed     State = "failed"      // it does not balance, or could not be done
	Refused    State = "refused"     // by a person
	Cancelled  State = "cancelled"   // what was written stays
	Unusable   State = "unusable"    // the file cannot be read, or no mapping knows it
	RolledBack State = "rolled back" // all that it wrote was taken back
)

// Kinds of batch.
const (
	KindFile     = "file"
	KindRollback = "rollback"
)

// RowState is what became of a row.
type RowState string

// The states of a row.
const (
	RowNew       RowState = "new"       // read, not looked up yet
	RowChange    RowState = "change"    // will be written
	RowUnchanged RowState = "unchanged" // the price is what the file says
	RowRefused   RowState = "refused"
	RowStruck    RowState = "struck" // taken out by a person
	RowDone      RowState = "changed"
	RowKept      RowState = "kept"        // of a rollback: somebody has changed the price since
	RowBack      RowState = "rolled back" // written, and taken back since
)

// RowStates are all of them, in the order in which they are shown.
var RowStates = []RowState{RowNew, RowChange, RowDone, RowUnchanged, RowRefused, RowStruck, RowKept, RowBack}

// Figures count the rows of a batch.
type Figures struct {
	Rows  int64              `json:"rows"`
	Count map[RowState]int64 `json:"count"`
	// MeanPPM and LargestPPM are how much prices change, in millionths, by rows that
	// change; the largest is the one that is furthest from zero.
	MeanPPM    int64 `json:"mean_ppm"`
	LargestPPM int64 `json:"largest_ppm"`
	// Old and New are the sums of the prices of rows that change, exact.
	Old json.Number `json:"old"`
	New json.Number `json:"new"`
}

// Bar is a column of the histogram of changes: rows from so many per cent, up to the
// next one's.
type Bar struct {
	From string `json:"from"`
	Rows int64  `json:"rows"`
	// Outside says that the mapping's limit for one row is passed here.
	Outside bool `json:"outside"`
}

// Event is something that happened to a batch; By is empty for the agent.
type Event struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	What string    `json:"what"`
}

// Batch is a file on its way, or the taking back of one.
type Batch struct {
	ID     int64  `json:"id"`
	Kind   string `json:"kind"`
	Parent int64  `json:"parent,omitempty"`
	State  State  `json:"state"`
	Note   string `json:"note,omitempty"`
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Connector is where it came from, PlacedBy who put it there.
	Connector      string     `json:"connector"`
	PlacedBy       string     `json:"placed_by,omitempty"`
	Mapping        string     `json:"mapping"`
	MappingVersion int64      `json:"mapping_version"`
	Currency       string     `json:"currency"`
	ReceivedAt     time.Time  `json:"received_at"`
	CheckedAt      *time.Time `json:"checked_at,omitempty"`
	DecidedAt      *time.Time `json:"decided_at,omitempty"`
	FinishedAt     *time.Time `json:"finished_at,omitempty"`
	DecidedBy      string     `json:"decided_by,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	SystemUser     string     `json:"system_user,omitempty"`
	// Why are the reasons for which a person has to decide.
	Why     []string `json:"why,omitempty"`
	Control string   `json:"control,omitempty"`
	Figures Figures  `json:"figures"`
	// Progress and JobNote are those of the job at work.
	Progress int    `json:"progress"`
	JobNote  string `json:"job_note,omitempty"`
	// Approvers is the group that decides. MayDecide says that who asks may; else
	// WhyNot says why not. MayManage is for pausing, cancelling and rolling back.
	Approvers string `json:"approvers"`
	MayDecide bool   `json:"may_decide"`
	WhyNot    string `json:"why_not,omitempty"`
	MayManage bool   `json:"may_manage"`
	// Stuck says that a batch has failed in the middle, and may go on.
	Stuck     bool    `json:"stuck,omitempty"`
	Histogram []Bar   `json:"histogram,omitempty"`
	Events    []Event `json:"events,omitempty"`
}

// Row is a row of a batch. The name of the product is not in it: who looks reads it
// with their own token.
type Row struct {
	Line       int64       `json:"line"`
	PartNumber string      `json:"part_number"`
	State      RowState    `json:"state"`
	Reason     string      `json:"reason,omitempty"`
	ProductID  string      `json:"product_id,omitempty"`
	GroupID    string      `json:"group_id,omitempty"`
	Old        json.Number `json:"old,omitempty"`
	New        json.Number `json:"new,omitempty"`
	ChangePPM  int64       `json:"change_ppm"`
}

// Group is a product group with how many rows of the batch can be taken back.
type Group struct {
	ID   string `json:"id"`
	Rows int64  `json:"rows"`
}

// Page is a part of a list.
type Page[T any] struct {
	Rows []T  `json:"rows"`
	More bool `json:"more"`
}

// Strike takes rows out of a batch that waits, or puts them back.
type Strike struct {
	Lines []int64 `json:"lines"`
	Back  bool    `json:"back,omitempty"`
}

// Decision approves or refuses a batch that waits.
type Decision struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason"`
}

// Rollback asks for a batch that takes back what another one wrote: of one product
// group, or with an empty Group all of it.
type Rollback struct {
	Group  string `json:"group,omitempty"`
	Reason string `json:"reason"`
}

// Mapping is a version of a mapping.
type Mapping struct {
	Name    string    `json:"name"`
	Version int64     `json:"version"`
	Content string    `json:"content,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
	Files   []string  `json:"files,omitempty"`
	MayEdit bool      `json:"may_edit"`
	// Versions are all that there are, the newest first, without content.
	Versions []Mapping `json:"versions,omitempty"`
}

// Trial is a mapping to be tried on the beginning of a file. Nothing is kept.
type Trial struct {
	Content  string `json:"content"`
	FileName string `json:"file_name"`
	Sample   []byte `json:"sample"`
}

// Tried is what a mapping makes of a sample.
type Tried struct {
	Rows    []Row    `json:"rows"`
	More    bool     `json:"more"`
	Figures Figures  `json:"figures"`
	Why     []string `json:"why,omitempty"`
}

// Connector is where files come from: the folder, or an SFTP server.
type Connector struct {
	Name string `json:"name"`
	// Host, Port, User and Dir are the server's; HostKey is the one key that it may
	// have, as ssh-keyscan prints it: "ssh-ed25519 AAAA…".
	Host    string `json:"host,omitempty"`
	Port    int    `json:"port,omitempty"`
	User    string `json:"user,omitempty"`
	Dir     string `json:"dir,omitempty"`
	HostKey string `json:"host_key,omitempty"`
	// Password and PrivateKey are written and never told.
	Password   string `json:"password,omitempty"`
	PrivateKey string `json:"private_key,omitempty"`
	Paused     bool   `json:"paused,omitempty"`

	By        string     `json:"by,omitempty"`
	LookedAt  *time.Time `json:"looked_at,omitempty"`
	Problem   string     `json:"problem,omitempty"`
	HasSecret bool       `json:"has_secret,omitempty"`
	MayEdit   bool       `json:"may_edit,omitempty"`
}

// Limits of the channel.
const (
	// MaxFile is the largest file, in bytes.
	MaxFile = 200 << 20
	// MaxSample is the most bytes of a sample; MaxText of a reason, in characters.
	MaxSample = 256 << 10
	MaxText   = 500
	// MaxPage is the most rows of a page.
	MaxPage = 200
)
