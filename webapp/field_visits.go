package webapp

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
)

// Visits of technicians (service activities of the ERP), with the person's user token:
// what was planned, what was done and used, and the files of it.

const (
	setFieldVisits = "Applications_Service_ServiceActivities"
	setDataObjects = "Systems_Core_ExtensibleDataObjects"
	setFiles       = "Systems_Core_ObjectFiles"

	fieldVisitsPage   = 25
	fieldVisitList    = "DocumentNo,Subject,StartTime,EndTime,State,Void"
	fieldVisitExpand  = customerExpand + "," + statusExpand + ",ResponsibleParty($select=DisplayText)"
	fieldVisitSelect  = fieldVisitList + ",PlannedDurationMinutes,Notes,ReceiverPersonName,CreationUser,VoidReason,ObjectVersion"
	fieldVisitDetails = fieldVisitExpand + ",DefaultServiceObject($select=Name,SerialNumber),LocationPartyContactMechanism($select=Name)," +
		"Services($select=LineNo,ServiceName,Quantity,Notes;$orderby=LineNo),Materials($select=LineNo,Quantity;$expand=Product($select=PartNumber,Name);$orderby=LineNo)," + historyExpand
	fileSelect = "Id,FileName,FileSizeBytes,MediaType,MediaWidth,MediaHeight,PurposeCode,Notes,ExternalId,CreationTimeUtc"

	// thumbnail is the purpose of the small picture of a photo, whose ExternalId is the
	// photo's with this after it.
	thumbnail   = "field/thumbnail"
	ofThumbnail = "/thumbnail"
	fileWithin  = 15 * time.Minute
)

// erpFieldVisit is a visit as the API tells it.
type erpFieldVisit struct {
	ID                                       string `json:"@odata.id"`
	DocumentNo, Subject, State, CreationUser string
	StartTime                                time.Time
	EndTime                                  *time.Time
	Void                                     bool
	Notes, VoidReason                        *string
	ReceiverPersonName                       client.Text
	PlannedDurationMinutes                   *int
	Customer                                 erpCustomer
	UserStatus                               *erpStatus
	ResponsibleParty                         struct{ DisplayText string }
	DefaultServiceObject                     *struct{ Name, SerialNumber string }
	LocationPartyContactMechanism            *struct{ Name string }
	Services                                 []struct {
		ServiceName string
		Quantity    client.Quantity
		Notes       *string
	}
	Materials []struct {
		Quantity client.Quantity
		Product  struct {
			PartNumber string
			Name       client.Text
		}
	}
	StateChanges []erpStateChange
}

// fieldVisit is one as the pages show it.
type fieldVisit struct {
	ID, Number, Subject, State, Customer, CustomerID, Technician  string
	Object, Serial, Address, Receiver, Notes, VoidReason, Creator string
	Start                                                         time.Time
	End                                                           *time.Time
	Planned                                                       int
	Void                                                          bool
	Status                                                        *orderStatus
	Services, Materials                                           []fieldVisitLine
}

type fieldVisitLine struct {
	Name, Code, Notes string
	Quantity          client.Quantity
}

func (e *erpFieldVisit) view() fieldVisit {
	v := fieldVisit{
		ID: idOf(e.ID), Number: e.DocumentNo, Subject: e.Subject, State: e.State, Customer: e.Customer.DisplayText, CustomerID: idOf(e.Customer.ID),
		Technician: e.ResponsibleParty.DisplayText, Receiver: e.ReceiverPersonName.In("EN"), Notes: text(e.Notes), VoidReason: text(e.VoidReason),
		Creator: e.CreationUser, Start: e.StartTime, End: e.EndTime, Void: e.Void, Status: statusOf(e.UserStatus),
	}
	if e.PlannedDurationMinutes != nil {
		v.Planned = *e.PlannedDurationMinutes
	}
	if o := e.DefaultServiceObject; o != nil {
		v.Object, v.Serial = o.Name, o.SerialNumber
	}
	if at := e.LocationPartyContactMechanism; at != nil {
		v.Address = at.Name
	}
	for _, s := range e.Services {
		v.Services = append(v.Services, fieldVisitLine{Name: s.ServiceName, Notes: text(s.Notes), Quantity: s.Quantity})
	}
	for _, m := range e.Materials {
		v.Materials = append(v.Materials, fieldVisitLine{Name: m.Product.Name.In("EN"), Code: m.Product.PartNumber, Quantity: m.Quantity})
	}
	return v
}

type fieldVisitsData struct {
	period
	Search string
	Heads  []columnHead
	Orders []sortChoice
	Rows   []fieldVisit
	Pager  pager
}

var fieldVisitSorts = map[string]string{"": "StartTime desc,DocumentNo desc", "oldest": "StartTime,DocumentNo", "number": "DocumentNo", "-number": "DocumentNo desc"}

