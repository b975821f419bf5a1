package agent

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 4, the gate. A file inside the limits of its mapping goes on by itself, where they
// were there before it; any other waits for a person of the group that the mapping names,
// who has neither placed the file nor edited the mapping since.

// gate is the end of a check: with the figures it decides whether a person has to.
func (a *Agent) gate(ctx context.Context, r *jobs.Run, b *batch, rules *rules) error {
	return a.settle(ctx, r, b.id, true, func(tx *sqlTx, now *batch) error {
		struck, err := a.store.strikeAgain(ctx, tx, b.id)
		if err != nil {
			return err
		}
		f, err := a.store.figures(ctx, tx, b.id)
		if err != nil {
			return err
		}
		_, editors, err := a.editors(ctx, tx, b)
		if err != nil {
			return err
		}
		at := a.clock.Now()
		why := append(rules.Gate.reasons(f, at), now.touched(struck, editors)...)
		now.mapping, now.mappingVersion, now.currency, now.control = b.mapping, b.mappingVersion, b.currency, b.control
		now.checkedAt, now.note = at, ""
		now.setReasons(why)
		what := fmt.Sprintf("checked with %s, version %d: %s", b.mapping, b.mappingVersion, summary(f))
		if struck > 0 {
			what += fmt.Sprintf("; %d rows stay struck", f.Count[wire.RowStruck])
		}
		if err := a.store.event(ctx, tx, b.id, at, "", what); err != nil {
			return err
		}
		if len(why) > 0 {
			now.state = wire.Waiting
			return nil
		}
		now.state, now.decidedAt, now.decidedBy, now.evidence = wire.Approved, at, "", ""
		return a.store.event(ctx, tx, b.id, at, "", "approved by the limits of the mapping")
	})
}

// touched are the reasons that do not come of the figures: where people have had a hand
// in a batch, the limits do not decide about it. Nor do they where editors have saved them
// since the file came: they would decide about it alone.
func (b *batch) touched(struck int64, editors []string) (why []string) {
	if b.byHand {
		why = append(why, fmt.Sprintf("handed in by %s: somebody else has to look at it", b.placedBy))
	}
	if struck > 0 {
		why = append(why, "a person has struck rows of it")
	}
	for _, login := range editors {
		why = append(why, login+" has edited a mapping since the file came: somebody else has to look at it")
	}
	if b.decidedBy != "" {
		why = append(why, fmt.Sprintf("%s has decided about it before, and it was checked again since", b.decidedBy))
	}
	return why
}

// summary is a check in a sentence.
func summary(f wire.Figures) string {
	return fmt.Sprintf("%d change, %d unchanged, %d refused, mean %s, largest %s",
		f.Count[wire.RowChange], f.Count[wire.RowUnchanged], f.Count[wire.RowRefused], percent(f.MeanPPM), percent(f.LargestPPM))
}

// reasons are why a person has to decide; none when the file is inside the limits.
func (g *limits) reasons(f wire.Figures, now time.Time) (why []string) {
	changes := f.Count[wire.RowChange]
	if changes > g.Rows {
		why = append(why, fmt.Sprintf("%d prices change, and the limit is %d", changes, g.Rows))
	}
	if math.Abs(float64(f.MeanPPM)) > g.Mean*million/100 {
		why = append(why, fmt.Sprintf("prices change by %s on average, and the limit is %v %%", percent(f.MeanPPM), g.Mean))
	}
	if math.Abs(float64(f.LargestPPM)) > g.Largest*million/100 {
		why = append(why, fmt.Sprintf("the largest change is %s, and the limit is %v %%", percent(f.LargestPPM), g.Largest))
	}
	if open, err := g.open(now); err != nil || !open {
		why = append(why, fmt.Sprintf("it is outside %s–%s, %s", g.From, g.To, cmp.Or(g.Zone, "UTC")))
	}
	return why
}

// open reports whether files may run by themselves at the time of day. Hours over
// midnight are from the evening to the morning; none mean the whole day.
func (g *limits) open(now time.Time) (bool, error) {
	zone, err := time.LoadLocation(cmp.Or(g.Zone, "UTC"))
	if err != nil || g.Zone == "Local" {
		return false, wrong("gate: the time zone %q is unknown; use a name like Europe/Sofia", tandem.Clip(g.Zone, 60))
	}
	if g.From == "" && g.To == "" {
		return true, nil
	}
	from, err1 := time.Parse("15:04", g.From)
	to, err2 := time.Parse("15:04", g.To)
	if err1 != nil || err2 != nil {
		return false, wrong("gate: write the hours as from: \"18:00\" and to: \"06:00\"")
	}
	minute := func(t time.Time) int { return t.Hour()*60 + t.Minute() }
	at := minute(now.In(zone))
	if minute(from) <= minute(to) {
		return minute(from) <= at && at < minute(to), nil
	}
	return at >= minute(from) || at < minute(to), nil
}

