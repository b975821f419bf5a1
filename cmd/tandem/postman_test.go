package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/oauth"
)

// pair is how Postman has parameters, headers and attributes of an authorization.
type pair struct{ Key, Value, Description string }

// postman is what is read of a collection (format 2.1).
type postman struct {
	Variable []pair
	Item     []postmanItem
}

type postmanItem struct {
	Name    string
	Request struct {
		Method, URL string
		Header      []pair
		Auth        struct {
			Type                  string
			Basic, Bearer, OAuth2 []pair
		}
		Body struct {
			Raw        string
			URLEncoded []pair
		}
	}
	Event []struct{ Script struct{ Exec []string } }
}

// TestPostmanCollection sends the requests of docs/postman in their order, with the variables
// that each says where to find in demo.json, and wants what its own scripts want.
func TestPostmanCollection(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/postman/tandem.postman_collection.json")
	must(t, err)
	var c postman
	must(t, json.Unmarshal(text, &c))
	r := up(t, filepath.Join(t.TempDir(), "data"))
	file, err := os.ReadFile(filepath.Join(r.dir, "demo.json"))
	must(t, err)
	var demo any
	must(t, json.Unmarshal(file, &demo))
	known := map[string]string{}
	for _, v := range c.Variable {
		if v.Description == "" {
			continue // a request sets it
		}
		if known[v.Key] = member(demo, v.Description); known[v.Key] == "" {
			t.Errorf("demo.json has no %s for the variable %s", v.Description, v.Key)
		}
	}
	if len(c.Item) < 10 {
		t.Errorf("the walk has only %d requests", len(c.Item))
	}
	for n := range c.Item {
		t.Run(c.Item[n].Name, func(t *testing.T) { c.Item[n].send(t, known) })
	}
}

// pathStep is the name of a member, an index, or which one of a list has a member with a value.
var pathStep = regexp.MustCompile(`(\w+)(?:\[(\d+)\]|\[(\w+)=([^\]]+)\])?\.?`)

// member finds what a path of steps leads to, such as tokens[kind=pat].token.
func member(in any, path string) string {
	for _, part := range pathStep.FindAllStringSubmatch(path, -1) {
		object, _ := in.(map[string]any)
		in = object[part[1]]
		list, _ := in.([]any)
		if n, err := strconv.Atoi(part[2]); err == nil && n < len(list) {
			in = list[n]
		}
		if part[3] != "" {
			i := slices.IndexFunc(list, func(one any) bool { row, _ := one.(map[string]any); return row[part[3]] == part[4] })
			if i < 0 {
				return ""
			}
			in = list[i]
		}
	}
	text, _ := in.(string)
	return text
}

var (
	variable = regexp.MustCompile(`\{\{(\w+)\}\}`)
	wanted   = regexp.MustCompile(`pm\.response\.to\.have\.status\((\d+)\)`)
	kept     = regexp.MustCompile(`pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)\.(\w+)\)`)
)

// send sends the request, as Postman does, and runs its scripts.
func (i *postmanItem) send(t *testing.T, known map[string]string) {
	fill := func(text string) string {
		return variable.ReplaceAllStringFunc(text, func(v string) string {
			name := strings.Trim(v, "{}")
			if known[name] == "" {
				t.Errorf("the variable %s has no value", name)
			}
			return known[name]
		})
	}
	attributes := func(pairs []pair) map[string]string {
		all := map[string]string{}
		for _, p := range pairs {
			all[p.Key] = fill(p.Value)
		}
		return all
	}
	a := &i.Request.Auth
	address, body, form := fill(i.Request.URL), i.Request.Body.Raw, url.Values{}
	for _, p := range i.Request.Body.URLEncoded {
		form.Set(p.Key, fill(p.Value))
	}
	if len(form) > 0 {
		body = form.Encode()
	}
	want := wanted.FindStringSubmatch(strings.Join(i.Event[0].Script.Exec, "\n"))
	if a.Type == "oauth2" { // for a person: up to the page on which they sign in
		o := attributes(a.OAuth2)
		address = o["authUrl"] + "?" + url.Values{
			"response_type": {"code"}, "client_id": {o["clientId"]}, "redirect_uri": {o["redirect_uri"]}, "scope": {o["scope"]},
			"code_challenge": {oauth.Challenge(strings.Repeat("v", 43))}, "code_challenge_method": {o["challengeAlgorithm"]}, "state": {"s"},
		}.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), i.Request.Method, address, strings.NewReader(body))
	must(t, err)
	for _, h := range i.Request.Header {
		req.Header.Set(h.Key, fill(h.Value))
	}
	if len(form) > 0 {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch basic, bearer := attributes(a.Basic), attributes(a.Bearer); a.Type {
	case "basic":
		req.SetBasicAuth(basic["username"], basic["password"])
	case "bearer":
		req.Header.Set("Authorization", "Bearer "+bearer["token"])
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	if want == nil || strconv.Itoa(res.StatusCode) != want[1] {
		t.Fatalf("%s %s: %d, want %v: %s", i.Request.Method, address, res.StatusCode, want, text)
	}
	if a.Type == "oauth2" && !strings.Contains(string(text), `name="password"`) {
		t.Errorf("no page to sign in on: %s", text)
	}
	for _, keep := range kept.FindAllStringSubmatch(strings.Join(i.Event[0].Script.Exec, "\n"), -1) {
		var answer any
		must(t, json.Unmarshal(text, &answer))
		known[keep[1]] = member(answer, keep[2])
	}
}
