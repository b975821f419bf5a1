package main_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// usedRow is what tests look at of a half.
type usedRow struct {
	ApplicationURI string   `json:"application_uri"`
	Flow           string   `json:"flow"`
	Granted        []string `json:"granted"`
	Used           []string `json:"used"`
	Calls          int64    `json:"calls"`
	Writes         int64    `json:"writes"`
	Tokens         int64    `json:"tokens"`
	LastUsed       *string  `json:"last_used"`
	Days           int      `json:"days"`
	Things         []struct {
		What, Name string
		Calls      int64
	} `json:"things"`
	TokensByDay []struct {
		Day string
		N   int64
	} `json:"tokens_by_day"`
}

// shown is what a command shows as JSON.
func shown[T any](t *testing.T, in *tandemtest.Instance, command string) (v T) {
	t.Helper()
	text, code := tandemOn(t, in, command+" -o json 2>/dev/null")
	if err := json.Unmarshal([]byte(text), &v); err != nil || code != 0 {
		t.Fatalf("%s: exit %d, %v: %s", command, code, err, text)
	}
	return v
}

// TestUsageShowsGrantedAndUsed: what each half was granted stands beside what its calls
// needed, with sets, redirect URIs, credentials and tokens by day; what is refused is no
// use.
func TestUsageShowsGrantedAndUsed(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const products = "General_Products_Products"
		anna, service := in.SignIn("anna").Access, in.ServiceToken()
		for _, c := range []struct{ method, path, token, body string }{
			{"GET", products + "?$top=1", anna, ""}, {"GET", products + "?$top=1", anna, ""},
			{"GET", products + "?$top=1&$select=Id", service, ""},
			{"PATCH", products + "(0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10)", service, `{"Name":"x"}`},
			{"POST", "Crm_Sales_CustomerExternalAccess", anna, `{}`},
		} {
			in.API(c.method, c.path, c.token, c.body)
		}
		must(t, in.Platform.WriteUses(t.Context()))
		halves := map[string]usedRow{}
		for _, row := range shown[[]usedRow](t, in, "tandem usage") {
			if row.ApplicationURI == tandemtest.Portal {
				halves[row.Flow] = row
			}
		}
		user, back := halves["user"], halves["service"]
		if !slices.Equal(user.Granted, []string{"read", "update"}) || user.Calls != 3 || user.Writes != 1 || user.Tokens != 1 || user.Days != 1 || user.LastUsed == nil {
			t.Errorf("the front end: %+v", user)
		}
		if !slices.Equal(back.Used, []string{"read", "update"}) || back.Calls != 2 || back.Writes != 1 || back.Tokens != 1 {
			t.Errorf("the back end: %+v", back)
		}

		one := shown[[]usedRow](t, in, "tandem usage --app "+tandemtest.Portal)
		things := map[string]int64{}
		for _, half := range one {
			for _, thing := range half.Things {
				name, _, credential := strings.Cut(thing.Name, "credential ")
				if credential {
					name = "credential"
				}
				things[half.Flow+" "+name] = thing.Calls
			}
			if len(half.TokensByDay) != 1 || half.TokensByDay[0].N != 1 {
				t.Errorf("%s: tokens by day %+v", half.Flow, half.TokensByDay)
			}
		}
		for name, calls := range map[string]int64{
			"user scope read": 2, "user scope update": 1, "user read " + products: 2, "user redirect " + tandemtest.RedirectURI: 1,
			"user grant authorization_code": 1, "user credential": 1,
			"service scope read": 1, "service scope update": 1,
			"service grant client_credentials": 1, "service credential": 1, "service instance": 1,
		} {
			if things[name] != calls {
				t.Errorf("%s: %d of %d calls; all are %v", name, things[name], calls, things)
			}
		}
		if things["service read "+products] == 0 {
			t.Errorf("the back end's set is missing: %v", things)
		}
		if _, wrote := things["user write Crm_Sales_CustomerExternalAccess"]; wrote {
			t.Error("a refused right is shown as used")
		}

		days := shown[[]struct {
			Peak     int64 `json:"peak"`
			Users    int64 `json:"peak_users"`
			Services int64 `json:"peak_services"`
			Opened   int64 `json:"sessions_opened"`
			Refused  int64 `json:"sessions_refused"`
		}](t, in, "tandem usage licence --days 1")
		if len(days) != 1 || days[0].Peak != 2 || days[0].Users != 1 || days[0].Services != 1 || days[0].Opened != 2 || days[0].Refused != 0 {
			t.Errorf("the licence: %+v", days)
		}
		open := in.Sessions(false)
		must(t, in.Platform.Sessions.Close(t.Context(), glossary.By{Login: "admin", Via: glossary.ViaManage}, open[0].ID, "enough"))
		closed := shown[struct {
			ClosedBy  string `json:"closed_by"`
			Reason    string `json:"end_reason"`
			Addresses []struct{ Address string }
		}](t, in, "tandem session show "+open[0].ID)
		if closed.ClosedBy != "admin" || closed.Reason != "enough" || len(closed.Addresses) != 1 || closed.Addresses[0].Address != "127.0.0.1" {
			t.Errorf("the session: %+v", closed)
		}
		events := shown[[]struct {
			Kind string
			N    int64
		}](t, in, "tandem usage events --moments --days 1 --kind token_issued --app "+tandemtest.Portal)
		sum := int64(0)
		for _, e := range events {
			sum += e.N
		}
		if sum != 2 {
			t.Errorf("events: %+v", events)
		}
		for _, wrong := range []string{"tandem usage --days 0", "tandem usage --days 401", "tandem usage events --moments --days 9"} {
			if text, code := tandemOn(t, in, wrong); code != 2 {
				t.Errorf("%s: exit %d: %s", wrong, code, text)
			}
		}
	})
}
