package data

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/usage"
)

// ReadUsed reads what halves have used, and what could go on without being used.
func (s *Findings) ReadUsed(ctx context.Context, f *findings.Facts) error {
	f.ByApp = findings.Uses{Things: map[findings.Half][]findings.Thing{}, Calls: map[findings.Half]findings.Calls{}}
	uses := NewUsage(s.db)
	// They come by half, and the same things again and again: each text is kept once.
	var half findings.Half
	var of []findings.Thing
	texts := map[string]string{}
	err := uses.EachUsed(ctx, "", func(u *usage.Used) error {
		if next := (findings.Half{Application: u.ApplicationID, Flow: u.Flow}); next != half {
			f.ByApp.Things[half] = slices.Clone(of)
			half, of = next, of[:0]
		}
		what, known := texts[u.What]
		if !known {
			what, texts[u.What] = u.What, u.What
		}
		of = append(of, findings.Thing{What: what, First: u.First, Last: u.Last})
		return nil
	})
	if err != nil {
		return err
	}
	f.ByApp.Things[half] = slices.Clone(of)
	since := usage.DayOf(f.Now) - usage.Day(f.Limits.ApplicationUnusedDays) + 1
	err = uses.EachSum(ctx, since, func(u *usage.Use) error {
		half := findings.Half{Application: u.ApplicationID, Flow: u.Flow}
		calls := f.ByApp.Calls[half]
		switch u.What {
		case string(usage.Scope) + tandem.ScopeRead:
			calls.Reads = u.Calls
		case string(usage.Scope) + tandem.ScopeUpdate:
			calls.Writes = u.Calls
		default:
			return nil
		}
		f.ByApp.Calls[half] = calls
		return nil
	})
	if err != nil {
		return err
	}
	f.Families = map[string]int{}
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT application_uri, COUNT(*) FROM refresh_families
		WHERE ended_at = 0 AND expires_at > $1 GROUP BY application_uri`, sqldb.Micros(f.Now))
	return eachPair(rows, err, func(uri string, n int64) { f.Families[uri] = int(n) })
}

// eachPair yields a text and a number of each row.
func eachPair(rows *sql.Rows, err error, each func(string, int64)) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var n int64
		if err := rows.Scan(&text, &n); err != nil {
			return err
		}
		each(text, n)
	}
	return rows.Err()
}

// ReadIdle reads when System Users used a right last.
func (s *Findings) ReadIdle(ctx context.Context, f *findings.Facts) error {
	f.LastUse = map[string]time.Time{}
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT user_id, MAX(last_at) FROM permission_uses
		WHERE user_id IN (SELECT id FROM users WHERE user_type = $1) GROUP BY user_id`, string(tandem.SystemUserNoLogin))
	return eachPair(rows, err, func(id string, at int64) { f.LastUse[id] = sqldb.Time(at) })
}

