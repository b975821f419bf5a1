package webapp

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

const (
	// shownCalls is how many of the latest calls the page lists.
	shownCalls = 12
	// licenceUsage is the API's function that tells slots and use.
	licenceUsage = "GetLicenceUsage"
	// halvesRefresh is how often a browser without script asks again, and
	// halvesRounds how many times: looking keeps the person's own session
	// open, so that it must not go on for ever.
	halvesRefresh = "5"
	halvesRounds  = 60
)

// figures are the numbers in the picture.
type figures struct {
	People, Sessions int
	// Worker is the back end's own account of itself; WorkerFault says why
	// there is none.
	Worker      internalapi.Status
	WorkerFault string
	// Slots, InUse and Services, those that back ends hold, are what the ERP says
	// of its licence; Slots is zero where it is not known.
	Slots, InUse, Services int
	LicenceFault           string
}

type holder struct {
	Login, Applications, Session string
	Started, Last                time.Time
	Requests                     int64
}

// callRow is a call of either half.
type callRow struct {
	At                   time.Time
	Half                 string // blue or green
	Identity, OnBehalfOf string
	Method, Path         string
	Status, Slot         int
	Millis               int64
}

type halvesData struct {
	*figures
	Picture *picture
	Holders []holder
	Calls   []callRow
	// Internal people see the calls, others the counts.
	Internal bool
	At       time.Time
	// Proof is nil for external people, and where a part of the page is asked for.
	Proof *proofData
}

// twoHalves draws the picture of the field with the figures of this moment.
func (a *App) twoHalves(v *visit) error {
	d := halvesData{figures: &figures{}, Internal: !v.who.External(), At: a.clock.Now()}
	var err error
	if d.Sessions, d.People, err = a.users.Count(v.ctx()); err != nil {
		return err
	}
	var both sync.WaitGroup
	both.Go(func() { a.workerFigures(v, d.figures) })
	if d.Internal {
		// Internal people hold a session anyway: the question takes no slot.
		if err := d.licence(v.ctx(), v); err != nil {
			both.Wait()
			return err
		}
		if v.who.Admin {
			d.Holders = holders(v.ctx(), v)
		}
	}
	both.Wait()
	v.worker = false
	if d.Slots == 0 && d.Worker.Licence != nil {
		l := d.Worker.Licence
		d.Slots, d.InUse, d.Services = l.Slots, l.Used, l.Services
	}
	if d.Internal {
		d.Calls = a.latestCalls(d.Worker.Calls)
	} else {
		d.Worker.Calls = nil
	}
	d.Picture = newPicture(d.figures)
	if v.r.URL.Query().Has("fragment") {
		a.render(v.w, v.r, http.StatusOK, "two_halves", "halves", d)
		return nil
	}
	if d.Internal {
		proof, err := v.proof()
		if err != nil {
			return err
		}
		d.Proof = &proof
	}
	p := page{Title: "Two halves", D: d}
	round, err := strconv.Atoi(v.r.URL.Query().Get("round"))
	if err != nil || round < 0 {
		round = 0
	}
	if round < halvesRounds {
		p.Refresh = halvesRefresh + ";url=/two-halves?round=" + strconv.Itoa(round+1)
	}
	return v.showPage(http.StatusOK, "two_halves", p)
}

func (a *App) workerFigures(v *visit, f *figures) {
	token := ""
	if !v.who.External() {
		var err error
		if token, err = v.evidence(); err != nil {
			token = ""
		}
	}
	status, err := a.worker.Status(v.ctx(), token)
	if err != nil {
		f.WorkerFault = a.faultOf(v, err)
		return
	}
	f.Worker = status
}

// faultOf says what is wrong in a part of the page.
func (a *App) faultOf(v *visit, err error) string {
	_, message := codeOf(err)
	return message + " Reference " + a.logged(v, err) + "."
}

// licence asks the ERP. That the sign-in has ended is an error, everything else
// is said in its place.
func (d *halvesData) licence(ctx context.Context, v *visit) error {
	var usage struct{ Slots, InUse, Services int }
	err := v.api().Do(ctx, http.MethodGet, licenceUsage, nil, &usage)
	if code, _ := codeOf(err); err != nil && code == tandem.CodeUnauthorized {
		return err
	}
	if err != nil {
		d.LicenceFault = v.app.faultOf(v, err)
		return nil
	}
	d.Slots, d.InUse, d.Services = usage.Slots, usage.InUse, usage.Services
	return nil
}

// holders are for administrators; the API refuses everybody else.
func holders(ctx context.Context, v *visit) []holder {
	type entry struct {
		SessionID                  string `json:"SessionId"`
		UserLogin, Applications    string
		StartTime, LastRequestTime time.Time
		TotalRequestsCount         int64
	}
	page, err := client.FirstPage[entry](ctx, v.api(), "Systems_Monitoring_CurrentSessions", client.Query{Top: 50})
	if err != nil {
		v.app.log.WarnContext(ctx, "read the current sessions", "error", err)
		return nil
	}
	var list []holder
	for _, e := range page.Value {
		list = append(list, holder{e.UserLogin, e.Applications, abbreviate(e.SessionID), e.StartTime, e.LastRequestTime, e.TotalRequestsCount})
	}
	return list
}

// latestCalls are those of both halves, the newest first.
func (a *App) latestCalls(service []internalapi.Call) []callRow {
	var rows []callRow
	for _, c := range a.calls.latest() {
		rows = append(rows, callRow{c.At, "blue", c.Identity, "", c.Method, c.Path, c.Status, c.Slot, c.Duration.Milliseconds()})
	}
	for _, c := range service {
		rows = append(rows, callRow{c.At, "green", c.Identity, c.OnBehalfOf, c.Method, c.Path, c.Status, 0, c.Millis})
	}
	slices.SortStableFunc(rows, func(a, b callRow) int { return b.At.Compare(a.At) })
	return rows[:min(len(rows), shownCalls)]
}
