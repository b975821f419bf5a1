package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// Devices: what they tell of themselves, and the wish that one deletes what it has.

const (
	// keepDevices is how long a device stays in the list that is not seen any more.
	keepDevices = 90 * 24 * time.Hour
	// keepGone is how long one is remembered that has deleted what it had: a phone is a new
	// device after each sign-out, and never comes again as the one that it was.
	keepGone = 7 * 24 * time.Hour
	// maxDevices is how many one person may have, and maxKnown with those that are gone.
	maxDevices, maxKnown = 50, 2000
	// maxDeviceList is the most that administrators see.
	maxDeviceList = 2000
	// wishesAtOnce bounds what is asked of the database without a token, wishWaits for how long
	// one that is too many waits for its turn, and wishBodyIn how long a body may take to come.
	wishesAtOnce, wishWaits, wishBodyIn = 4, time.Second, 2 * time.Second
)

func (c *Cloud) devicesPart() part {
	return part{
		routes: func(on routes) {
			on.handle("GET", "devices", c.serveDevices)
			on.handle("PUT", "devices/{device}", c.serveDeviceReport)
			on.handle("POST", "devices/{device}/wipe", c.serveWipe)
			on.handle("DELETE", "devices/{device}", c.serveWiped)
		},
		open:  func(on routes) { on.handle("POST", "wish", c.serveWish) },
		clean: c.cleanDevices,
	}
}

func deviceOf(r *http.Request) (string, error) {
	id := r.PathValue("device")
	if !isGUID(id) {
		return "", invalid("a device has a UUID in lower case")
	}
	return id, nil
}

