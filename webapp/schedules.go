package webapp

import (
	"net/http"

	"github.com/hybridapps/tandem/internalapi"
)

// schedulesData are the schedules, one of them perhaps in a form.
type schedulesData struct {
	Schedules []internalapi.Schedule
	// Edit is the id of the schedule whose form is open, with what was typed.
	Edit  string
	Typed internalapi.ScheduleEdit
	Fault string
}

func (a *App) schedules(v *visit) error {
	return a.showSchedules(v, http.StatusOK, schedulesData{Edit: v.query("edit", 100)})
}

func (a *App) showSchedules(v *visit, status int, d schedulesData) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	if d.Schedules, err = a.worker.Schedules(v.ctx(), token); err != nil {
		return err
	}
	for _, s := range d.Schedules {
		if s.ID == d.Edit && d.Fault == "" {
			d.Typed = internalapi.ScheduleEdit{Spec: s.Spec, TimeZone: s.TimeZone}
		}
	}
	return v.show(status, "schedules", "Schedules", d)
}

func (a *App) scheduleDo(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	id := v.r.PathValue("id")
	switch v.r.PathValue("do") {
	case "edit":
		return a.editSchedule(v, token, id)
	case "pause":
		_, err = a.worker.PauseSchedule(v.ctx(), token, id)
	case "resume":
		_, err = a.worker.ResumeSchedule(v.ctx(), token, id)
	case "run":
		job, err := a.worker.RunSchedule(v.ctx(), token, id)
		if err != nil {
			return err
		}
		return v.redirect(jobPath(job.ID))
	default:
		return notFound("A schedule can be edited, paused, resumed and run.")
	}
	if err != nil {
		return err
	}
	return v.redirect("/schedules")
}

// editSchedule gives a schedule another time. One that cannot be read leads
// back to the form, with what was typed.
func (a *App) editSchedule(v *visit, token, id string) error {
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	typed := internalapi.ScheduleEdit{Spec: v.r.PostForm.Get("spec"), TimeZone: v.r.PostForm.Get("time_zone")}
	_, err := a.worker.EditSchedule(v.ctx(), token, id, typed)
	if err == nil {
		return v.redirect("/schedules")
	}
	message, status, ok := a.formFault(v, err)
	if !ok || status >= http.StatusInternalServerError { // the page needs the worker, too
		return err
	}
	return a.showSchedules(v, status, schedulesData{Edit: id, Typed: typed, Fault: message})
}
