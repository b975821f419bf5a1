package write_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/write"
)

func TestBodiesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const body = `{"b":1.50,"a":"x","list":[true,null,{"z":"\u0001","y":[]}],"c":{}}`
	o := object(t, " "+body+"\n")
	out, err := o.MarshalJSON()
	if err != nil || string(out) != body {
		t.Errorf("got %s, %v", out, err)
	}
	o.Set("a", "new").Set("d", 1)
	if v, ok := o.Get("a"); !ok || v != "new" || o.Members[1].Name != "a" || o.Members[4].Name != "d" {
		t.Errorf("%+v", o.Members)
	}
	if _, ok := o.Get("A"); ok {
		t.Error("names have one spelling")
	}
}

func TestBodiesThatAreNoObjectAreRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, write.MaxDepth+1)
	wide := `{"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"a8":1,"a9":1,"a9":2}`
	for body, why := range map[string]string{
		"": "it ends too early", "[]": "must be a JSON object", `"x"`: "must be a JSON object", `{"a":1`: "is not valid JSON",
		`{"a":1}{}`: "goes on after its JSON object", `{"a":1,"a":2}`: `names "a" twice`, wide: `names "a9" twice`,
		deep: "nests deeper than 16 levels", `{"a":` + strings.Repeat("[", write.MaxDepth): "nests deeper than 16 levels",
		`{"a":01}`: "is not valid JSON",
	} {
		_, err := write.ReadObject(strings.NewReader(body))
		refused(t, err, tandem.CodeInvalid, why)
	}
}

// FuzzReadObject looks that what is read is JSON, and that it is written again
// as what was read.
func FuzzReadObject(f *testing.F) {
	for _, body := range []string{`{}`, `{"a":1e5,"b":[{}],"c":"\ud800"}`, `{"a":{"a":{"a":null}}}`, `{"":-0}`, `{"a":1,}`, "{\"\xff\":1}"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o, err := write.ReadObject(strings.NewReader(body))
		if err != nil {
			if tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		once, err := o.MarshalJSON()
		if err != nil || !json.Valid(once) || !json.Valid([]byte(body)) {
			t.Fatalf("%q is written as %s, %v", body, once, err)
		}
		again, err := write.ReadObject(strings.NewReader(string(once)))
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := again.MarshalJSON(); err != nil || string(twice) != string(once) {
			t.Errorf("%s became %s, %v", once, twice, err)
		}
	})
}