// serveDeviceReport takes what a device tells of itself.
func (c *Cloud) serveDeviceReport(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	id, err := deviceOf(r)
	if err != nil {
		return err
	}
	var d wire.DeviceReport
	if err := readJSON(w, r, 8<<10, &d); err != nil {
		return err
	}
	if d.WishKey != "" && !isSum(d.WishKey) {
		return invalid("wish_key must be a SHA-256 in hexadecimal digits")
	}
	if d.StorageUsed < 0 || d.StorageQuota < 0 || d.Waiting < 0 || checkText(d.Name, 120, wire.NameTooLong, "", false) != nil {
		return invalid("name has at most 120 characters, and the numbers are not negative")
	}
	var out wire.DeviceAnswer
	err = c.config.DB.Write(r.Context(), func(tx *sqlTx) error {
		if err := c.store.seen(r.Context(), tx, who.UserID, id, who.Subject, c.clock.Now()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(r.Context(), `UPDATE devices SET name = $3, storage_used = $4, storage_quota = $5, waiting = $6, user_name = $7, wish_key = COALESCE(NULLIF($8, ''), wish_key)
			WHERE user_id = $1 AND device = $2`, who.UserID, id, d.Name, d.StorageUsed, d.StorageQuota, d.Waiting, who.Name, d.WishKey); err != nil {
			return err
		}
		var last, asked int64
		err := tx.QueryRowContext(r.Context(), `SELECT last_seq, wipe_asked_at FROM devices WHERE user_id = $1 AND device = $2`, who.UserID, id).Scan(&last, &asked)
		out = wire.DeviceAnswer{Wipe: asked > 0, NextSeq: last + 1}
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// serveDevices lists the caller's devices, for the office those of all.
func (c *Cloud) serveDevices(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	office, err := c.inOffice(r.Context(), who)
	if err != nil {
		return err
	}
	list, err := c.store.devices(r.Context(), who.UserID, office)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func (s *store) devices(ctx context.Context, userID string, all bool) ([]wire.Device, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT device, name, user_id, login, user_name, last_seen, waiting, storage_used, wipe_asked_at FROM devices
		WHERE (user_id = $1 OR $2) AND NOT gone ORDER BY last_seen DESC, device LIMIT $3`, userID, all, maxDeviceList)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []wire.Device{}
	for rows.Next() {
		var d wire.Device
		var login string
		var seen, asked int64
		if err := rows.Scan(&d.ID, &d.Name, &d.User.ID, &login, &d.User.Name, &seen, &d.Waiting, &d.StorageUsed, &asked); err != nil {
			return nil, err
		}
		if d.User.Name == "" {
			d.User.Name = login
		}
		d.LastSeen = sqldb.Time(seen).UTC()
		if asked > 0 {
			at := sqldb.Time(asked).UTC()
			d.WipeAskedAt = &at
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// serveWipe asks a device to delete what it has: one's own, or for the office anybody's.
func (c *Cloud) serveWipe(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	id, err := deviceOf(r)
	if err != nil {
		return err
	}
	office, err := c.inOffice(r.Context(), who)
	if err != nil {
		return err
	}
	changed, err := sqldb.Changed(c.config.DB.Writer().ExecContext(r.Context(), `UPDATE devices SET wipe_asked_at = $3, wipe_asked_by = $4
		WHERE device = $1 AND (user_id = $2 OR $5)`, id, who.UserID, sqldb.Micros(c.clock.Now()), who.Subject, office))
	if err != nil {
		return err
	}
	if !changed {
		return problem(http.StatusNotFound, wire.NotFound, wire.NoDevice, nil)
	}
	c.log.InfoContext(r.Context(), "a device is asked to delete what it has", "device", id, "by", who.Subject)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// isSum reports whether a text is 32 bytes in hexadecimal digits.
func isSum(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size && text == strings.ToLower(text)
}

// serveWish tells a device whether it is to delete what it has, by its secret alone: the phone
// that was stolen is often that of somebody who may not sign in any more. Who is not known
// hears the same as who is not asked to.
func (c *Cloud) serveWish(w http.ResponseWriter, r *http.Request, _ *client.Caller) error {
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(tandem.SystemTime().Add(wishBodyIn)) // a server without deadlines has none to move
	var ask wire.WishAsk
	if err := readJSON(w, r, 1<<10, &ask); err != nil {
		return err
	}
	_ = control.SetReadDeadline(time.Time{}) // or it would end the request later on
	if !isGUID(ask.Device) || !isSum(ask.Secret) {
		return invalid("device must be a UUID in lower case, and secret 32 bytes in hexadecimal digits")
	}
	// Only now does it take a place: who sends nothing, or nonsense, keeps nobody out.
	wait, enough := context.WithTimeout(r.Context(), wishWaits)
	defer enough()
	select {
	case c.wishes <- struct{}{}:
		defer func() { <-c.wishes }()
	case <-wait.Done():
		busy := problem(http.StatusTooManyRequests, wire.TooMany, wire.WishesFull, nil)
		busy.retryAfter = wishWaits
		return busy
	}
	sum := sha256.Sum256([]byte(ask.Secret))
	key := hex.EncodeToString(sum[:])
	if ask.Gone {
		if _, err := c.store.gone(r.Context(), ask.User, ask.Device, key); err != nil {
			return err
		}
	}
	var wished int
	err := c.config.DB.Reader().QueryRowContext(r.Context(), `SELECT COUNT(*) FROM devices WHERE user_id = $1 AND device = $2 AND wish_key = $3 AND wipe_asked_at > 0`,
		ask.User, ask.Device, key).Scan(&wished)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, wire.Wish{Wipe: wished > 0})
	return nil
}

// gone takes a device off the list that has deleted what it had; an empty key is of one that
// its person speaks for. Its number goes on where it was if it comes again.
func (s *store) gone(ctx context.Context, userID, device, key string) (known bool, err error) {
	return sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE devices SET name = '', waiting = 0, storage_used = 0, storage_quota = 0,
		wipe_asked_at = 0, wipe_asked_by = '', gone = TRUE WHERE user_id = $1 AND device = $2 AND ($3 = '' OR wish_key = $3)`, userID, device, key))
}

// serveWiped takes a device off the list that has deleted what it had.
func (c *Cloud) serveWiped(w http.ResponseWriter, r *http.Request, who *client.Caller) error {
	id, err := deviceOf(r)
	if err != nil {
		return err
	}
	changed, err := c.store.gone(r.Context(), who.UserID, id, "")
	if err != nil {
		return err
	}
	if !changed {
		return problem(http.StatusNotFound, wire.NotFound, wire.NoDevice, nil)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Cloud) cleanDevices(ctx context.Context) error {
	now := c.clock.Now()
	_, err := c.config.DB.Writer().ExecContext(ctx, `DELETE FROM devices WHERE (last_seen < $1 OR gone AND last_seen < $2)
		AND NOT EXISTS (SELECT 1 FROM commands AS k WHERE k.user_id = devices.user_id AND k.device = devices.device)`,
		sqldb.Micros(now.Add(-keepDevices)), sqldb.Micros(now.Add(-keepGone)))
	return err
}
