package webapp

import "net/http"

// question asks before something is done that nobody can take back. Its form is
// the one that was sent, with the answer.
type question struct {
	Heading, Text, Button string
	Action, Back          string
	Fields                map[string]string
}

// sure is the field of the answer.
const sure = "sure"

// ask shows the question; asked is false once it has been answered.
func (v *visit) ask(q question) (asked bool, err error) {
	if v.r.PostForm.Get(sure) == "yes" {
		return false, nil
	}
	return true, v.showPage(http.StatusOK, "ask", page{Title: q.Heading, Narrow: true, D: q})
}
