package internalapi

import "time"

// JobKind names what a job does.
type JobKind string

// The kinds of job.
const (
	// JobSyncStock pulls products and stock balances into the worker's store.
	JobSyncStock JobKind = "sync_stock"
	// JobImport sends uploaded CSV files to the ERP by a mapping file. It is
	// started by an upload, see [Client.Import].
	JobImport JobKind = "import"
	// JobExportOrders writes the sales orders of a period to a file.
	JobExportOrders JobKind = "export_orders"
)

// JobState is where a job stands. The last three are final.
type JobState string

// The job states.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobCompleted JobState = "completed"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Final reports whether a job in this state never changes again.
func (s JobState) Final() bool {
	return s == JobCompleted || s == JobFailed || s == JobCancelled
}

// Job is one background job.
type Job struct {
	ID    string   `json:"id"`
	Kind  JobKind  `json:"kind"`
	State JobState `json:"state"`
	// Progress is 0 to 100 and never falls, except when a stopped worker
	// starts the job again.
	Progress int `json:"progress"`
	// Note is one line about what the job does right now, or why it waits
	// ("paused: the application is disabled; next try at 10:15:00Z").
	Note string `json:"note,omitempty"`
	// Result is set once the job has completed, and as far as it came when it
	// failed or was cancelled.
	Result *JobResult `json:"result"`
	// Error says why a job failed, for a person to read.
	Error string `json:"error,omitempty"`
	// RequestedBy is the login of the person who asked, or "schedule: NAME".
	RequestedBy string     `json:"requested_by"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
	// Attempts counts how often a worker began the job.
	Attempts int `json:"attempts"`
	// Manage says that who asks may stop the job and see what it is about. For
	// others Note, Result and Error are left out, and report and file refused.
	Manage bool `json:"manage"`
}

// JobResult is what a job did.
type JobResult struct {
	// Summary is one sentence for a person.
	Summary string `json:"summary"`
	// Steps are the parts of the job in their order: "products" and
	// "balances" of a sync, one per file of an import.
	Steps []StepResult `json:"steps,omitempty"`
	// DryRun says that the counts are of what would have been done: nothing was.
	DryRun bool `json:"dry_run,omitempty"`
	// Problems counts what was left out: rows that were refused, and files. A job
	// that has completed with some is shown as "completed with problems".
	Problems int64 `json:"problems,omitempty"`
	// File is set when the job made a file to download.
	File *ResultFile `json:"file,omitempty"`
}

// StepResult counts the rows of one part of a job.
type StepResult struct {
	Name      string `json:"name"`
	Rows      int64  `json:"rows"`
	Added     int64  `json:"added"`
	Changed   int64  `json:"changed"`
	Unchanged int64  `json:"unchanged"`
	Removed   int64  `json:"removed,omitempty"`
	// Refused rows have an entry each in the job's report, Warnings too.
	Refused  int64 `json:"refused,omitempty"`
	Warnings int64 `json:"warnings,omitempty"`
	// Note explains a step that was skipped.
	Note string `json:"note,omitempty"`
}

// ResultFile is a file that a job made. It is gone after ExpiresAt.
type ResultFile struct {
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	ExpiresAt time.Time `json:"expires_at"`
}

// NewJob asks for a job.
type NewJob struct {
	Kind JobKind `json:"kind"`
	// From and To bound the order date of an export, both inclusive, as
	// YYYY-MM-DD.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Format of an export is "csv" (the default) or "xlsx".
	Format string `json:"format,omitempty"`
}

// JobPage is a page of jobs, the newest first.
type JobPage struct {
	Jobs []Job `json:"jobs"`
	// More says that further rows follow.
	More bool `json:"more"`
}

// Severity of a report row.
const (
	// SeverityRefused rows were left out.
	SeverityRefused = "refused"
	// SeverityWarning rows were taken, after a repair that is described.
	SeverityWarning = "warning"
)

// ReportRow says what was wrong with one row of an uploaded file.
type ReportRow struct {
	File string `json:"file"`
	// Row is the line number in the file, the header being line 1; 0 means
	// the file as a whole.
	Row      int64  `json:"row"`
	Severity string `json:"severity"`
	// Column and Value say where; Value is an excerpt.
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
}

// ReportGroup is a kind of problem that rows of one file have.
type ReportGroup struct {
	File     string `json:"file"`
	Severity string `json:"severity"`
	Column   string `json:"column,omitempty"`
	// Reason is that of one of them; in those of the others numbers and what was
	// written may differ.
	Reason string `json:"reason"`
	// First is the first line that has it, 0 is the file as a whole. Count counts
	// them.
	First int64 `json:"first"`
	Count int64 `json:"count"`
}

// ImportFile is a file that the worker's mapping knows.
type ImportFile struct {
	Name string `json:"name"`
	// Columns are those that the mapping uses, in its order; a file may have more.
	Columns []string `json:"columns"`
	// Separator parts them in a template.
	Separator string `json:"separator"`
}

// ImportPlan is what the worker's mapping knows.
type ImportPlan struct {
	// Name is the mapping's.
	Name  string       `json:"name"`
	Files []ImportFile `json:"files"`
}

// FieldDryRun is the field of an upload that asks what an import would do, and
// changes nothing; any value but the empty one means yes.
const FieldDryRun = "dry_run"

// ReportPage is a page of a job's report in the order of files and rows.
type ReportPage struct {
	Rows []ReportRow `json:"rows"`
	// Groups are the kinds of problem, the first page alone has them: those that
	// refused the most rows come first.
	Groups []ReportGroup `json:"groups,omitempty"`
	// Total counts all rows of the report.
	Total int64 `json:"total"`
	More  bool  `json:"more"`
}

// Page asks for a part of a list; the zero value is the first [DefaultPage]
// rows.
type Page struct{ Skip, Top int }

// JobQuery narrows and orders the list of jobs.
type JobQuery struct {
	Page
	// Sort is created, kind, state or requested_by, with "-" before it for the
	// reverse; empty means -created.
	Sort string
	// From and Until bound when a job was asked for, Until not included; zero is no
	// bound.
	From, Until time.Time
}

// Schedule starts a job at set times.
type Schedule struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	Kind JobKind `json:"kind"`
	// Spec is five-field cron, read in TimeZone (an IANA name).
	Spec     string `json:"spec"`
	TimeZone string `json:"time_zone"`
	// Words are Spec and TimeZone for a person: "every day at 02:00,
	// Europe/Sofia".
	Words  string `json:"words"`
	Paused bool   `json:"paused"`
	// Manage says that who asks may edit, pause, resume and run the schedule.
	Manage bool `json:"manage"`
	// NextAt is nil while the schedule is paused.
	NextAt *time.Time `json:"next_at,omitempty"`
	LastAt *time.Time `json:"last_at,omitempty"`
	// LastJob is the job that the schedule started last.
	LastJob *Job `json:"last_job,omitempty"`
}

// ScheduleEdit is the new time of a schedule. A specification or zone that
// cannot be read is refused with [tandem.CodeInvalid].
type ScheduleEdit struct {
	// Spec is five-field cron.
	Spec string `json:"spec"`
	// TimeZone is an IANA name.
	TimeZone string `json:"time_zone"`
}

// When is a time for the wire: nil where there is none.
func When(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
