package erp

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

const (
	setNotifications             = "Systems_Core_Notifications"
	priorityNormal         int64 = 3
	maxNotificationSubject       = 256
)

// Notifications: what people are told, each their own, as long as they see the row that it
// is about. CreateNotification of a row tells
// somebody of it; who was told says only that they have read it.

func notificationPriority() *model.Enum {
	return &model.Enum{Name: "Systems_Core_Notification_Priority", Members: []model.Member{
		{Name: "Background", Value: 1}, {Name: "Low", Value: 2}, {Name: "Normal", Value: priorityNormal}, {Name: "High", Value: 4}, {Name: "Urgent", Value: 5},
	}}
}

func notificationSets() []write.Declaration {
	set := model.Root(setNotifications, "Systems_Core_Notification", "erp_notifications").HangsBy("DataObject").PersonalTo("User").
		Display("{NotificationClass}: {Subject}").Search("Subject").
		With(
			model.Text("NotificationClass", 64).Required().Can(eq|in),
			model.Text("Subject", maxNotificationSubject).Can(eq|like),
			model.OneOf("Priority", notificationPriority()).Required().Is(model.IntValue(priorityNormal)).Can(eq|ge),
			model.Bool("IsRead").Required().Is(model.BoolValue(false)).Can(eq),
			model.Text("Anchor", 128),
			model.DateTime("CreationTimeUtc").Required().ReadOnly().From(model.FromTime).KeepTime().Can(ge|ord),
			model.Text("CreationUser", 64).Required().ReadOnly().From(model.FromLogin),
			model.Ref("User", setUsers).Required().Filterable(),
			model.Ref("DataObject", setDataObjects).Filterable(),
		)
	for _, p := range set.Properties {
		p.CreateOnly = !p.ReadOnly && p.Name != "IsRead" // what somebody was told stays
	}
	return []write.Declaration{{
		Set: set,
		Rules: []write.Rule{
			{Code: "TN1", Text: "User must be the account of an active person: nobody reads the notifications of others.", Broken: unreadable},
		},
	}}
}

// unreadable reports whether a new notification is for an account that reads none.
func unreadable(c *write.Change) (bool, error) {
	if !c.New {
		return false, nil
	}
	u, err := c.Ref("User")
	if err != nil || u == nil {
		return false, err
	}
	person := get(u, "UserType").Int == userInternal || get(u, "UserType").Int == userExternal
	return get(u, "Active").Int == 0 || !person, nil
}

// createNotification is the action that all rows have. Its ExternalId and ExternalSystem,
// which ERP.net does not have, let a caller that got no answer ask again: the notification
// of that name is made once.
var createNotification = model.Action{Name: "CreateNotification", Parameters: []model.Parameter{
	{Name: "user", Type: "Erp.OpenObject"}, {Name: "notificationClass", Type: "Edm.String"}, {Name: "subject", Type: "Edm.String"},
	{Name: "priority", Type: "Edm.String"}, {Name: "externalId", Type: "Edm.String"}, {Name: "externalSystem", Type: "Edm.String"},
}}

func notify(c *write.Change, args *write.Arguments) error {
	set := c.Record.Set.Model().Set(setNotifications)
	if err := c.Grants(set, permission.Create); err != nil {
		return err
	}
	o := &write.Object{}
	user, _ := args.Get("user")
	o.Set("User", user)
	for _, a := range [][2]string{{"notificationClass", "NotificationClass"}, {"subject", "Subject"}, {"priority", "Priority"},
		{"externalId", "ExternalId"}, {"externalSystem", "ExternalSystem"}} {
		text, err := args.Text(a[0])
		if err != nil {
			return err
		}
		if text != "" {
			o.Set(a[1], text)
		}
	}
	told, err := toldAlready(c, set, o)
	if err != nil || told {
		return err
	}
	object, err := dataObjectOf(c)
	if err != nil {
		return err
	}
	_, err = c.Beside(set, o.Set("DataObject", (&write.Object{}).Set("@odata.id", object.String())))
	return err
}

// toldAlready reports whether the caller has made the notification of this ExternalId. That
// of somebody else is a conflict, which tells nothing but that the name is taken.
func toldAlready(c *write.Change, set *model.Set, o *write.Object) (bool, error) {
	id, _ := o.Get("ExternalId")
	text, _ := id.(string)
	if text == "" {
		return false, nil
	}
	system, _ := o.Get("ExternalSystem")
	of, _ := system.(string)
	found, err := c.Rows(set, maxOfOneID, "ExternalId", model.TextValue(text))
	if err != nil {
		return false, err
	}
	for _, r := range found {
		if get(r, "ExternalId").Text != text || get(r, "ExternalSystem").Text != of {
			continue
		}
		if get(r, "CreationUser").Text != c.Login().Text {
			return false, tandem.Errorf(tandem.CodeConflict, "%s: the ExternalId is taken; choose another, or an ExternalSystem of your own.", set.Name)
		}
		return true, nil
	}
	return false, nil
}

// maxOfOneID is how many notifications of one ExternalId, of different systems or written
// in another case, are looked at.
const maxOfOneID = 100

// dataObjectOf is what stands for the row, made where it is missing: it shows nothing that
// the row does not.
func dataObjectOf(c *write.Change) (model.Entity, error) {
	set := c.Record.Set.Model().Set(setDataObjects)
	found, err := c.Rows(set, 1, "EntityItemId", model.TextValue(c.ID), "EntityType", model.TextValue(c.Record.Set.Name))
	if err != nil {
		return model.Entity{}, err
	}
	if len(found) > 0 {
		return model.Entity{Set: set, ID: found[0].ID}, nil
	}
	return c.Beside(set, (&write.Object{}).Set("EntityType", c.Record.Set.Name).Set("EntityItemId", c.ID))
}
