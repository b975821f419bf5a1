package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// The doors that lead to one row and are no reading of it by its attributes: functions,
// printouts, bytes of files, and actions in a changeset.

// documentsOf are the shelves of documents.
func (s *scene) documentsOf() (all []shelf) {
	for _, of := range s.shelves() {
		if of.set == "Crm_Sales_SalesOrders" || of.set == invoices || of.set == visits {
			all = append(all, of)
		}
	}
	return all
}

func fileContent(n int) string { return fmt.Sprintf("The content of file %d.", n) }

// writes reports whether attributes of a set may be given other values by an action.
func (s *scene) writes(set string, attributes ...string) bool {
	for _, a := range attributes {
		if r, keyed := s.columns[erpModel.Set(set).Must(a)]; keyed && r&(permission.Read|permission.Update) != permission.Read|permission.Update {
			return false
		}
	}
	return true
}

// checkBound asks one document through its functions and actions, and one file for its bytes.
func (w *house) checkBound(t *testing.T, rt *rapid.T, s *scene) {
	of := rapid.SampledFrom(s.documentsOf()).Draw(rt, "documents")
	n := rapid.IntRange(0, of.rows-1).Draw(rt, "document")
	at, none := of.set+"("+row(of.kind, n)+")", of.set+"("+row(of.kind, 999)+")"
	may, sees := s.may(of.set, permission.Read), of.sees(n)
	// want asks for a row and for none, and compares: status is that of the row where it is
	// seen, 0 where that depends on more.
	want := func(method, door, body string, allowed bool, status int) {
		got, answer := w.ask(t, rt, method, at+door, body)
		_, missing := w.ask(t, rt, method, none+door, body)
		switch {
		case !may && got != 403, may && sees && allowed && status != 0 && got != status, may && sees && !allowed && got != 403:
			rt.Errorf("%s %s%s: %d %s", method, at, door, got, answer)
		case !sees && strings.ReplaceAll(answer, at, "") != strings.ReplaceAll(missing, none, ""):
			rt.Errorf("%s %s%s, which is hidden: %d %s, of none: %s", method, at, door, got, answer, missing)
		}
	}
	want("GET", "/GetAllowedStates()", "", s.reads(of.set, "State", "Void"), 200)
	want("GET", hangs+"()", "", s.may(dataObjects, permission.Read) && s.reads(dataObjects, "EntityItemId", "EntityType"), 0)
	want("POST", "/GetPrintout", `{"fileFormat":"html"}`, true, 0)
	w.checkChangeset(t, rt, s, of, n)
	w.checkContent(t, rt, s, rapid.IntRange(0, houseFiles-1).Draw(rt, "file"))
}

// checkChangeset runs an action before what must fail, so that nothing of it stays: what the
// changeset ends with says whether the action was done.
func (w *house) checkChangeset(t *testing.T, rt *rapid.T, s *scene, of shelf, n int) {
	at, none := of.set+"("+row(of.kind, n)+")", of.set+"("+row(of.kind, 999)+")"
	_, answer := batch(t, w.h, changeset("POST "+at+"/ChangeState\nContent-Type: application/json\n\n"+`{"newState":"Planned"}`, "DELETE "+none+"\n")+"--b--")
	may, status, by := s.may(of.set, permission.Read|permission.Update), "404", "2"
	changes := s.document(row(of.kind, n), s.typeOf(of, n), permission.Update)
	switch {
	case !s.may(of.set, permission.Read):
		status, by = "403", "1"
	case !of.sees(n):
		status, by = "404", "1"
	case !may, !changes, !s.writes(of.set, "State"):
		status, by = "403", "1"
	case of.set == invoices && n == isReleased, of.set == visits && n == isVoid:
		status, by = "422", "1"
	case !s.may(of.set, permission.Delete):
		status = "" // the row that is none is looked for first
	}
	if !strings.Contains(answer, "Content-Id: "+by+"\r\n") || !strings.Contains(answer, "Tandem-Status: "+status) {
		rt.Errorf("a changeset with %s: want %s of %s: %s", at, status, by, answer)
	}
}

// typeOf is which document type a document has.
func (s *scene) typeOf(of shelf, n int) int {
	switch of.set {
	case invoices:
		return typeOfInvoices
	case visits:
		return typeOfVisits
	}
	return n % houseTypes
}

