package webapp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// unread are what a page of notifications offers to mark as read.
func unread(d *doc) int { return strings.Count(d.Text, "Mark as read: ") }

// tell tells somebody something of a row, as a back end does.
func (s *site) tell(access, row, user, subject string) {
	s.t.Helper()
	status, said := s.in.API("POST", row+"/CreateNotification", access, fmt.Sprintf(
		`{"user":{"@odata.id":"Systems_Security_Users(%s)"},"notificationClass":"field/reminder","subject":%q,"priority":"High"}`, user, subject))
	if status != http.StatusNoContent {
		s.t.Fatalf("%s: %d %s", subject, status, said)
	}
}

// TestPeopleReadTheirNotifications: each their own, with their own token, an administrator
// too, who could see those of others; marked as read one by one and a page at once.
func TestPeopleReadTheirNotifications(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true, Engine: engine}})
			people := s.in.CreateUsers(signin.NewUser{Login: "maria", Name: "Maria Petrova", Type: tandem.InternalUser},
				signin.NewUser{Login: "boss", Name: "Boris Boss", Type: tandem.InternalUser, Admin: true})
			maria, home := s.signIn("maria", "/")
			if !strings.Contains(home.Text, `href="/notifications" aria-label="Notifications"`) {
				t.Error("nothing leads to the notifications")
			}
			page := maria.open("/notifications")
			page.wants(t, 200, "You were not told anything yet.")
			access := s.in.SignIn("admin").Access
			visit := maria.open("/visits").all("data-visit")[0]
			on := visitsSet + "(" + visit + ")"
			s.tell(access, on, people[0].ID, "Visit at 10:00: <Huber>")
			s.tell(access, on, people[0].ID, "Visit at 12:00")
			s.tell(access, on, people[0].ID, "Visit at 14:00")
			s.tell(access, on, people[1].ID, "For the administrator")

			page = maria.open("/notifications").wants(t, 200, "Visit at 10:00: <Huber>", "Visit at 14:00", "important")
			if !strings.Contains(page.Text, "&lt;Huber&gt;") || !strings.Contains(page.Text, `<a href="/visits/`+visit+`">Visit at 14:00</a>`) {
				t.Errorf("what a visit is about leads nowhere: %s", page.Text)
			}
			ids := page.all("data-notification")
			if len(ids) != 3 || unread(page) != 3 {
				t.Fatalf("maria sees %d notifications", len(ids))
			}
			admin, his := s.signIn("boss", "/notifications")
			if his.wants(t, 200, "For the administrator"); len(his.all("data-notification")) != 1 {
				t.Errorf("the administrator sees %d", len(his.all("data-notification")))
			}

			one := maria.post("/notifications", url.Values{"id": {ids[1]}}).wants(t, 200, "Visit at 12:00")
			if n := unread(one); n != 2 {
				t.Errorf("after one was read %d are not", n)
			}
			if rest := maria.submit(one, "read-all", nil).wants(t, 200, "Visit at 14:00"); unread(rest) != 0 || rest.byID("read-all") != nil {
				t.Error("after all were read some are not")
			}

			// Nobody marks what others were told; what is no id is none; people from outside have no page.
			anna, _ := s.signIn("anna", "/notifications")
			anna.post("/notifications", url.Values{"id": {his.all("data-notification")[0]}}).wants(t, 404)
			if again := admin.open("/notifications"); unread(again) != 1 {
				t.Error("somebody else marked it as read")
			}
			admin.post("/notifications", url.Values{"id": {"1)/x"}}).wants(t, 404)
			admin.post("/notifications", url.Values{}).wants(t, 404)
			paul, _ := s.signIn("paul", "/")
			paul.open("/notifications").wants(t, 403, "employees")
		})
	}
}