// fieldVisits lists and searches them by number, subject and customer.
func (a *App) fieldVisits(v *visit) error {
	d := fieldVisitsData{period: v.period(), Search: v.query("q", 100)}
	order := v.sortedBy("newest", by("Visit", "number"), sortable{Text: "When", Up: "oldest", Down: "newest", First: "newest"},
		sortable{Text: "Customer"}, sortable{Text: "Technician"}, sortable{Text: "State"})
	d.Heads = order.Heads
	d.Orders = order.choices("", "Newest first", "oldest", "Oldest first", "number", "By number")
	from, until := d.times(readerOf(v.r).location())
	var conditions []string
	if !from.IsZero() {
		conditions = append(conditions, "StartTime ge "+client.Time(from))
	}
	if !until.IsZero() {
		conditions = append(conditions, "StartTime le "+client.Time(until.Add(-time.Millisecond)))
	}
	found, err := client.FirstPage[erpFieldVisit](v.ctx(), v.api(), setFieldVisits, client.Query{
		Select: fieldVisitList, Expand: fieldVisitExpand, OrderBy: fieldVisitSorts[order.Sort], Search: d.Search, Filter: client.And(conditions...),
		Top: fieldVisitsPage, Skip: v.skip(), Count: true, SkipHidden: true,
	})
	if err != nil {
		return err
	}
	for _, e := range found.Value {
		d.Rows = append(d.Rows, e.view())
	}
	total := int64(0)
	if found.Count != nil {
		total = *found.Count
	}
	d.Pager = newPager(v.r.URL, v.skip(), len(d.Rows), fieldVisitsPage, total, found.NextLink != "" || int64(v.skip()+len(d.Rows)) < total)
	return v.show(http.StatusOK, "visits", "Visits", d)
}

// file is one of a visit, with its small picture where it has one.
type file struct {
	ID, Name, MediaType, Purpose, Notes, Picture string
	Size                                         int64
	Width, Height                                int
	At                                           time.Time
}

type fieldVisitData struct {
	Visit   fieldVisit
	Files   []file
	History []happening
}

func (a *App) fieldVisit(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	e, err := client.Get[erpFieldVisit](v.ctx(), v.api(), client.Ref(setFieldVisits, id), client.Query{Select: fieldVisitSelect, Expand: fieldVisitDetails, SkipHidden: true})
	if err != nil {
		return err
	}
	if e.ID == "" {
		e.ID = client.Ref(setFieldVisits, id)
	}
	d := fieldVisitData{Visit: e.view(), History: historyOf(e.StateChanges)}
	if v.may(setDataObjects).Read {
		if d.Files, err = v.filesOf(setFieldVisits, id); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, "visit", "Visit "+d.Visit.Number, d)
}

// filesOf are the files of a row, the oldest first; small pictures go with what they are of.
func (v *visit) filesOf(set, id string) ([]file, error) {
	found, err := client.FirstPage[struct {
		Files []struct {
			ID                                        string `json:"Id"`
			FileName                                  string
			MediaType, PurposeCode, Notes, ExternalId *string
			FileSizeBytes                             *int64
			MediaWidth, MediaHeight                   *int
			CreationTimeUtc                           time.Time
		}
	}](v.ctx(), v.api(), setDataObjects, client.Query{
		Filter: client.And("EntityItemId eq "+id, "EntityType eq "+client.Quote(set)), Select: "Id", Expand: "Files($select=" + fileSelect + ")", Top: 1,
		SkipHidden: true,
	})
	if err != nil || len(found.Value) == 0 {
		return nil, err
	}
	var all []file
	pictures := map[string]string{} // ExternalId of a photo → its small picture
	external := map[string]string{}
	for _, f := range found.Value[0].Files {
		if text(f.PurposeCode) == thumbnail && text(f.ExternalId) != "" {
			pictures[strings.TrimSuffix(text(f.ExternalId), ofThumbnail)] = f.ID
			continue
		}
		one := file{ID: f.ID, Name: f.FileName, MediaType: text(f.MediaType), Purpose: text(f.PurposeCode), Notes: text(f.Notes), At: f.CreationTimeUtc}
		if f.FileSizeBytes != nil {
			one.Size = *f.FileSizeBytes
		}
		if f.MediaWidth != nil && f.MediaHeight != nil {
			one.Width, one.Height = *f.MediaWidth, *f.MediaHeight
		}
		external[f.ID] = text(f.ExternalId)
		all = append(all, one)
	}
	for i := range all {
		all[i].Picture = pictures[external[all[i].ID]]
	}
	slices.SortStableFunc(all, func(x, y file) int { return cmp.Or(x.At.Compare(y.At), strings.Compare(x.Name, y.Name)) })
	return all, nil
}

// shown are the kinds of pictures that a page may show; all else is saved.
var shown = map[string]bool{"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true}

// fileContent hands a file of the ERP through, as it comes: to be saved under its name, or
// a picture to be shown.
func (a *App) fileContent(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.ctx(), fileWithin)
	defer cancel()
	c, err := v.api().Content(ctx, client.Ref(setFiles, id), "EmbeddedFileContents")
	if err != nil {
		return err
	}
	defer c.Body.Close()
	return a.sendFile(v, content{c.Name, c.MediaType, c.Size, c.Body})
}

// content is a file on its way; Size is -1 where it is not known.
type content struct {
	Name, MediaType string
	Size            int64
	Body            io.Reader
}

// sendFile hands a file on as it comes: to be saved under its name, or a picture to be shown.
func (a *App) sendFile(v *visit, c content) error {
	v.extend(fileWithin)
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", "application/octet-stream")
	disposition := "attachment"
	if shown[c.MediaType] {
		h.Set("Content-Type", c.MediaType)
		if v.r.URL.Query().Get("as") == "picture" {
			disposition = "inline"
		}
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": cmp.Or(c.Name, "file")}))
	if c.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(c.Size, 10))
	}
	if _, err := io.Copy(v.w, c.Body); err != nil {
		a.log.WarnContext(v.ctx(), "download broke off", "path", v.r.URL.Path, "error", err)
		panic(http.ErrAbortHandler) // so that the browser sees it, too
	}
	return nil
}
