package admin

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

type handInData struct{ Fault, Done string }

func (a *App) handInForm(v *visit) error {
	return v.show(http.StatusOK, "handin", "Hand in a file", handInData{})
}

// handIn hands a file on to the agent as it comes: neither memory nor disk of the pages
// holds it.
func (a *App) handIn(v *visit) error {
	parts, err := v.r.MultipartReader()
	if err != nil {
		return v.show(http.StatusBadRequest, "handin", "Hand in a file", handInData{Fault: "Choose the file with the form below."})
	}
	part, err := filePart(parts)
	if err != nil {
		return v.show(http.StatusBadRequest, "handin", "Hand in a file", handInData{Fault: "Choose a file first."})
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	name := part.FileName()
	err = a.agent.HandIn(v.ctx(), token, name, part)
	switch code := tandem.ErrorCode(err); code {
	case "":
		return v.redirect("/")
	case tandem.CodeInvalid, tandem.CodeForbidden, tandem.CodeNotFound, tandem.CodeTooLarge:
		return v.show(code.Status(), "handin", "Hand in a file", handInData{Fault: err.Error()})
	}
	return err
}

func filePart(parts *multipart.Reader) (*multipart.Part, error) {
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			return part, nil
		}
	}
}

func (a *App) mappings(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	all, err := a.agent.Mappings(v.ctx(), token)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "mappings", "Mappings", all)
}

type mappingData struct {
	Mapping wire.Mapping
	// Newest says that the version shown is the one that is used.
	Newest   bool
	Fault    string
	Tried    *wire.Tried
	Rows     []named
	FileName string
}

func (a *App) mapping(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(v.r.URL.Query().Get("version"), 10, 64)
	if err != nil {
		version = 0
	}
	m, err := a.agent.Mapping(v.ctx(), token, v.r.PathValue("name"), version)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "mapping", "Mapping "+m.Name, mappingData{Mapping: m, Newest: newest(m)})
}

func newest(m wire.Mapping) bool { return len(m.Versions) == 0 || m.Versions[0].Version == m.Version }

// saveMapping adds a version, or tries what is written on a sample.
func (a *App) saveMapping(v *visit) error {
	if err := v.r.ParseMultipartForm(maxForm); err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "The form cannot be read, or the sample is too large. Open the page again.")
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	name, content := v.r.PathValue("name"), v.r.PostFormValue("content")
	m, err := a.agent.Mapping(v.ctx(), token, name, 0)
	if err != nil {
		return err
	}
	d := mappingData{Mapping: m, Newest: true}
	d.Mapping.Content = content
	status := http.StatusOK
	if v.r.PostFormValue("try") != "" {
		err = a.try(v, token, &d)
	} else if _, err = a.agent.SaveMapping(v.ctx(), token, name, content); err == nil {
		return v.redirect("/mappings/" + name)
	}
	switch code := tandem.ErrorCode(err); code {
	case "":
	case tandem.CodeInvalid, tandem.CodeForbidden, tandem.CodeTooLarge, tandem.CodeNotFound:
		d.Fault, status = err.Error(), code.Status()
	default:
		return err
	}
	return v.show(status, "mapping", "Mapping "+name, d)
}

// try shows what the text makes of a sample file.
func (a *App) try(v *visit, token string, d *mappingData) error {
	file, head, err := v.r.FormFile("sample")
	if err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "Choose a sample file to try the mapping on.")
	}
	defer file.Close()
	sample, err := io.ReadAll(io.LimitReader(file, wire.MaxSample+1))
	if err != nil {
		return err
	}
	if len(sample) > wire.MaxSample {
		return tandem.Errorf(tandem.CodeTooLarge, "A sample has %d KB at most: the first rows are enough.", wire.MaxSample>>10)
	}
	tried, err := a.agent.Try(v.ctx(), token, wire.Trial{Content: d.Mapping.Content, FileName: head.Filename, Sample: sample})
	if err != nil {
		return err
	}
	d.Tried, d.Rows, d.FileName = &tried, v.named(tried.Rows), head.Filename
	return nil
}

