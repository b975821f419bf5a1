package admin

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

const (
	setProducts = "General_Products_Products"
	setGroups   = "General_Products_ProductGroups"
	// listPage and rowsPage are how many batches and rows a page has, largestShown how
	// many of the largest changes.
	listPage, rowsPage, largestShown = 25, 50, 20
)

type listData struct {
	Batches        []wire.Batch
	Previous, Next string
}

// list shows the batches, the newest first.
func (a *App) list(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	skip := v.skip()
	page, err := a.agent.Batches(v.ctx(), token, skip, listPage)
	if err != nil {
		return err
	}
	d := listData{Batches: page.Rows}
	d.Previous, d.Next = around("/?", skip, listPage, page.More)
	return v.show(http.StatusOK, "list", "Price batches", d)
}

func (v *visit) skip() int {
	n, err := strconv.Atoi(v.r.URL.Query().Get("skip"))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, 1_000_000)
}

// around are the links to the pages before and after.
func around(path string, skip, top int, more bool) (previous, next string) {
	if skip > 0 {
		previous = path + "skip=" + strconv.Itoa(max(0, skip-top))
	}
	if more {
		next = path + "skip=" + strconv.Itoa(skip+top)
	}
	return previous, next
}

// id is the batch in the path.
func (v *visit) id() (int64, error) {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, tandem.Errorf(tandem.CodeNotFound, "There is no such batch.")
	}
	return id, nil
}

// batchAsked is which batch the visit is about, and the evidence of who asks.
func (v *visit) batchAsked() (id int64, token string, err error) {
	if id, err = v.id(); err != nil {
		return 0, "", err
	}
	token, err = v.evidence()
	return id, token, err
}

// named is a row with the name of its product, as the person may see it.
type named struct {
	wire.Row
	Name string
	// Outside says that it is beyond the limit of one row.
	Outside bool
}

func (v *visit) named(rows []wire.Row) []named {
	var ids []string
	for _, r := range rows {
		if r.ProductID != "" && !slices.Contains(ids, r.ProductID) {
			ids = append(ids, r.ProductID)
		}
	}
	names := v.names(setProducts, ids)
	out := make([]named, len(rows))
	for i, r := range rows {
		out[i] = named{Row: r, Name: names[r.ProductID]}
	}
	return out
}

type batchData struct {
	Batch wire.Batch
	// Largest are the largest changes, Refused the first rows that are left out.
	Largest, Refused []named
	Struck           []named
	Live             bool
	Chart            chart
	// Outside says that the largest change is beyond the limit.
	Outside       bool
	Fault, Reason string
}

// working are the states in which the page follows what the agent does.
var working = []wire.State{wire.Received, wire.Approved, wire.Running, wire.Written}

// batch shows a batch, as a page or as the part of it that is live.
func (a *App) batch(v *visit) error { return a.batchPage(v, http.StatusOK, "", "") }

func (a *App) batchPage(v *visit, status int, fault, reason string) error {
	id, token, err := v.batchAsked()
	if err != nil {
		return err
	}
	d := batchData{Fault: fault, Reason: reason}
	if d.Batch, err = a.agent.Batch(v.ctx(), token, id); err != nil {
		return err
	}
	d.Live = slices.Contains(working, d.Batch.State)
	d.Chart = histogram(d.Batch.Histogram)
	if !d.Live {
		for _, part := range []struct {
			state wire.RowState
			into  *[]named
		}{{"", &d.Largest}, {wire.RowRefused, &d.Refused}, {wire.RowStruck, &d.Struck}} {
			state := part.state
			if state == "" {
				state = wire.RowChange
				if d.Batch.State != wire.Waiting && d.Batch.State != wire.Paused {
					state = wire.RowDone
				}
			}
			page, err := a.agent.Rows(v.ctx(), token, id, state, part.state == "", 0, largestShown)
			if err != nil {
				return err
			}
			*part.into = v.named(page.Rows)
		}
		markOutside(d.Largest, d.Batch.Histogram)
		d.Outside = len(d.Largest) > 0 && d.Largest[0].Outside
	}
	if v.r.URL.Query().Has("fragment") {
		a.render(v.w, v.r, http.StatusOK, "batch", "batch", d)
		return nil
	}
	l := layout{Title: fmt.Sprintf("Batch %d", id), D: d}
	if d.Live {
		l.Refresh = "2"
	}
	return v.showWith(status, "batch", l)
}

// markOutside marks the changes that are as large as a bar beyond the limit.
func markOutside(rows []named, bars []wire.Bar) {
	limit := int64(-1)
	for _, b := range bars {
		var percent int64
		if n, _ := fmt.Sscanf(strings.TrimPrefix(b.From, "+"), "%d", &percent); n == 1 && b.Outside && percent > 0 &&
			(limit < 0 || percent < limit) {
			limit = percent
		}
	}
	for i := range rows {
		change := max(rows[i].ChangePPM, -rows[i].ChangePPM)
		rows[i].Outside = limit >= 0 && change > limit*10_000
	}
}

type rowsData struct {
	Batch          wire.Batch
	State          wire.RowState
	Rows           []named
	Previous, Next string
}

