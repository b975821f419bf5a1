package webapp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
)

// Notifications: what the person was told in the ERP, with their own user token.

const (
	setNotifications  = "Systems_Core_Notifications"
	pathNotifications = "/notifications"
	notificationsPage = 25
)

// notification is one as the page shows it.
type notification struct {
	ID, Subject, Kind string
	// Link is the page of what it is about; empty where there is none for the person.
	Link      string
	Important bool
	At        time.Time
	Read      bool
}

type notificationsData struct {
	Rows  []notification
	Pager pager
	// Unread are the ids of those on the page that can be marked as read.
	Unread []string
}

// aboutPages are the pages of rows that a notification may be about, by their set.
var aboutPages = map[string]string{setFieldVisits: "/visits/", setOrders: "/orders/"}

// ownNotifications is the filter for them: administrators see those of others, too.
func (v *visit) ownNotifications() string {
	return "User eq " + client.Quote(client.Ref("Systems_Security_Users", v.who.UserID))
}

// notifications lists them, the newest first.
func (a *App) notifications(v *visit) error {
	q := client.Query{
		Select: "Id,Subject,NotificationClass,Priority,IsRead,CreationTimeUtc", Filter: v.ownNotifications(), OrderBy: "CreationTimeUtc desc",
		Top: notificationsPage, Skip: v.skip(), Count: true,
	}
	if v.may(setDataObjects).Read {
		q.Expand = "DataObject($select=EntityType,EntityItemId)"
	}
	found, err := client.FirstPage[struct {
		ID                          string `json:"Id"`
		Subject                     *string
		NotificationClass, Priority string
		IsRead                      bool
		CreationTimeUtc             time.Time
		DataObject                  *struct{ EntityType, EntityItemId string }
	}](v.ctx(), v.api(), setNotifications, q)
	if err != nil {
		return err
	}
	var d notificationsData
	for _, e := range found.Value {
		n := notification{
			ID: e.ID, Subject: text(e.Subject), Kind: e.NotificationClass, Important: e.Priority == "High" || e.Priority == "Urgent",
			At: e.CreationTimeUtc, Read: e.IsRead,
		}
		if n.Subject == "" {
			n.Subject = n.Kind
		}
		if about := e.DataObject; about != nil && aboutPages[about.EntityType] != "" && v.may(about.EntityType).Read {
			n.Link = aboutPages[about.EntityType] + about.EntityItemId
		}
		if !n.Read && v.may(setNotifications).Update {
			d.Unread = append(d.Unread, n.ID)
		}
		d.Rows = append(d.Rows, n)
	}
	total := int64(0)
	if found.Count != nil {
		total = *found.Count
	}
	d.Pager = newPager(v.r.URL, v.skip(), len(d.Rows), notificationsPage, total, found.NextLink != "" || int64(v.skip()+len(d.Rows)) < total)
	return v.show(http.StatusOK, "notifications", "Notifications", d)
}

// readNotifications marks those as read that the form names, in one call: all or none.
func (a *App) readNotifications(v *visit) error {
	ids := v.r.PostForm["id"]
	if len(ids) == 0 || len(ids) > notificationsPage || slices.ContainsFunc(ids, func(id string) bool { return !guid.MatchString(id) }) {
		return notFound("There is no such notification. Open the page again and press there.")
	}
	marked := &client.BatchPart{}
	for _, id := range ids {
		marked.Changes = append(marked.Changes, client.Change{Method: http.MethodPatch, Path: client.Ref(setNotifications, strings.ToLower(id)), Body: map[string]bool{"IsRead": true}})
	}
	err := v.api().Batch(v.ctx(), false, marked)
	if err == nil {
		err = marked.Err
	}
	if err != nil {
		return err
	}
	return v.redirect(pathNotifications)
}
