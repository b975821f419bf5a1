package cloud

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// States of a command in the store. All but accepted are final.
const (
	stateAccepted = wire.StateAccepted
	stateDone     = wire.StateDone
	stateHeld     = wire.Held
)

// command is a row of commands.
type command struct {
	userID, id, device string
	seq                int64
	visit, kind, login string
	base               int64
	doneAt             time.Time // by the device's clock, put right
	sum, body          string
	evidence           string
	language           string // of its sender, in which it is answered
	state, answer      string
	note               string
	tries              int64
	dueAt              time.Time
	// heldBy is the replica that has it in hand until dueAt.
	heldBy string
	// triedFrom and triedUntil are when its changes were sent, of which no answer is known.
	triedFrom, triedUntil time.Time
	// alone says that no other one of its visit waited when it came; it is not kept.
	alone      bool
	receivedAt time.Time
	finalAt    time.Time
}

var commands = sqldb.NewTable("commands", func(k *command, column sqldb.Column) {
	column("user_id", &k.userID)
	column("id", &k.id)
	column("device", &k.device)
	column("seq", &k.seq)
	column("visit", &k.visit)
	column("type", &k.kind)
	column("login", &k.login)
	column("base", &k.base)
	column("done_at", sqldb.TimeField(&k.doneAt))
	column("sha256", &k.sum)
	column("body", &k.body)
	column("evidence", &k.evidence)
	column("language", &k.language)
	column("state", &k.state)
	column("answer", &k.answer)
	column("note", &k.note)
	column("tries", &k.tries)
	column("due_at", sqldb.TimeField(&k.dueAt))
	column("received_at", sqldb.TimeField(&k.receivedAt))
	column("final_at", sqldb.TimeField(&k.finalAt))
	column("held_by", &k.heldBy)
	column("tried_from", sqldb.TimeField(&k.triedFrom))
	column("tried_until", sqldb.TimeField(&k.triedUntil))
})

// behalf is for whom the command is booked.
func (k *command) behalf() (b client.Behalf, err error) {
	err = json.Unmarshal([]byte(k.evidence), &b)
	return b, err
}

// stored is a final answer as it is kept.
type stored struct {
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer"`
}

// end gives the command its final answer.
func (k *command) end(r *refusal, at time.Time) error {
	answer, err := json.Marshal(r.answer)
	if err != nil {
		return err
	}
	text, err := json.Marshal(stored{r.status, answer})
	k.state, k.answer, k.finalAt = cmp.Or(r.answer.Error, stateDone), string(text), at
	return err
}

// refused reports whether the command has a final no of its own.
func (k *command) refused() bool {
	return k.state != stateAccepted && k.state != stateDone && k.state != stateHeld
}

// invalid is a no to a request that is malformed, with what is wrong for who writes the app.
func invalid(message string, args ...any) *refusal {
	return told(problem(400, wire.Invalid, wire.Malformed, nil), fmt.Sprintf(message, args...))
}

// refused is a final no.
func refused(why wire.Reason, args wire.Args) *refusal {
	return problem(422, wire.Refused, why, args)
}

// Limits of commands.
const (
	// maxAge is how long after it was done a command is taken: phones delete what they
	// have after that time.
	maxAge = 14 * 24 * time.Hour
	// maxAhead is how far a device's time may be ahead, its skew taken off.
	maxAhead = 10 * time.Minute
	// maxHours and maxPieces are the most of one line.
	maxHours  = 24
	maxPieces = 1000
)

// parseCommand reads a command; key is the Idempotency-Key. What is malformed is refused
// at once and is no command: it takes no number.
func parseCommand(text []byte, key string) (*wire.Command, error) {
	c := &wire.Command{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, invalid("the body is no command: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("the body is more than one command")
	}
	id, err := uuid.Parse(c.ID)
	switch {
	case err != nil || id.Version() != 7 || c.ID != id.String():
		return nil, invalid("id must be a UUIDv7 in lower case")
	case key != c.ID:
		return nil, invalid("send the header Idempotency-Key with the id of the command")
	case !isGUID(c.Device):
		return nil, invalid("device must be a UUID")
	case c.Seq < 1 || c.Seq > 1<<53:
		return nil, invalid("seq counts the commands of the device, from 1")
	case c.Schema != wire.Schema && c.Schema != wire.Schema-1 || c.Schema < 1:
		return nil, problem(400, wire.Invalid, wire.SchemaUnknown, wire.Args{"schema": c.Schema, "taken": wire.Schema})
	case !isGUID(c.Visit):
		return nil, invalid("visit must be the id of a visit")
	case c.Base < 0:
		return nil, invalid("base must be the version of the visit that was seen, or 0")
	case c.At.IsZero() || c.At.Year() < 2000 || c.At.Year() > 9000:
		return nil, invalid("at must be the device's time")
	case c.Skew > 1<<40 || c.Skew < -1<<40:
		return nil, invalid("skew is milliseconds between the server's time and the device's")
	}
	if _, known := bodies[c.Type]; !known {
		return nil, invalid("the type %q is none: use visit.start, note, service.add, material.add, sign, finish, reopen or file.attach", clip(c.Type))
	}
	if len(c.Body) == 0 {
		c.Body = json.RawMessage("{}")
	}
	if _, err := parseBody(c.Type, c.Body); err != nil {
		return nil, invalid("the body of %s is not what belongs there: %v", c.Type, err)
	}
	return c, nil
}

// isGUID reports whether a text is a UUID in its usual form, in lower case.
func isGUID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && len(s) == 36 && s == id.String()
}

