package portal

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// languages are those of printouts.
var languages = []string{"en", "de", "bg"}

// maxPDFs bounds the memory of printouts, in bytes; keepPDF is how long one is given out
// again.
const (
	maxPDFs = 32 << 20
	keepPDF = 5 * time.Minute
)

// printKey names a printout: of a version of a document in a language, for one person, as
// the ERP prints what they may see.
type printKey struct {
	set, id, language, person string
	version                   int64
}

type printout struct {
	file  []byte
	until time.Time
}

func newPrintouts() *otter.Cache[printKey, printout] {
	return otter.Must(&otter.Options[printKey, printout]{
		MaximumWeight: maxPDFs,
		Weigher:       func(_ printKey, p printout) uint32 { return uint32(len(p.file)) + 200 },
	})
}

// PDF is a document that the person sees as PDF, in a language; one that has no printouts
// is in English. Whether they see it is asked each time, the file only where its version
// is new to them or the file older than five minutes.
func (o *Portal) PDF(ctx context.Context, p client.IDToken, kind Kind, id, language string) (number string, file []byte, err error) {
	if !slices.Contains(languages, language) {
		language = "en"
	}
	d, seen, err := o.read(ctx, p, kind, id, expandCustomer)
	if err != nil {
		return "", nil, err
	}
	key := printKey{kind.set, d.ID, language, p.UserID, d.ObjectVersion}
	asked := o.Clock.Now()
	o.prints.Do(func() { o.printed = newPrintouts() })
	if kept, found := o.printed.GetIfPresent(key); found && asked.Before(kept.until) {
		return seen.Number, kept.file, nil
	}
	var printed struct {
		Value []byte `json:"value"`
	}
	path := client.Ref(kind.set, d.ID) + "/GetPrintout?culture=" + language
	if err := o.ERP.Do(ctx, http.MethodPost, path, map[string]string{"fileFormat": "pdf"}, &printed); err != nil {
		if status(err) == http.StatusNotFound { // taken away meanwhile
			err = tandem.Errorf(tandem.CodeNotFound, "there is no such document")
		}
		return "", nil, err
	}
	o.printed.Set(key, printout{printed.Value, asked.Add(keepPDF)})
	return seen.Number, printed.Value, nil
}
