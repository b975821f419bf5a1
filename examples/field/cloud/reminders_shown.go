package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// Reminders as those see them who were reminded. The ERP's notifications are each person's
// own, so that no service reads them, and who is from outside has no token for them: what
// was told is kept here, too.

const (
	// shownBefore is how many days back one sees what one was told, and maxShown how much.
	shownBefore, maxShown = 7, 100
	// maxReadBody bounds the names of what was read, in bytes.
	maxReadBody = 64 << 10
)

// shown is a reminder as it is kept. It is told in the language of who reads it.
type shown struct {
	Visits int    `json:"visits"`
	Visit  *visit `json:"visit"`
}

// keepShown keeps what a person was told; once, however often it was tried.
func (s *store) keepShown(ctx context.Context, in executor, userID string, r *reminder, at time.Time) error {
	v := r.visit
	text, err := json.Marshal(shown{r.visits, &visit{ID: v.ID, Subject: v.Subject, StartTime: v.StartTime, Customer: v.Customer}})
	if err != nil {
		return err
	}
	_, err = in.ExecContext(ctx, `INSERT INTO reminders_shown (user_id, name, content, given_at, read_at) VALUES ($1, $2, $3, $4, 0) ON CONFLICT (user_id, name) DO NOTHING`,
		userID, r.name, string(text), sqldb.Micros(at))
	return err
}

// remindersOf is what an account was told since a time, the newest first.
func (s *store) remindersOf(ctx context.Context, userID string, since time.Time, language string, zone *time.Location) ([]wire.Reminder, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT name, content, given_at, read_at FROM reminders_shown WHERE user_id = $1 AND given_at >= $2
		ORDER BY given_at DESC, name LIMIT $3`, userID, sqldb.Micros(since), maxShown)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []wire.Reminder{}
	for rows.Next() {
		var name, content string
		var given, read int64
		var of shown
		if err := rows.Scan(&name, &content, &given, &read); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(content), &of); err != nil {
			return nil, err
		}
		r := reminder{visit: of.Visit, visits: of.Visits}
		one := wire.Reminder{ID: name, Text: r.text(language, zone), At: sqldb.Time(given).UTC(), Read: read > 0}
		if r.visits == 0 {
			one.Visit = r.visit.ID
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// noteRead notes that an account has read what it was told. What is nobody's of theirs, or
// was read before, stays as it is.
func (s *store) noteRead(ctx context.Context, userID string, names []string, at time.Time) error {
	return s.db.Write(ctx, func(tx *sqlTx) error {
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, `UPDATE reminders_shown SET read_at = $3 WHERE user_id = $1 AND name = $2 AND read_at = 0`, userID, name, sqldb.Micros(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Cloud) serveReminders(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	all, err := c.store.remindersOf(r.Context(), who.UserID, c.clock.Now().AddDate(0, 0, -shownBefore), languageOf(r), c.zone)
	if err != nil {
		return err
	}
	return writeTagged(w, r, all)
}

// serveRemindersRead takes which reminders were read. Once more changes nothing, so that a
// phone that got no answer says it again.
func (c *Cloud) serveRemindersRead(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	var read wire.RemindersRead
	if err := readJSON(w, r, maxReadBody, &read); err != nil {
		return err
	}
	if len(read.Reminders) > maxShown || slices.ContainsFunc(read.Reminders, func(name string) bool { return checkText(name, maxSubject, wire.NameTooLong, "", false) != nil }) {
		return invalid("reminders are at most %d ids of the list at reminders", maxShown)
	}
	if err := c.store.noteRead(r.Context(), who.UserID, read.Reminders, c.clock.Now()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