// rows shows all rows of a batch in the order of the file.
func (a *App) rows(v *visit) error {
	id, token, err := v.batchAsked()
	if err != nil {
		return err
	}
	d := rowsData{State: wire.RowState(v.r.URL.Query().Get("state"))}
	if d.State != "" && !slices.Contains(wire.RowStates, d.State) {
		d.State = ""
	}
	if d.Batch, err = a.agent.Batch(v.ctx(), token, id); err != nil {
		return err
	}
	skip := v.skip()
	page, err := a.agent.Rows(v.ctx(), token, id, d.State, false, skip, rowsPage)
	if err != nil {
		return err
	}
	d.Rows = v.named(page.Rows)
	path := fmt.Sprintf("/batches/%d/rows?", id)
	if d.State != "" {
		path += "state=" + strings.ReplaceAll(string(d.State), " ", "%20") + "&"
	}
	d.Previous, d.Next = around(path, skip, rowsPage, page.More)
	return v.show(http.StatusOK, "rows", fmt.Sprintf("Rows of batch %d", id), d)
}

// act does something with a batch and leads back to it; what is wrong with what was
// entered is shown on the page itself.
func (v *visit) act(reason string, do func(token string, id int64) error) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err == nil {
		err = do(token, id)
	}
	switch tandem.ErrorCode(err) {
	case "":
		return v.redirect(fmt.Sprintf("/batches/%d", id))
	case tandem.CodeInvalid, tandem.CodeForbidden, tandem.CodeConflict, tandem.CodeRule:
		return v.app.batchPage(v, tandem.ErrorCode(err).Status(), err.Error(), reason)
	}
	return err
}

// strike takes the chosen rows out, or puts them back.
func (a *App) strike(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "The form cannot be read. Open the page again.")
	}
	s := wire.Strike{Back: v.r.PostForm.Get("back") != ""}
	for _, text := range v.r.PostForm["line"] {
		line, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return tandem.Errorf(tandem.CodeInvalid, "The form cannot be read. Open the page again.")
		}
		s.Lines = append(s.Lines, line)
	}
	return v.act("", func(token string, id int64) error {
		_, err := a.agent.Strike(v.ctx(), token, id, s)
		return err
	})
}

func (a *App) decide(v *visit) error {
	reason := strings.TrimSpace(v.r.PostFormValue("reason"))
	d := wire.Decision{Approve: v.r.PostFormValue("decision") == "approve", Reason: reason}
	return v.act(reason, func(token string, id int64) error {
		_, err := a.agent.Decide(v.ctx(), token, id, d)
		return err
	})
}

// do pauses, resumes, cancels, or has a batch checked again.
func (a *App) do(v *visit) error {
	what := v.r.PathValue("what")
	if !slices.Contains([]string{"pause", "resume", "cancel", "check"}, what) {
		return tandem.Errorf(tandem.CodeNotFound, "There is no page at this address.")
	}
	return v.act("", func(token string, id int64) error {
		_, err := a.agent.Do(v.ctx(), token, id, what)
		return err
	})
}

type rollbackData struct {
	Batch  wire.Batch
	Groups []groupChoice
	Fault  string
	Reason string
	Chosen string
}

type groupChoice struct {
	wire.Group
	Name string
}

func (a *App) rollbackForm(v *visit) error { return a.rollbackPage(v, http.StatusOK, rollbackData{}) }

func (a *App) rollbackPage(v *visit, status int, d rollbackData) error {
	id, token, err := v.batchAsked()
	if err != nil {
		return err
	}
	if d.Batch, err = a.agent.Batch(v.ctx(), token, id); err != nil {
		return err
	}
	groups, err := a.agent.Groups(v.ctx(), token, id)
	if err != nil {
		return err
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	names := v.names(setGroups, ids)
	for _, g := range groups {
		one := groupChoice{Group: g, Name: names[g.ID]}
		if one.Name == "" {
			one.Name = "group " + g.ID
		}
		d.Groups = append(d.Groups, one)
	}
	return v.show(status, "rollback", fmt.Sprintf("Roll back batch %d", id), d)
}

func (a *App) rollBack(v *visit) error {
	id, token, err := v.batchAsked()
	if err != nil {
		return err
	}
	ask := wire.Rollback{Group: v.r.PostFormValue("group"), Reason: strings.TrimSpace(v.r.PostFormValue("reason"))}
	made, err := a.agent.RollBack(v.ctx(), token, id, ask)
	switch tandem.ErrorCode(err) {
	case "":
		return v.redirect(fmt.Sprintf("/batches/%d", made.ID))
	case tandem.CodeInvalid, tandem.CodeForbidden, tandem.CodeConflict, tandem.CodeRule:
		return a.rollbackPage(v, tandem.ErrorCode(err).Status(), rollbackData{Fault: err.Error(), Reason: ask.Reason, Chosen: ask.Group})
	}
	return err
}

// report hands a report through as it comes.
func (a *App) report(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	format := v.r.PathValue("format")
	types := map[string]string{
		"csv": "text/csv; charset=utf-8", "pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}
	if types[format] == "" {
		return tandem.Errorf(tandem.CodeNotFound, "Reports are CSV, XLSX and PDF.")
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	res, err := a.agent.Report(v.ctx(), token, id, format)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	h := v.w.Header()
	h.Set("Content-Type", types[format])
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fmt.Sprintf("batch-%d.%s", id, format)}))
	if _, err := io.Copy(v.w, res.Body); err != nil {
		panic(http.ErrAbortHandler) // so that the browser sees it, too
	}
	return nil
}
