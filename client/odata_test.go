package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

const orderID = "Crm_Sales_SalesOrders(0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10)"

type order struct {
	ID         string `json:"@odata.id"`
	DocumentNo string
	Total      client.Amount `json:"TotalLineAmount"`
}

// odata is the OData client of a service whose API is the handler.
func odata(t *testing.T, h http.HandlerFunc) (*fake, *client.OData[client.ServiceToken]) {
	t.Helper()
	f := newFake(t, newNetwork(), "erp.test")
	f.onAPI = h
	s := f.service()
	return f, client.ServiceOData(f.provider().ODataRoot, s)
}

func TestODataRequests(t *testing.T) {
	ctx := context.Background()
	search := func(typed string) func(o *client.OData[client.ServiceToken]) error {
		return func(o *client.OData[client.ServiceToken]) error {
			_, err := client.FirstPage[order](ctx, o, "X", client.Query{Search: typed})
			return err
		}
	}
	at := time.Date(2026, 3, 1, 9, 55, 0, 123456789, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		call func(o *client.OData[client.ServiceToken]) error
		want string // method, path with query, body
	}{
		"list": {func(o *client.OData[client.ServiceToken]) error {
			_, err := client.FirstPage[order](ctx, o, "Crm_Sales_SalesOrders", client.Query{
				Select: "default,ObjectVersion", Expand: "Customer($select=Number;$expand=Party)", OrderBy: "DocumentDate desc",
				Search: "A&B+C #1", Top: 50, Skip: 10, Count: true, SkipNulls: true,
				Filter: client.And("Customer eq "+client.Quote(client.Ref("Crm_Sales_Customers", annaID)), "", "DocumentNo eq "+client.Quote("O'Neil & söhne"), "AggregateLastUpdateTimeUtc ge "+client.Time(at), "DocumentDate ge "+client.Date(at)),
			})
			return err
		}, "GET /api/domain/odata/Crm_Sales_SalesOrders?$select=default%2CObjectVersion&$expand=Customer%28%24select%3DNumber%3B%24expand%3DParty%29" +
			"&$filter=Customer%20eq%20%27Crm_Sales_Customers%280f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10%29%27%20and%20DocumentNo%20eq%20%27O%27%27Neil%20%26%20s%C3%B6hne%27" +
			"%20and%20AggregateLastUpdateTimeUtc%20ge%202026-03-01T08%3A55%3A00.123Z%20and%20DocumentDate%20ge%202026-03-01" +
			"&$orderby=DocumentDate%20desc&$search=A%26B%2BC%20%231&$top=50&$skip=10&$count=true&options=skipnulls "},
		"search, in quotation marks": {search(`"a b"`), "GET /api/domain/odata/X?$search=%22a%20b%22 "},
		"search, one mark":           {search(`"a\b`), "GET /api/domain/odata/X?$search=%22%5C%22a%5C%5Cb%22 "},
		"search, marks astray":       {search(`"a" b"`), "GET /api/domain/odata/X?$search=%22%5C%22a%5C%22%20b%5C%22%22 "},
		"get": {func(o *client.OData[client.ServiceToken]) error {
			_, err := client.Get[order](ctx, o, orderID, client.Query{})
			return err
		}, "GET /api/domain/odata/" + orderID + " "},
		"create": {func(o *client.OData[client.ServiceToken]) error {
			_, err := client.Create[order](ctx, o, "Crm_Sales_SalesOrders", map[string]any{"DocumentNo": "7"})
			return err
		}, `POST /api/domain/odata/Crm_Sales_SalesOrders {"DocumentNo":"7"}`},
		"update": {func(o *client.OData[client.ServiceToken]) error {
			return client.Update(ctx, o, orderID, map[string]any{"Total": client.Amount{Value: "12345678901234567.89", Currency: "EUR"}})
		}, "PATCH /api/domain/odata/" + orderID + ` {"Total":{"Value":12345678901234567.89,"Currency":"EUR"}}`},
		"delete": {func(o *client.OData[client.ServiceToken]) error { return client.Delete(ctx, o, orderID) },
			"DELETE /api/domain/odata/" + orderID + " "},
		"bound action": {func(o *client.OData[client.ServiceToken]) error {
			return o.Action(ctx, orderID, "ChangeState", map[string]any{"newState": "FirmPlanned"}, nil)
		}, "POST /api/domain/odata/" + orderID + `/ChangeState {"newState":"FirmPlanned"}`},
		"bound action at a version": {func(o *client.OData[client.ServiceToken]) error {
			return o.ActionAt(ctx, orderID, "ChangeState", 7, map[string]any{"newState": "Released"}, nil)
		}, "POST /api/domain/odata/" + orderID + `/ChangeState {"newState":"Released"}W/"7"`},
		"unbound action without arguments": {func(o *client.OData[client.ServiceToken]) error {
			return o.Action(ctx, "", "BeginTransaction", nil, nil)
		}, "POST /api/domain/odata/BeginTransaction {}"},
		"import": {func(o *client.OData[client.ServiceToken]) error {
			level := 0
			_, err := o.Import(ctx, client.ImportRequest{Transaction: client.ImportPerObject, Model: "common", LoggingLevel: &level, Objects: []any{map[string]any{"@odata.type": "Erp.X"}}})
			return err
		}, `POST /api/domain/odata/Import {"transaction":"per-object","model":"common","loggingLevel":0,"objects":[{"@odata.type":"Erp.X"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				got := ""
				_, o := odata(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					got = r.Method + " " + r.URL.RequestURI() + " " + string(body) + r.Header.Get("If-Match")
					writeJSON(w, 200, map[string]any{"objects": []any{map[string]any{}}})
				})
				if err := c.call(o); err != nil {
					t.Fatal(err)
				}
				if got != c.want {
					t.Errorf("sent\n%s, want\n%s", got, c.want)
				}
			})
		})
	}
}

func TestODataNumbersAreExact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, o := odata(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"@odata.id":"x","TotalLineAmount":{"Value":12345678901234567.89,"Currency":"EUR"},"Big":9007199254740993}`)
		})
		got, err := client.Get[order](t.Context(), o, orderID, client.Query{})
		if err != nil || got.Total != (client.Amount{Value: "12345678901234567.89", Currency: "EUR"}) {
			t.Errorf("%+v %v", got, err)
		}
		loose, err := client.Get[map[string]any](t.Context(), o, orderID, client.Query{})
		if err != nil || loose["Big"] != json.Number("9007199254740993") {
			t.Errorf("%v %v", loose, err)
		}
	})
	var text client.Quantity
	if err := json.Unmarshal([]byte(`{"Value":"1.500","Unit":"pcs"}`), &text); err != nil || text.Value != "1.500" {
		t.Errorf("a value as text: %+v %v", text, err)
	}
}

