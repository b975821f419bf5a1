// Package jobs runs work in the background and shows it to people.
//
// It owns the jobs as people see them (state, progress, who asked, result,
// report, file), the files a job was given or made, the schedules that start
// jobs, and the engine beneath: which process runs what, and what happens when
// one dies. A kind of job is an entry of a table, see [Kind].
//
// Any back end can run its jobs with it: its tables have a timeline of their own,
// see [MigrateTables]. It knows no kind by name and nothing of the ERP. When a
// failure is worth another try is said by the owner of the kinds, see [Config].
//
// Jobs are rows of the worker's own database, and nothing that people see is
// anywhere else. At first a job is in the hand of the process that was asked for it,
// which the row names; one that is not soon over is a workflow of DBOS Transact too,
// which remembers the process that has it. So a job of a process that died goes on
// elsewhere, or after a restart. Attempts are numbered, and only the latest
// writes: none is run twice to effect. See docs/adr/0010-jobs.md.
package jobs
