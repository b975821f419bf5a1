package worker

// reach says whose jobs and schedules a person may look into, change and stop:
// their own, and an administrator all of them. It is the one place that decides
// so, for every path of the internal API: where groups give people more than
// that, they are asked here.
func (p *person) reach(owner string) bool {
	return p.Admin || owner != "" && owner == p.UserID
}