// placer is the login of who placed a file. It is not known where the account that owns the
// file is not in the table of the configuration: then it is taken for the login of the same
// name, without a domain, and may be anybody's.
func (a *Agent) placer(b *batch) (login string, known bool) {
	if b.byHand {
		return b.placedBy, true
	}
	if login, known = a.config.Owners[strings.ToLower(b.placedBy)]; known {
		return login, true
	}
	name := b.placedBy[strings.LastIndexByte(b.placedBy, '\\')+1:]
	name, _, _ = strings.Cut(name, "@")
	return name, false
}

// mayDecide says why somebody may not decide about a batch; empty when they may.
func (a *Agent) mayDecide(ctx context.Context, in asking, p *person, b *batch, approvers string) (whyNot string, err error) {
	if !p.in(approvers) {
		return fmt.Sprintf("only members of the group %s decide about this file", approvers), nil
	}
	login, known := a.placer(b)
	if strings.EqualFold(p.Login, login) {
		return "who placed a file, or asked for a rollback, does not decide about it: somebody else of the group has to", nil
	}
	if !known && a.edits(p) {
		return fmt.Sprintf("nobody knows whose account %q is, which placed the file: somebody of the group decides who cannot hand in files "+
			"(an administrator can tell the agent, with -owner)", b.placedBy), nil
	}
	editors, _, err := a.editors(ctx, in, b)
	if err != nil {
		return "", err
	}
	if slices.Contains(editors, p.Login) {
		return "you have edited the mapping that this file was checked with, or one for it since it came: somebody else of the group has to decide", nil
	}
	return "", nil
}

// decides refuses who may not decide about a batch, by the newest version of its mapping.
func (a *Agent) decides(ctx context.Context, in asking, p *person, b *batch, m mappingRow) error {
	rules, err := parseRules([]byte(m.content))
	if err != nil {
		return err
	}
	whyNot, err := a.mayDecide(ctx, in, p, b, rules.Approvers)
	if err == nil && whyNot != "" {
		err = tandem.Errorf(tandem.CodeForbidden, "%s", whyNot)
	}
	return err
}

// decide approves or refuses a batch for a person. When the mapping was changed since
// the check, the batch is checked again instead: nobody has seen what would be done.
func (a *Agent) decide(ctx context.Context, p *person, id int64, d wire.Decision) error {
	var again error
	err := a.store.change(ctx, id, func(tx *sql.Tx, b *batch) error {
		if b.state != wire.Waiting {
			return tandem.Errorf(tandem.CodeConflict, "the batch does not wait any more: it is %s%s", b.state, by(b.decidedBy))
		}
		m, err := a.store.mappingIn(ctx, tx, b.mapping, 0)
		if err != nil {
			return err
		}
		if err := a.decides(ctx, tx, p, b, m); err != nil {
			return err
		}
		now := a.clock.Now()
		if m.version != b.mappingVersion && d.Approve {
			again = tandem.Errorf(tandem.CodeConflict,
				"the mapping was changed since the file was checked, so it is checked again; decide when that is done")
			b.state, b.jobID = wire.Received, jobs.NewID()
			return a.store.event(ctx, tx, id, now, p.Login, "to be checked again, because the mapping was changed since")
		}
		b.decidedAt, b.decidedBy, b.reason, b.evidence = now, p.Login, d.Reason, p.evidence()
		if !d.Approve {
			b.state, b.finishedAt = wire.Refused, now
			return a.store.event(ctx, tx, id, now, p.Login, "refused: "+d.Reason)
		}
		b.state, b.jobID = wire.Approved, jobs.NewID()
		return a.store.event(ctx, tx, id, now, p.Login, "approved: "+d.Reason)
	})
	a.wake()
	if err == nil {
		err = again
	}
	return err
}

func by(login string) string {
	if login == "" {
		return ""
	}
	return ", by " + login
}

// strike takes rows out of a batch that waits, or puts them back.
func (a *Agent) strike(ctx context.Context, p *person, id int64, s wire.Strike) error {
	from, to, word := wire.RowChange, wire.RowStruck, "struck"
	if s.Back {
		from, to, word = to, from, "put back"
	}
	err := a.store.change(ctx, id, func(tx *sql.Tx, b *batch) error {
		if b.state != wire.Waiting {
			return tandem.Errorf(tandem.CodeConflict, "the batch does not wait any more: it is %s", b.state)
		}
		m, err := a.store.mappingIn(ctx, tx, b.mapping, 0)
		if err == nil {
			err = a.decides(ctx, tx, p, b, m)
		}
		if err != nil {
			return err
		}
		n, err := a.store.strikeRows(ctx, tx, id, s.Lines, from, to)
		if err != nil {
			return err
		}
		if n != int64(len(s.Lines)) {
			return tandem.Errorf(tandem.CodeConflict,
				"%d of the %d rows can be %s; load the page again and choose among those that are there", n, len(s.Lines), word)
		}
		return a.store.event(ctx, tx, id, a.clock.Now(), p.Login, fmt.Sprintf("%s: rows %v", word, s.Lines))
	})
	return err
}
