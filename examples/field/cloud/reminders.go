package cloud

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/fault"
	"github.com/hybridapps/tandem/worker/jobs"
)

const (
	jobRemind internalapi.JobKind = "field_remind"
	// At half past six people are told of their day; remindAhead is how long before a visit
	// begins they are told of it.
	remindHour, remindMinute = 6, 30
	remindAhead              = 2 * time.Hour
	// remindersKept is for how long it is known that a reminder was given: longer than any
	// is due.
	remindersKept = 30 * 24 * time.Hour
	peopleKept    = 400 * 24 * time.Hour
	// notificationClass and externalSystem are what the reminders of the ERP are known by.
	notificationClass, externalSystem = "field/reminder", "field"
)

func (c *Cloud) remindersPart() part {
	return part{
		routes: func(on routes) {
			on.handle("GET", "reminders", c.serveReminders)
			on.handle("POST", "reminders/read", c.serveRemindersRead)
		},
		kinds:     map[internalapi.JobKind]jobs.Kind{jobRemind: {Run: c.remind, Single: true}},
		schedules: []internalapi.Schedule{{Name: "Reminders", Kind: jobRemind, Spec: "*/5 * * * *"}},
		clean:     c.cleanReminders,
	}
}

func (c *Cloud) cleanReminders(ctx context.Context) error {
	now := c.clock.Now()
	_, err1 := c.config.DB.Purge(ctx, sqldb.Purge{Table: "reminders", Column: "given_at", Before: sqldb.Micros(now.Add(-remindersKept))})
	_, err2 := c.config.DB.Purge(ctx, sqldb.Purge{Table: "reminders_shown", Column: "given_at", Before: sqldb.Micros(now.Add(-remindersKept))})
	_, err3 := c.config.DB.Purge(ctx, sqldb.Purge{Table: "people", Column: "seen_at", Before: sqldb.Micros(now.Add(-peopleKept))})
	return errors.Join(err1, err2, err3)
}

// somebody is an account that was here.
type somebody struct{ userID, language string }

// notePerson remembers which Person an account is, and its language where that is known.
func (s *store) notePerson(ctx context.Context, userID, person, language string, at time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO people (user_id, person, language, seen_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET person = excluded.person, seen_at = excluded.seen_at,
			language = CASE WHEN excluded.language = '' THEN people.language ELSE excluded.language END
		WHERE people.person <> excluded.person OR people.seen_at < excluded.seen_at - $5
			OR excluded.language <> '' AND people.language <> excluded.language`,
		userID, person, language, sqldb.Micros(at), time.Hour.Microseconds())
	return err
}

// who is the account of a Person that was here last; none gives an empty id.
func (s *store) who(ctx context.Context, person string) (one somebody, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT user_id, language FROM people WHERE person = $1 ORDER BY seen_at DESC LIMIT 1`, person).
		Scan(&one.userID, &one.language)
	if errors.Is(err, sql.ErrNoRows) {
		return somebody{}, nil
	}
	return one, err
}

func (s *store) reminded(ctx context.Context, r *reminder) (n int, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM reminders WHERE name = $1 OR name = $2`, r.name, r.was).Scan(&n)
	return n, err
}

func (s *store) noteReminder(ctx context.Context, in executor, name string, at time.Time) error {
	_, err := in.ExecContext(ctx, `INSERT INTO reminders (name, given_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, sqldb.Micros(at))
	return err
}

// reminder is one that is due. Its name is the ExternalId of the notification, too: the ERP
// makes it once, also for a service that died before it noted so. was is what an earlier
// version called it, which named no person.
type reminder struct {
	name, was, person string
	visit             *visit
	// visits is how many the day still has; 0 is for one visit alone.
	visits int
}

func (c *Cloud) remind(ctx context.Context, _ *jobs.Run) error { return c.Remind(ctx) }

// Remind gives the reminders that are due. One that fails by itself keeps nobody from the
// others, and is tried again; what is wrong for everybody ends it at once.
func (c *Cloud) Remind(ctx context.Context) error {
	if err := c.sameSystemUser(ctx); err != nil {
		return err
	}
	now := c.clock.Now().In(c.zone)
	tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, c.zone)
	until := now.Add(remindAhead)
	if until.Before(tomorrow) {
		until = tomorrow
	}
	visits, err := c.visitsBetween(ctx, now, until, client.And("State eq "+client.Quote(stateFirm), "Void eq false"))
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range due(visits, now) {
		err := c.give(ctx, r)
		if err != nil && !ofOne(err) {
			return errors.Join(append(faults, c.lookAgain(ctx, err))...)
		}
		if err != nil && len(faults) < maxFaults {
			faults = append(faults, fmt.Errorf("reminder %s: %w", r.name, err))
		}
	}
	return errors.Join(faults...)
}

// maxFaults is how many reminders that failed are told of.
const maxFaults = 20

// ofOne reports whether an error is the ERP's answer about one reminder: it knows who asks,
// and is not busy. A fault of it may well be about the visit.
func ofOne(err error) bool {
	var api *client.APIError
	return errors.As(err, &api) && (api.Status == http.StatusInternalServerError || fault.Of(err, 0).Wait == 0)
}

