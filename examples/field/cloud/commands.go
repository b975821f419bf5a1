package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// Commands: each is kept in the order of its device before anything is done, and answered
// when it is booked, or that it is kept. The same key and body get the first answer again.

const (
	// keepCommands is how long answers are kept.
	keepCommands = 30 * 24 * time.Hour
	// bookIn bounds the booking of commands whose sender waits; then they are told that
	// they are kept.
	bookIn = 20 * time.Second
)

func (c *Cloud) commandsPart() part {
	return part{
		routes: func(on routes) {
			on.handle("POST", "commands", c.serveCommand)
			on.handle("GET", "commands/{id}", c.serveCommandState)
		},
		run:   c.keepBooking,
		clean: c.cleanCommands,
	}
}

func (c *Cloud) serveCommand(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxCommand))
	if err != nil {
		return err
	}
	sent, err := parseCommand(text, r.Header.Get("Idempotency-Key"))
	if err != nil {
		return err
	}
	k, err := c.newCommand(sent, who, languageOf(r))
	if err != nil {
		return err
	}
	known, err := c.accept(r.Context(), k, who)
	if err != nil {
		return err
	}
	if known != nil {
		if known.sum != k.sum {
			return problem(http.StatusUnprocessableEntity, wire.KeyReused, wire.KeyTaken, wire.Args{"key": k.id})
		}
		return c.answer(w, r, known)
	}
	if k.state == stateAccepted && k.heldBy != "" {
		c.bookNow(r.Context(), k)
	}
	if k.state != stateAccepted { // what was kept is what is answered
		return c.answer(w, r, k)
	}
	if known, err = c.store.command(r.Context(), k.userID, k.id); err != nil || known == nil {
		return away(time.Second, wire.CommandKept)
	}
	return c.answer(w, r, known)
}

// accept keeps a command of who may still act. What was accepted before is known to who sent
// it, whatever became of them since.
func (c *Cloud) accept(ctx context.Context, k *command, who *client.Caller) (known *command, err error) {
	if ended := c.server.AliveCaller(ctx, who); ended != nil {
		if known, err = c.store.command(ctx, k.userID, k.id); known == nil && err == nil {
			err = ended
		}
		return known, err
	}
	return c.store.accept(ctx, k)
}

// newCommand is what is kept of a command.
func (c *Cloud) newCommand(sent *wire.Command, who *client.Caller, language string) (*command, error) {
	if !who.Behalf().Whole() {
		return nil, errNobody
	}
	evidence, err := json.Marshal(who.Behalf())
	if err != nil {
		return nil, err
	}
	compared := *sent
	compared.Seq = 0 // a device that was set up anew counts anew
	text, err := json.Marshal(compared)
	if err != nil {
		return nil, err
	}
	now := c.clock.Now()
	sum := sha256.Sum256(text)
	k := &command{
		userID: who.UserID, id: sent.ID, device: sent.Device, seq: sent.Seq, visit: sent.Visit, kind: sent.Type, login: who.Subject, base: sent.Base,
		doneAt: doneAt(sent, now), sum: hex.EncodeToString(sum[:]), body: string(sent.Body), evidence: string(evidence), language: language, state: stateAccepted,
		receivedAt: now, dueAt: now,
	}
	if !c.paused() {
		k.heldBy, k.dueAt = c.replica(), now.Add(c.config.bookIn)
		k.triedFrom, k.triedUntil = now, k.dueAt // it is tried at once, and a kill would be noted by nobody
	}
	var no *refusal
	if _, err := checkBody(k.kind, sent.Body); errors.As(err, &no) { // whatever becomes of those before it
		return k, k.end(no, now)
	}
	return k, nil
}

// answer answers with what became of a command. A device that hears of a refusal knows what
// it sends after it.
func (c *Cloud) answer(w http.ResponseWriter, r *http.Request, k *command) error {
	if k.state == stateAccepted {
		w.Header().Set("Retry-After", "2")
		writeJSON(w, http.StatusAccepted, wire.Answer{State: wire.StateAccepted, Command: k.id, Message: k.note})
		return nil
	}
	if k.refused() {
		if err := c.store.told(r.Context(), c.config.DB.Writer(), k, k.id); err != nil {
			return err
		}
	}
	var s stored
	if err := json.Unmarshal([]byte(k.answer), &s); err != nil {
		return err
	}
	writeText(w, s.Status, s.Answer)
	return nil
}

func (c *Cloud) serveCommandState(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	k, err := c.store.command(r.Context(), who.UserID, r.PathValue("id"))
	if err != nil {
		return err
	}
	if k == nil {
		return problem(http.StatusNotFound, wire.NotFound, wire.NoCommand, nil)
	}
	return c.answer(w, r, k)
}

func (c *Cloud) cleanCommands(ctx context.Context) error {
	old := sqldb.Micros(c.clock.Now().Add(-keepCommands))
	if _, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM chains WHERE changed_at < $1`, old); err != nil {
		return err
	}
	if _, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM commands WHERE state <> 'accepted' AND final_at < $1`, old); err != nil {
		return err
	}
	_, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM untold WHERE NOT EXISTS (SELECT 1 FROM commands AS k WHERE k.user_id = untold.user_id AND k.id = untold.command)`)
	return err
}
