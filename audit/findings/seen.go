package findings

import "slices"

// Seen is an audit beside the one before.
type Seen struct {
	// Known is what is to be noted of what was found, by fingerprint; Was what earlier
	// audits had noted.
	Known, Was map[string]Known
	// Opened are those that were not there before, or got worse, Closed those that are
	// there no more.
	Opened map[string]bool
	Closed []string
}

// rest is the subject that tells of findings which are not shown.
const rest = "more"

// Compare compares an audit by the rules that were run last with the one before.
func (f *Facts) Compare(all []Judged) Seen {
	s := Seen{Known: map[string]Known{}, Was: f.Known, Opened: map[string]bool{}}
	partly := map[string]bool{} // rules that found more than is shown
	for i := range all {
		j := &all[i]
		if j.Kind == "instance" && j.Finding.ID == rest {
			partly[j.Rule] = true
			continue
		}
		was, known := f.Known[j.ID]
		s.Known[j.ID] = Known{j.Rule, j.Kind, j.Name, j.Severity, j.State == Accepted, j.FirstSeen}
		if !known || was.Severity < j.Severity || was.Accepted && j.State == Open {
			s.Opened[j.ID] = true
		}
	}
	for id, was := range f.Known {
		if _, there := s.Known[id]; !there && f.ran[was.Rule] && !partly[was.Rule] {
			s.Closed = append(s.Closed, id)
		}
	}
	slices.Sort(s.Closed)
	return s
}