// maxVisits is how many visits are looked at for reminders, and for a report.
const maxVisits = 5000

// visitsBetween are the visits that begin in [from, until), in the order of their times.
func (c *Cloud) visitsBetween(ctx context.Context, from, until time.Time, filter string) (all []visit, err error) {
	q := visitQuery
	q.Top, q.OrderBy = pullPage, "StartTime"
	q.Filter = client.And("StartTime ge "+client.Time(from), "StartTime le "+client.Time(until.Add(-time.Millisecond)), filter)
	for v, err := range client.List[visit](ctx, c.reads, setVisits, q) {
		if err != nil {
			return nil, err
		}
		if all = append(all, v); len(all) > maxVisits {
			break
		}
	}
	return all, nil
}

// due are the reminders of visits that have not begun, the earliest first: of the day of
// each person, from half past six on, and of each visit, two hours before.
func due(visits []visit, now time.Time) (all []reminder) {
	at := func(days, hour, minute int) time.Time { // by the clock on the wall, also when that is put forward
		return time.Date(now.Year(), now.Month(), now.Day()+days, hour, minute, 0, 0, now.Location())
	}
	days, tomorrow, told := map[string]int{}, at(1, 0, 0), at(0, remindHour, remindMinute)
	for i := range visits {
		v := &visits[i]
		person := v.responsible()
		if person == "" || v.StartTime == nil || v.StartTime.Before(now) {
			continue
		}
		if v.StartTime.Before(tomorrow) && !now.Before(told) {
			i, there := days[person]
			if !there {
				i = len(all)
				days[person] = i
				all = append(all, reminder{name: "day/" + person + "/" + now.Format(time.DateOnly), person: person, visit: v})
			}
			all[i].visits++
		}
		if !v.StartTime.After(now.Add(remindAhead)) {
			// At another time, or of somebody else, it is another reminder.
			was := fmt.Sprintf("soon/%s/%d", v.ID, v.StartTime.Unix())
			all = append(all, reminder{name: was + "/" + person, was: was, person: person, visit: v})
		}
	}
	return all
}

// give gives a reminder once. Who has never been here has no phone to look at.
func (c *Cloud) give(ctx context.Context, r reminder) error {
	given, err := c.store.reminded(ctx, &r)
	if err != nil || given > 0 {
		return err
	}
	who, err := c.store.who(ctx, r.person)
	if err != nil || who.userID == "" {
		return err
	}
	priority := "Normal"
	if r.visits == 0 {
		priority = "High"
	}
	err = c.writes.Action(c.asKnown(ctx), client.Ref(setVisits, r.visit.ID), "CreateNotification", map[string]any{
		"user":              map[string]string{"@odata.id": client.Ref("Systems_Security_Users", who.userID)},
		"notificationClass": notificationClass, "subject": tandem.Clip(r.text(who.language, c.zone), maxSubject), "priority": priority,
		"externalId": r.name, "externalSystem": externalSystem,
	}, nil)
	now := c.clock.Now()
	switch code := tandem.ErrorCode(err); {
	case err == nil:
		return c.config.DB.Write(ctx, func(tx *sqlTx) error {
			return errors.Join(c.store.noteReminder(ctx, tx, r.name, now), c.store.keepShown(ctx, tx, who.userID, &r, now))
		})
	case code == tandem.CodeRule || code == tandem.CodeNotFound: // nobody of the account, or no visit any more
		c.log.WarnContext(ctx, "a reminder cannot be given", "reminder", r.name, "error", err)
		return c.store.noteReminder(ctx, c.config.DB.Writer(), r.name, now)
	}
	return err
}

// maxSubject is how many characters the subject of a notification has.
const maxSubject = 256

// text is what the person is told, in their language.
func (r *reminder) text(language string, zone *time.Location) string {
	start, customer := r.visit.StartTime.In(zone).Format("15:04"), ""
	if r.visit.Customer != nil && r.visit.Customer.Party != nil {
		customer = r.visit.Customer.Party.PartyName.In(language)
	}
	formats := reminderTexts[language]
	switch {
	case r.visits == 0:
		return fmt.Sprintf(formats.soon, start, customer, r.visit.Subject)
	case r.visits == 1:
		return fmt.Sprintf(formats.one, start, customer)
	}
	return fmt.Sprintf(formats.day, r.visits, start, customer)
}

// reminderTexts are by language; that of nobody in particular is English.
var reminderTexts = func() map[string]struct{ day, one, soon string } {
	all := map[string]struct{ day, one, soon string }{
		"en": {"%d visits today, the first at %s: %s", "One visit today, at %s: %s", "Visit at %s: %s, %s"},
		"de": {"%d Einsätze heute, der erste um %s: %s", "Ein Einsatz heute, um %s: %s", "Einsatz um %s: %s, %s"},
		"bg": {"%d посещения днес, първото в %s: %s", "Едно посещение днес, в %s: %s", "Посещение в %s: %s, %s"},
	}
	all[""] = all["en"]
	return all
}()