// bodies are the bodies of the types.
var bodies = map[string]func() any{
	wire.Start: func() any { return &struct{}{} }, wire.Note: func() any { return &wire.NoteBody{} },
	wire.ServiceAdd: func() any { return &wire.ServiceBody{} }, wire.MaterialAdd: func() any { return &wire.MaterialBody{} },
	wire.Sign: func() any { return &wire.SignBody{} }, wire.Finish: func() any { return &struct{}{} },
	wire.Reopen: func() any { return &wire.ReopenBody{} }, wire.FileAttach: func() any { return &wire.FileBody{} },
}

func parseBody(kind string, text []byte) (any, error) {
	body := bodies[kind]()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return body, d.Decode(body)
}

// checkBody refuses what no visit takes.
func checkBody(kind string, text []byte) (any, error) {
	body, err := parseBody(kind, text)
	if err != nil {
		return nil, invalid("the body of %s cannot be read", kind)
	}
	switch b := body.(type) {
	case *wire.NoteBody:
		return body, checkText(b.Text, wire.MaxText, wire.NoteTooLong, "", true)
	case *wire.SignBody:
		b.Name = strings.TrimSpace(b.Name)
		return body, checkText(b.Name, wire.MaxName, wire.NameTooLong, wire.NameMissing, false)
	case *wire.ReopenBody:
		return body, checkText(b.Reason, wire.MaxName, wire.ReasonTooLong, wire.ReasonMissing, false)
	case *wire.ServiceBody:
		if !isGUID(b.Service) {
			return nil, refused(wire.ServiceUnknown, nil)
		}
		if err := checkText(b.Notes, wire.MaxName, wire.LineNotesTooLong, "", false); err != nil {
			return nil, err
		}
		return body, checkQuantity(b.Quantity, 2, maxHours)
	case *wire.MaterialBody:
		if !isGUID(b.Product) {
			return nil, refused(wire.ProductUnknown, nil)
		}
		return body, checkQuantity(b.Quantity, 3, maxPieces)
	}
	return body, nil
}

// checkText refuses a text that is too long, or empty where it is missing then.
func checkText(text string, most int, long, missing wire.Reason, lines bool) error {
	strange := func(r rune) bool { return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t' || r == '\r')) }
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, strange):
		return refused(wire.TextCharacters, nil)
	case utf8.RuneCountInString(text) > most:
		return refused(long, wire.Args{"most": most})
	case text == "" && missing != "":
		return refused(missing, nil)
	}
	return nil
}

var decimal = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)

// checkQuantity refuses what nobody has done or used at one visit.
func checkQuantity(text string, places int, most int64) error {
	n, ok := new(big.Rat).SetString(text)
	if !ok || !decimal.MatchString(text) {
		return refused(wire.QuantityNoNumber, wire.Args{"quantity": clip(text)})
	}
	if _, fraction, _ := strings.Cut(text, "."); len(strings.TrimRight(fraction, "0")) > places {
		return refused(wire.QuantityDecimals, wire.Args{"quantity": text, "most": places})
	}
	if n.Sign() <= 0 || n.Cmp(new(big.Rat).SetInt64(most)) > 0 {
		return refused(wire.QuantityOutOfRange, wire.Args{"most": most})
	}
	return nil
}

// doneAt is when the person did it: the device's time, put right by what its clock was
// off. It is never ahead of now, so that no visit ends tomorrow.
func doneAt(c *wire.Command, now time.Time) time.Time {
	at := c.At.Add(time.Duration(c.Skew) * time.Millisecond).UTC().Truncate(time.Second)
	if at.After(now) && at.Sub(now) <= maxAhead {
		at = now.UTC().Truncate(time.Second)
	}
	return at
}