type connectorsData struct {
	Connectors []wire.Connector
	Changes    []wire.Event
	MayEdit    bool
	Fault      string
	Form       wire.Connector
	Port       string
}

func (a *App) connectors(v *visit) error { return a.connectorsPage(v, http.StatusOK, connectorsData{}) }

func (a *App) connectorsPage(v *visit, status int, d connectorsData) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	if d.Connectors, err = a.agent.Connectors(v.ctx(), token); err != nil {
		return err
	}
	mappings, err := a.agent.Mappings(v.ctx(), token)
	if err != nil {
		return err
	}
	d.MayEdit = len(mappings) > 0 && mappings[0].MayEdit
	if d.Changes, err = a.agent.Changes(v.ctx(), token); err != nil {
		return err
	}
	if name := v.r.URL.Query().Get("edit"); name != "" && d.Fault == "" {
		for _, c := range d.Connectors {
			if c.Name == name {
				d.Form = c
				if c.Port > 0 {
					d.Port = strconv.Itoa(c.Port)
				}
			}
		}
	}
	return v.show(status, "connectors", "Connectors", d)
}

func (a *App) saveConnector(v *visit) error {
	value := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	d := connectorsData{Port: value("port"), Form: wire.Connector{
		Name: value("name"), Host: value("host"), User: value("user"), Dir: value("dir"), HostKey: value("host_key"),
		Password: v.r.PostFormValue("password"), PrivateKey: value("private_key"), Paused: value("paused") != "",
	}}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	if d.Port != "" {
		if d.Form.Port, err = strconv.Atoi(d.Port); err != nil {
			err = tandem.Errorf(tandem.CodeInvalid, "the port is a number up to 65535")
		}
	}
	if d.Form.Name == "" {
		err = tandem.Errorf(tandem.CodeInvalid, "name the connector")
	}
	if err == nil {
		if _, err = a.agent.SaveConnector(v.ctx(), token, d.Form); err == nil {
			return v.redirect("/connectors")
		}
	}
	switch code := tandem.ErrorCode(err); code {
	case tandem.CodeInvalid, tandem.CodeForbidden:
		d.Fault, d.Form.Password, d.Form.PrivateKey = err.Error(), "", ""
		return a.connectorsPage(v, code.Status(), d)
	}
	return err
}

func (a *App) removeConnector(v *visit) error {
	token, err := v.evidence()
	if err == nil {
		err = a.agent.RemoveConnector(v.ctx(), token, v.r.PathValue("name"))
	}
	if err != nil {
		return err
	}
	return v.redirect("/connectors")
}

// chart is the histogram as the template draws it.
type chart struct {
	Label string
	Bars  []bar
	Any   bool
}

type bar struct {
	X, Y, W, H, Mid, Count string
	From, Title            string
	Outside                bool
}

// histogram draws how many prices change by how much.
func histogram(bars []wire.Bar) chart {
	const width, top, base = 640.0, 26.0, 190.0
	c := chart{Label: "How many prices change by how much:"}
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.Rows)
		c.Any = c.Any || b.Rows > 0
	}
	slot := width / float64(max(1, len(bars)))
	at := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	for i, b := range bars {
		h := float64(b.Rows) / float64(most) * (base - top)
		if b.Rows > 0 {
			h = max(h, 3)
		}
		upto := ""
		if i+1 < len(bars) {
			upto = " to " + bars[i+1].From
		}
		title := fmt.Sprintf("%s%s: %d prices", b.From, upto, b.Rows)
		if i == 0 {
			title = fmt.Sprintf("below %s: %d prices", bars[1].From, b.Rows)
		}
		c.Label += " " + title + "."
		c.Bars = append(c.Bars, bar{
			X: at(float64(i)*slot + slot*.12), Y: at(base - h), W: at(slot * .76), H: at(h), Mid: at(float64(i)*slot +
				slot/2), Count: strconv.FormatInt(b.Rows, 10),
			From: strings.NewReplacer("less", "below", ".0", "", "-", "−").Replace(b.From), Title: title, Outside: b.Outside,
		})
	}
	return c
}