func TestODataAnswerAsItCame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, o := odata(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<edmx/>") })
		var raw []byte
		if err := o.Do(t.Context(), "GET", "$metadata", nil, &raw); err != nil || string(raw) != "<edmx/>" {
			t.Errorf("%q %v", raw, err)
		}
	})
}

func TestODataCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		body := "42"
		_, o := odata(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RequestURI() != "/api/domain/odata/X/$count?$filter=Active%20eq%20true" {
				t.Errorf("asked %s", r.URL.RequestURI())
			}
			_, _ = io.WriteString(w, body)
		})
		q := client.Query{Filter: "Active eq true", Top: 5, OrderBy: "x"}
		if n, err := o.Count(t.Context(), "X", q); n != 42 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if body = "<html>"; true {
			if _, err := o.Count(t.Context(), "X", q); err == nil {
				t.Error("no number is a count")
			}
		}
	})
}

// pages answers n pages with links as the function makes them.
func pages(n int, link func(i int) string) http.HandlerFunc {
	served := 0
	return func(w http.ResponseWriter, r *http.Request) {
		served++
		a := map[string]any{"value": []any{map[string]any{"DocumentNo": fmt.Sprint(2*served - 1)}, map[string]any{"DocumentNo": fmt.Sprint(2 * served)}}}
		if served < n {
			a["@odata.nextLink"] = link(served)
		}
		writeJSON(w, 200, a)
	}
}

func TestListFollowsOpaqueLinks(t *testing.T) {
	for name, link := range map[string]string{
		"absolute": "https://erp.test/api/domain/odata/X?%24top=2&%24skiptoken=",
		"relative": "X?%24skiptoken=",
		"a path":   "/api/domain/odata/X?%24skiptoken=",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, o := odata(t, pages(3, func(i int) string { return link + fmt.Sprint(i) }))
				var got []string
				for e, err := range client.List[order](t.Context(), o, "X", client.Query{Top: 2}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e.DocumentNo)
				}
				if strings.Join(got, "") != "123456" {
					t.Errorf("got %v", got)
				}
			})
		})
	}
	t.Run("as far as it is read", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f, o := odata(t, pages(1000, func(i int) string { return "X?p=" + fmt.Sprint(i) }))
			for range client.List[order](t.Context(), o, "X", client.Query{}) {
				break
			}
			if n := f.apiCalls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	})
	t.Run("not in circles", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, o := odata(t, pages(1000, func(int) string { return "X?p=1" }))
			var last error
			n := 0
			for _, err := range client.List[order](t.Context(), o, "X", client.Query{}) {
				n, last = n+1, err
			}
			if last == nil || n > 5 {
				t.Errorf("%d rows, %v", n, last)
			}
		})
	})
}