// ReadLately reads what the record tells of the last days, and of the sign-ins that it
// names which are live.
func (s *Findings) ReadLately(ctx context.Context, f *findings.Facts) error {
	f.Lately = findings.NewEvents(&f.Limits)
	if err := s.readProofs(ctx, f); err != nil {
		return err
	}
	args := []any{sqldb.FirstID(f.Now.Add(-findings.EventsWindow))}
	for _, kind := range findings.EventKinds {
		args = append(args, string(kind))
	}
	rows, err := s.db.Reader().QueryContext(ctx, auditEvents.Select+`WHERE id >= $1 AND kind IN (`+placeholders(2, len(args)-1)+`) ORDER BY id`, args...)
	err = auditEvents.Range(rows, err, func(e *tandem.AuditEvent) error { f.Lately.Add(e); return nil })
	if err != nil {
		return err
	}
	f.LiveSignIns, f.KnownPlace = map[string]string{}, map[string]bool{}
	var ids []string
	for _, all := range []map[string]*findings.Happened{f.Lately.Replayed, f.Lately.Guessed} {
		for _, h := range all {
			if len(ids) < mostSignIns {
				ids = append(ids, h.SignInID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := s.liveSignIns(ctx, f, ids); err != nil {
		return err
	}
	for _, h := range f.Lately.Guessed {
		if f.LiveSignIns[h.SignInID] == "" {
			continue
		}
		if f.KnownPlace[h.SignInID], err = s.knownPlace(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// readProofs reads when the isolation was proven lately, and at which application.
func (s *Findings) readProofs(ctx context.Context, f *findings.Facts) error {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT application_uri, at, took FROM proofs WHERE at >= $1`, sqldb.Micros(f.Now.Add(-findings.EventsWindow)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var application string
		var at time.Time
		var took int64
		if err := rows.Scan(&application, sqldb.TimeField(&at), &took); err != nil {
			return err
		}
		f.Lately.Proven(application, at, time.Duration(took)*time.Millisecond)
	}
	return rows.Err()
}

// mostSignIns is how many sign-ins of those that the record names are looked at.
const mostSignIns = 500

func (s *Findings) liveSignIns(ctx context.Context, f *findings.Facts, ids []string) error {
	args := []any{sqldb.Micros(f.Now)}
	for _, id := range ids {
		args = append(args, id)
	}
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT s.id, u.login FROM sign_ins s JOIN users u ON u.id = s.user_id
		WHERE s.ended_at = 0 AND s.expires_at > $1 AND s.id IN (`+placeholders(2, len(ids))+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, login string
		if err := rows.Scan(&id, &login); err != nil {
			return err
		}
		f.LiveSignIns[id] = login
	}
	return rows.Err()
}

// knownPlace reports whether the person had signed in from the network of a sign-in before.
func (s *Findings) knownPlace(ctx context.Context, h *findings.Happened) (bool, error) {
	addresses, err := sqldb.List[string](s.db.Reader().QueryContext(ctx, `SELECT created_from FROM sign_ins WHERE id <> $1 AND created_at < $2
		AND user_id = (SELECT user_id FROM sign_ins WHERE id = $1)`, h.SignInID, sqldb.Micros(h.Last)))
	for _, address := range addresses {
		for _, from := range h.From {
			if netaddr.Network(address) == netaddr.Network(from) {
				return true, err
			}
		}
	}
	return false, err
}

// ReadTallied reads how often what gives nothing was asked for.
func (s *Findings) ReadTallied(ctx context.Context, f *findings.Facts) error {
	f.Obsolete = map[string]int64{}
	filter := usage.Filter{Span: usage.WholeDay, Since: f.Now.Add(-findings.Window), Kind: string(usage.ObsoleteScope)}
	return NewUsage(s.db).EachTally(ctx, filter, func(t *usage.Tally) error { f.Obsolete[t.ApplicationID] += t.N; return nil })
}

// ReadSlots reads how the licence was used, and which reserved slots were free when others
// were refused.
func (s *Findings) ReadSlots(ctx context.Context, f *findings.Facts) error {
	var layout string
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT layout FROM licence WHERE id = 1`).Scan(&layout); err != nil {
		return err
	}
	licence, err := parseLicence(layout)
	if err != nil {
		return err
	}
	f.Licence.Slots = licence.Slots
	peaks := usage.Filter{Span: usage.WholeDay, Since: f.Now.Add(-findings.Window), Kind: usage.PeakSlots}
	err = NewUsage(s.db).EachTally(ctx, peaks, func(t *usage.Tally) error {
		if t.Flow == "" {
			f.Licence.Peak30 = max(f.Licence.Peak30, int(t.N))
			if f.Now.Sub(t.At) <= findings.EventsWindow {
				f.Licence.Peak7 = max(f.Licence.Peak7, int(t.N))
			}
		}
		return nil
	})
	if err != nil || len(licence.Reserved) == 0 || f.Lately == nil {
		return err
	}
	return s.idleReserved(ctx, f, licence)
}

// mostRefusals is how many moments are looked at at which somebody was refused.
const mostRefusals = 100

func (s *Findings) idleReserved(ctx context.Context, f *findings.Facts, licence tandem.Licence) error {
	moments := f.Lately.FullAt[max(0, len(f.Lately.FullAt)-mostRefusals):]
	if len(moments) == 0 {
		return nil
	}
	held, err := NewSessions(s.db).heldReserved(ctx, slices.MinFunc(moments, time.Time.Compare))
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, at := range moments {
		inUse := map[string]int{}
		for _, h := range held {
			if !h.from.After(at) && h.until.After(at) {
				inUse[h.user]++
			}
		}
		for login, n := range licence.Reserved {
			if _, refused := f.Lately.Full[login]; n > inUse[login] && !told[login] && !refused {
				told[login] = true
				f.Licence.IdleReserved = append(f.Licence.IdleReserved, findings.IdleReserved{Login: login, Slots: n, InUse: inUse[login], At: at})
			}
		}
	}
	return nil
}

// ReadStale reads who has refresh tokens and was not seen for long.
func (s *Findings) ReadStale(ctx context.Context, f *findings.Facts) error {
	before := f.Now.AddDate(0, 0, -f.Limits.RefreshFamilyIdleDays)
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT u.id, u.login, r.application_uri, COUNT(*), COALESCE((SELECT MAX(s.last_seen_at) FROM sign_ins s WHERE s.user_id = u.id), 0)
		FROM refresh_families r JOIN users u ON u.id = r.user_id
		WHERE r.ended_at = 0 AND r.expires_at > $1 AND NOT EXISTS (SELECT 1 FROM sign_ins s WHERE s.user_id = r.user_id AND s.last_seen_at >= $2)
		GROUP BY u.id, u.login, r.application_uri ORDER BY u.login, r.application_uri LIMIT `+strconv.Itoa(2*findings.MostOfARule), sqldb.Micros(f.Now), sqldb.Micros(before))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p findings.StalePerson
		var uri string
		if err := rows.Scan(&p.ID, &p.Login, &uri, &p.Families, sqldb.TimeField(&p.At)); err != nil {
			return err
		}
		if n := len(f.Stale); n > 0 && f.Stale[n-1].ID == p.ID {
			f.Stale[n-1].Families += p.Families
			f.Stale[n-1].Applications = append(f.Stale[n-1].Applications, uri)
			continue
		}
		p.Applications = []string{uri}
		f.Stale = append(f.Stale, p)
	}
	return rows.Err()
}
