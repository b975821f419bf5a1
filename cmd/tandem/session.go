package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/session"
)

type sessionCommands struct {
	List  sessionList  `cmd:"" help:"List the open sessions."`
	Show  sessionShow  `cmd:"" help:"Show one session, open or ended, with the addresses that it was used from."`
	Close sessionClose `cmd:"" help:"End a session and free its slot. A token that still lives opens a new one at its next call."`
}

// sessionRow is a session in JSON.
type sessionRow struct {
	ID                string             `json:"id"`
	Kind              tandem.SessionKind `json:"kind"`
	User              string             `json:"user"`
	ApplicationURI    string             `json:"application_uri"`
	ServiceInstance   string             `json:"service_instance"`
	Slot              int                `json:"slot"`
	OpenedAt          stamp              `json:"opened_at"`
	LastRequestAt     stamp              `json:"last_request_at"`
	AbsoluteExpiresAt stamp              `json:"absolute_expires_at"`
	Requests          int64              `json:"requests"`
	Reserved          bool               `json:"reserved"`
	*sessionEnd
}

// sessionEnd is shown with --all; null for a session that is open.
type sessionEnd struct {
	EndedAt   stamp   `json:"ended_at"`
	EndReason *string `json:"end_reason"`
	ClosedBy  *string `json:"closed_by"`
}

func sessionRowOf(s tandem.Session, all bool) sessionRow {
	row := sessionRow{
		ID: s.ID, Kind: s.Kind, User: s.User, ApplicationURI: s.ApplicationURI, ServiceInstance: s.ServiceInstance, Slot: s.Slot,
		OpenedAt: stamp{s.OpenedAt}, LastRequestAt: stamp{s.LastRequestAt}, AbsoluteExpiresAt: stamp{s.AbsoluteExpiresAt},
		Requests: s.Requests, Reserved: s.Reserved,
	}
	if all {
		row.sessionEnd = &sessionEnd{EndedAt: stamp{s.EndedAt}}
		if !s.EndedAt.IsZero() {
			reason := string(s.EndReason)
			row.EndReason = &reason
			if s.ClosedBy != "" {
				row.ClosedBy = &s.ClosedBy
			}
		}
	}
	return row
}

type sessionList struct {
	administering
	listing
	All         bool               `help:"Also show sessions that have ended, newest first."`
	User        string             `help:"Only those of a user." placeholder:"LOGIN"`
	Application string             `help:"Only those of an application." placeholder:"ID"`
	Kind        tandem.SessionKind `help:"Only those of a kind: user, service or reference." placeholder:"KIND"`
}

// Run lists sessions.
func (c *sessionList) Run(ctx context.Context, r *run) error {
	if c.Kind != "" && c.Kind != tandem.SessionUser && c.Kind != tandem.SessionService && c.Kind != tandem.SessionReference {
		return usage("--kind %q: use user, service or reference", c.Kind)
	}
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		columns := []column[sessionRow]{
			{"id", func(s sessionRow) string { return s.ID }},
			{"slot", func(s sessionRow) string { return strconv.Itoa(s.Slot) }},
			{"kind", func(s sessionRow) string { return string(s.Kind) }},
			{"user", func(s sessionRow) string { return s.User }},
			{"application", func(s sessionRow) string { return s.ApplicationURI }},
			{"opened", func(s sessionRow) string { return s.OpenedAt.String() }},
			{"last request", func(s sessionRow) string { return s.LastRequestAt.String() }},
			{"requests", func(s sessionRow) string { return strconv.FormatInt(s.Requests, 10) }},
		}
		if c.All {
			columns = append(columns, column[sessionRow]{"ended", func(s sessionRow) string {
				return s.ended()
			}})
		}
		f := session.Filter{All: c.All, User: c.User, ApplicationURI: c.Application, Kind: c.Kind}
		return showRows(r.stdout, c.listing, a.Sessions.Each(ctx, f), func(s tandem.Session) sessionRow { return sessionRowOf(s, c.All) }, columns)
	})
}

// ended says when and why a session ended, and by whom where somebody closed it.
func (e *sessionEnd) ended() string {
	if e.EndReason == nil {
		return ""
	}
	text := e.EndedAt.String() + " (" + *e.EndReason + ")"
	if e.ClosedBy != nil {
		text += " by " + *e.ClosedBy
	}
	return text
}

type sessionShow struct {
	administering
	output
	ID string `arg:"" help:"Id of the session."`
}

// seenRow is an address that a session was used from.
type seenRow struct {
	Address string `json:"address"`
	FirstAt stamp  `json:"first_at"`
}

// Run shows a session.
func (c *sessionShow) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		s, seen, err := a.Sessions.Show(ctx, c.ID)
		if err != nil {
			return err
		}
		row := struct {
			sessionRow
			Addresses []seenRow `json:"addresses"`
		}{sessionRowOf(s, true), []seenRow{}}
		lines := []field{
			{"id", row.ID}, {"kind", string(row.Kind)}, {"user", row.User}, {"application", row.ApplicationURI}, {"instance", row.ServiceInstance},
			{"slot", strconv.Itoa(row.Slot)}, {"opened", row.OpenedAt.String()}, {"last request", row.LastRequestAt.String()},
			{"requests", strconv.FormatInt(row.Requests, 10)}, {"ended", row.ended()},
		}
		for _, one := range seen {
			row.Addresses = append(row.Addresses, seenRow{one.Address, stamp{one.At}})
			lines = append(lines, field{"from", one.Address + " since " + stamp{one.At}.String()})
		}
		return showOne(r.stdout, c.output, row, lines)
	})
}

type sessionClose struct {
	administering
	ID     string `arg:"" help:"Id of the session."`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
}

// Run ends a session.
func (c *sessionClose) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.Sessions.Close(ctx, operator(), c.ID, c.Reason); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "closed %s\n", c.ID)
		return err
	})
}