func TestODataDoesNotLeaveTheService(t *testing.T) {
	for name, ref := range map[string]string{
		"another host":              "https://evil.test/api/domain/odata/X",
		"another scheme":            "http://erp.test/api/domain/odata/X",
		"another port":              "https://erp.test:8443/api/domain/odata/X",
		"a host without a scheme":   "//evil.test/api/domain/odata/X",
		"another site":              "/manage/users",
		"up":                        "../../manage",
		"up and down":               "X/../Y",
		"up, encoded":               "X/%2e%2e/%2e%2e/%2e%2e/manage",
		"up, at the end":            "X/..",
		"a prefix that looks alike": "/api/domain/odata.evil/X",
		"a user":                    "https://erp.test@evil.test/api/domain/odata/X",
		"a backslash":               `\\evil.test\X`,
		"a fragment":                "X#y",
		"a script":                  "javascript:alert(1)",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, o := odata(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, map[string]any{}) })
				f.net.hosts["evil.test"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
				if _, err := client.NextPage[order](t.Context(), o, ref); tandem.ErrorCode(err) != tandem.CodeInvalid {
					t.Errorf("error %v, want it refused", err)
				}
				if f.apiCalls.Load() != 0 || len(f.net.sentTo("evil.test")) != 0 {
					t.Error("a request went out")
				}
			})
		})
	}
}

func TestODataIDsFromABrowser(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, o := odata(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, map[string]any{}) })
		for _, id := range []string{"", "X", "X()", "X(1)", orderID + "/Lines", orderID + "?$expand=x", "X/Y(" + annaID + ")", "../X(" + annaID + ")", "X(" + annaID + ")\n"} {
			ctx := t.Context()
			_, err1 := client.Get[order](ctx, o, id, client.Query{})
			err2, err3 := client.Update(ctx, o, id, 1), client.Delete(ctx, o, id)
			if err1 == nil || err2 == nil || err3 == nil || id != "" && o.Action(ctx, id, "a", nil, nil) == nil {
				t.Errorf("id %q is accepted", id)
			}
		}
		if f.apiCalls.Load() != 0 {
			t.Error("a request went out")
		}
	})
}

func TestODataRootElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, _ := odata(t, nil)
		sent := ""
		f.net.hosts["api.test"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent = r.Header.Get("Authorization")
			writeJSON(w, 200, map[string]any{})
		})
		s := f.service()
		o := client.ServiceOData(client.Root("https://api.test/odata"), s)
		if err := o.Do(t.Context(), "GET", "X", nil, nil); err != nil || sent != "Bearer "+mustService(t, s).Raw() {
			t.Errorf("%v, sent %.20q", err, sent)
		}
		if _, err := s.Client().Do(request(t, "GET", "https://api.test/odata/X", "", false)); err == nil {
			t.Error("the plain client trusts the root of an OData")
		}
		for _, root := range []string{"http://api.test/odata/", "api.test", "", "https://api.test/odata/?x=1"} {
			if err := client.ServiceOData(client.Root(root), s).Do(t.Context(), "GET", "X", nil, nil); err == nil {
				t.Errorf("root %q is accepted", root)
			}
		}
	})
}

func TestAPIErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   client.APIError
		code   tandem.Code
	}{
		"wrapped":       {422, `{"error":{"message":"From <= Thru (Constraint R27159)","code":2029,"type":"BusinessRuleException","info":"stack"}}`, client.APIError{Status: 422, Code: 2029, Type: "BusinessRuleException", Message: "From <= Thru (Constraint R27159)", RetryAfter: 3 * time.Second}, tandem.CodeRule},
		"bare":          {409, `{"message":"duplicate","code":2129,"type":"x"}`, client.APIError{Status: 409, Code: 2129, Type: "x", Message: "duplicate", RetryAfter: 3 * time.Second}, tandem.CodeConflict},
		"of others":     {404, `{"error":{"code":"NotFound","message":"none"}}`, client.APIError{Status: 404, Message: "none", RetryAfter: 3 * time.Second}, tandem.CodeNotFound},
		"licence":       {403, `{"error":{"code":0,"type":"MaximumLicenseCountExceeded","message":"full"}}`, client.APIError{Status: 403, Type: "MaximumLicenseCountExceeded", Message: "full", RetryAfter: 3 * time.Second}, tandem.CodeLicenceFull},
		"forbidden":     {403, `{"error":{"code":0,"type":"insufficient_scope","message":"no"}}`, client.APIError{Status: 403, Type: "insufficient_scope", Message: "no", RetryAfter: 3 * time.Second}, tandem.CodeForbidden},
		"a page":        {502, `<html>`, client.APIError{Status: 502, Message: "the API answers 502 Bad Gateway", RetryAfter: 3 * time.Second}, tandem.CodeUnavailable},
		"nothing":       {500, ``, client.APIError{Status: 500, Message: "the API answers 500 Internal Server Error", RetryAfter: 3 * time.Second}, tandem.CodeInternal},
		"a redirect":    {302, ``, client.APIError{Status: 302, Message: "the API answers 302 Found", RetryAfter: 3 * time.Second}, tandem.CodeInternal},
		"huge":          {400, `{"error":{"message":"` + strings.Repeat("x", 100<<10) + `"}}`, client.APIError{Status: 400, Message: "the API answers 400 Bad Request", RetryAfter: 3 * time.Second}, tandem.CodeInvalid},
		"control bytes": {400, `{"error":{"message":"a\u001b[31m\nb"}}`, client.APIError{Status: 400, Message: "a [31m b", RetryAfter: 3 * time.Second}, tandem.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, o := odata(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", "3")
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				})
				err := o.Do(t.Context(), "GET", "X", nil, nil)
				var e *client.APIError
				if !errors.As(err, &e) || *e != c.want {
					t.Fatalf("got %+v, want %+v", err, c.want)
				}
				if tandem.ErrorCode(err) != c.code || errors.Is(err, tandem.ErrNotFound) != (c.status == 404) || e.LicenceFull() != (name == "licence") {
					t.Errorf("code %s", tandem.ErrorCode(err))
				}
			})
		})
	}
}

func TestImportResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		body := `{"@erpnet.result":"fail","objects":[{"@erpnet.result":"success","@odata.id":"X(1)","@erpnet.state":"Added"},
			{"@erpnet.result":"fail","@erpnet.message":"bad","@erpnet.error":{"code":2129,"message":"duplicate","type":"x"}}],"data-exchange":"Systems_Exchange_DataExchanges(1)"}`
		_, o := odata(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		got, err := o.Import(t.Context(), client.ImportRequest{Objects: []any{1, 2}})
		if err != nil || got.OK() || !got.Objects[0].OK() || got.Objects[0].ID != "X(1)" || got.Objects[0].State != "Added" ||
			got.Objects[1].OK() || got.Objects[1].Error.Code != 2129 || got.DataExchange == "" {
			t.Errorf("%+v %v", got, err)
		}
		if _, err := o.Import(t.Context(), client.ImportRequest{Objects: []any{1, 2, 3}}); err == nil {
			t.Error("results that do not match the objects")
		}
		if err := got.Fault(); err != nil {
			t.Errorf("what was refused is no fault: %v", err)
		}
		for _, kind := range []string{"InternalError", "NotAttempted"} {
			body = strings.Replace(body, `"x"}`, `"`+kind+`"}`, 1)
			got, err := o.Import(t.Context(), client.ImportRequest{Objects: []any{1, 2}})
			var fault *client.APIError
			if err != nil || !errors.As(got.Fault(), &fault) || fault.Status != 500 || fault.Message != "duplicate" {
				t.Errorf("%s: %v %+v", kind, err, fault)
			}
			body = strings.Replace(body, `"`+kind+`"}`, `"x"}`, 1)
		}
	})
}

func TestODataFailuresAreForPeople(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, o := odata(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{") })
		if err := o.Do(t.Context(), "GET", "X?$search=secret", nil, &order{}); tandem.ErrorCode(err) != tandem.CodeUnavailable || strings.Contains(err.Error(), "secret") {
			t.Errorf("an answer that is none: %v", err)
		}
		f.net.set(func() { f.net.down["erp.test"] = true })
		if err := o.Do(t.Context(), "GET", "X?$search=secret", nil, nil); tandem.ErrorCode(err) != tandem.CodeUnavailable || strings.Contains(err.Error(), "secret") {
			t.Errorf("no answer: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.Do(ctx, "GET", "X", nil, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     client.Text
		language string
		want     string
	}{
		{client.Text{"EN": "Apple", "BG": "Ябълка"}, "bg", "Ябълка"},
		{client.Text{"EN": "Apple", "BG": "Ябълка"}, "de", "Apple"},
		{client.Text{"de": "Apfel", "BG": "Ябълка"}, "fr", "Ябълка"},
		{nil, "en", ""},
	} {
		if got := c.text.In(c.language); got != c.want {
			t.Errorf("%v in %s: %q, want %q", c.text, c.language, got, c.want)
		}
	}
}

func TestUserOData(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		sent := ""
		f.with(func() {
			f.onAPI = func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header.Get("Authorization")
				writeJSON(w, 200, map[string]any{"DocumentNo": "7"})
			}
		})
		a.with(b, func(s *client.UserSession, r *http.Request) {
			got, err := client.Get[order](r.Context(), client.UserOData(f.provider().ODataRoot, s), orderID, client.Query{})
			token, _ := s.Token(r.Context())
			if err != nil || got.DocumentNo != "7" || sent != "Bearer "+token.Raw() {
				t.Errorf("%+v %v", got, err)
			}
		})
	})
}