// checkContent asks for the bytes of a file, and looks at what the headers tell.
func (w *house) checkContent(t *testing.T, rt *rapid.T, s *scene, n int) {
	may, sees := s.may(dataObjects, permission.Read) && s.reads(files, "ContentId"), s.file(n)
	r, answer := call(t, w.h, "GET", fileAt(n)+bytesOf, "")
	_, missing := call(t, w.h, "GET", fileAt(999)+bytesOf, "")
	switch {
	case !may && r.StatusCode != 403, may && sees && (r.StatusCode != 200 || answer != fileContent(n)):
		rt.Errorf("the bytes of file %d: %d %s", n, r.StatusCode, answer)
	case may && !sees && (r.StatusCode != 404 || strings.ReplaceAll(answer, fileAt(n), "") != strings.ReplaceAll(missing, fileAt(999), "")):
		rt.Errorf("the bytes of file %d, which is hidden: %d %s, of none: %s", n, r.StatusCode, answer, missing)
	case !may || !sees:
		return
	}
	for attribute, told := range map[string]bool{
		"FileName":      strings.Contains(r.Header.Get("Content-Disposition"), url.PathEscape(fmt.Sprintf("photo %d", n))),
		"MediaType":     strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain"),
		"FileSizeBytes": r.Header.Get("Content-Length") == fmt.Sprint(len(fileContent(n))),
		"ContentSha256": r.Header.Get("Repr-Digest") != "",
	} {
		if told != s.reads(files, attribute) {
			rt.Errorf("the headers of file %d tell %s: %t, may be read: %t: %v", n, attribute, told, !told, r.Header)
		}
	}
}

// boundQuestions are those of [houseQuestions] for these doors.
func boundQuestions(s *scene) (all []string) {
	for _, of := range s.documentsOf() {
		for n := range 2 { // the others are alike
			at := of.set + "(" + row(of.kind, n) + ")"
			all = append(all, at+"/GetAllowedStates()", at+hangs+"()", at+`/GetPrintout {"fileFormat":"html"}`)
		}
	}
	for n := range houseFiles {
		all = append(all, fileAt(n)+bytesOf)
	}
	return all
}

// checkWrites tries writes of all doors, each undone by what comes after it in a changeset,
// and looks in the refusals for what a disguise gave to what is hidden (E11). Whether a
// write is refused may depend on it: rules are common to all.
func (w *house) checkWrites(t *testing.T, rt *rapid.T, s *scene, disguised string) {
	var all []string
	for _, of := range s.documentsOf() {
		at := of.set + "(" + row(of.kind, rapid.IntRange(0, of.rows-1).Draw(rt, "written")) + ")"
		all = append(all, "PATCH "+at+` {"DocumentNotes":"x"}`, "POST "+at+`/ChangeState {"newState":"Released"}`, "POST "+at+`/Complete {}`,
			"POST "+at+`/MakeVoid {"reason":"x"}`, "DELETE "+at+" ", "POST "+of.set+` {"DocumentNo":"`+of.letter+`0","Customer@odata.bind":"Crm_Sales_Customers(`+row(kindCustomer, 1)+`)"}`)
	}
	for n := range houseCustomers {
		all = append(all, "DELETE Crm_Sales_Customers("+row(kindCustomer, n)+") ", "PATCH Crm_Sales_Customers("+row(kindCustomer, n)+`) {"Number":"C2"}`)
	}
	for n := range houseTypes {
		all = append(all, "DELETE Systems_Documents_DocumentTypes("+row(kindType, n)+") ", "DELETE Crm_Sales_CustomerTypes("+row(kindCustomerType, n)+") ")
	}
	all = append(all, "PATCH "+fileAt(0)+` {"FileName":"x.jpg"}`, "DELETE "+fileAt(1)+" ",
		"POST Crm_Sales_SalesOrders("+row(kindOrder, 0)+`)/CreateNotification {"user":{"@odata.id":"Systems_Security_Users(`+somebody+`)"},"notificationClass":"c","subject":"s"}`)
	undone := "DELETE Crm_Sales_SalesOrders(" + row(kindOrder, 999) + ")\n"
	for range 6 {
		write := rapid.SampledFrom(all).Draw(rt, "write")
		request, body, _ := strings.Cut(write, " {")
		if body != "" {
			body = "{" + body
		}
		_, answer := batch(t, w.h, changeset(strings.TrimSpace(request)+"\nContent-Type: application/json\n\n"+body, undone)+"--b--")
		if strings.Contains(answer, disguised) || !strings.Contains(answer, "Tandem-Status: ") {
			rt.Errorf("%s tells what is hidden: %s", write, answer)
		}
	}
}

// printed64 is the text of a printout, for who reads the failure of a test.
func printed64(answer string) string {
	var got struct{ Value string }
	if json.Unmarshal([]byte(answer), &got) != nil {
		return ""
	}
	text, _ := base64.StdEncoding.DecodeString(got.Value)
	return string(text)
}

// otherMember is an assignment of another value of an enumeration.
func otherMember(p *model.Property, column string, n int) string {
	text := "CASE " + column
	members := p.Enum.Members
	for i, m := range members {
		text += fmt.Sprintf(" WHEN %d THEN %d", m.Value, members[(i+1+n%max(len(members)-1, 1))%len(members)].Value)
	}
	return text + " ELSE " + column + " END"
}
