package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/erp"
)

// docs/entities.md is the model, and not what somebody once knew of it.
func TestReferenceIsWrittenFromTheModel(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := api.WriteReference(&b, erp.NewModel()); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/entities.md", b.String())
}

func TestReferencePageShowsEverySetToAnybody(t *testing.T) {
	t.Parallel()
	model := erp.NewModel()
	mux := http.NewServeMux()
	api.NewReference(model).Mount(mux)
	resp, body := ask(t, mux, api.ReferencePath)
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	for _, s := range model.Sets {
		if !strings.Contains(body, `<h2 id="`+s.Name+`">`) {
			t.Errorf("%s is not shown", s.Name)
		}
		for _, p := range s.Properties {
			if !strings.Contains(body, "<code>"+p.Name+"</code>") {
				t.Errorf("%s.%s is not shown", s.Name, p.Name)
			}
		}
	}
}
