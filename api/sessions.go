package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
)

// setSessions is the monitor's view of the open sessions. It is not in the
// entity model, because its rows are not in the ERP's tables.
const setSessions = "Systems_Monitoring_CurrentSessions"

// currentSession is a row of the view.
type currentSession struct {
	SessionID    string     `json:"SessionId"`
	UserLogin    string     `json:"UserLogin"`
	Applications string     `json:"Applications"`
	Device       *string    `json:"Device"`
	StartTime    time.Time  `json:"StartTime"`
	LastRequest  time.Time  `json:"LastRequestTime"`
	Absolute     *time.Time `json:"AbsoluteExpirationTime"` // service sessions only
	Current      *int64     `json:"CurrentRequestsCount"`
	Total        int64      `json:"TotalRequestsCount"`
	UploadMB     *float64   `json:"UploadMB"`
	DownloadMB   *float64   `json:"DownloadMB"`
}

// sessionsType is the view in $metadata.
func (w *csdl) sessionsType() {
	w.line(`<EntityType Name="Systems_Monitoring_CurrentSessionsEntry">`)
	w.line(`<Key>`)
	w.line(`<PropertyRef Name="SessionId"/>`)
	w.line(`</Key>`)
	w.line(`<Property Name="SessionId" Type="Edm.String" Nullable="false"/>`)
	for _, p := range [][2]string{
		{"UserLogin", "Edm.String"}, {"Applications", "Edm.String"}, {"Device", "Edm.String"},
		{"StartTime", "Edm.DateTimeOffset"}, {"LastRequestTime", "Edm.DateTimeOffset"}, {"AbsoluteExpirationTime", "Edm.DateTimeOffset"},
		{"CurrentRequestsCount", "Edm.Int64"}, {"TotalRequestsCount", "Edm.Int64"}, {"UploadMB", "Edm.Double"}, {"DownloadMB", "Edm.Double"},
	} {
		w.line(`<Property Name="%s" Type="%s"/>`, p[0], p[1])
	}
	w.line(`</EntityType>`)
}

// monitor serves GET Systems_Monitoring_CurrentSessions, for administrators:
// the open sessions, the oldest first. It takes $top, $skip and $count.
func (d *Domain) monitor(w http.ResponseWriter, r *http.Request) error {
	options, rows, err := d.openSessions(r)
	if err != nil {
		return err
	}
	response := struct {
		Context string           `json:"@odata.context"`
		Count   *int             `json:"@odata.count,omitempty"`
		Value   []currentSession `json:"value"`
		Next    string           `json:"@odata.nextLink,omitempty"`
	}{Context: d.root() + "$metadata#" + setSessions, Value: []currentSession{}}
	if options.Count {
		n := len(rows)
		response.Count = &n
	}
	rows = rows[min(options.Skip, len(rows)):]
	if len(rows) > options.Top {
		rows = rows[:options.Top]
		if options.Top > 0 {
			response.Next = d.nextPage(setSessions, options, options.Top, "")
		}
	}
	for _, s := range rows {
		row := currentSession{
			SessionID: s.ID, UserLogin: s.User, Applications: s.ApplicationURI,
			StartTime: s.OpenedAt.UTC(), LastRequest: s.LastRequestAt.UTC(), Total: s.Requests,
		}
		if !s.AbsoluteExpiresAt.IsZero() {
			at := s.AbsoluteExpiresAt.UTC()
			row.Absolute = &at
		}
		response.Value = append(response.Value, row)
	}
	return document(w, r, response)
}

// monitorCount serves GET Systems_Monitoring_CurrentSessions/$count.
func (d *Domain) monitorCount(w http.ResponseWriter, r *http.Request) error {
	_, rows, err := d.openSessions(r)
	if err != nil {
		return err
	}
	return plain(w, r, "text/plain;charset=utf-8", strconv.AppendInt(nil, int64(len(rows)), 10))
}

// openSessions reads the options and the open sessions, after checking that an
// administrator asks.
func (d *Domain) openSessions(r *http.Request) (*odata.Query, []tandem.Session, error) {
	call := CallOf(r.Context())
	if call == nil || call.Principal.User == nil || !call.Principal.User.Admin {
		return nil, nil, tandem.Errorf(tandem.CodeForbidden, "%s is for administrators who are signed in.", setSessions)
	}
	options, err := odata.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range options.Given {
		switch o.Name {
		case "$filter", "$select", "$orderby", "$expand", "$search", "$skiptoken":
			return nil, nil, invalid("%s is not offered for %s; it takes $top, $skip and $count.", o.Name, setSessions)
		}
	}
	ctx, cancel := d.bounded(r)
	defer cancel()
	rows, err := d.Sessions(ctx)
	if err != nil {
		return nil, nil, err
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b tandem.Session) int {
		if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return options, rows, nil
}
