package cloud

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// statuses are the user statuses of document types, by type and then by name in English.
type statuses struct {
	mu    sync.Mutex
	known map[string]map[string]string
	until time.Time
	asked singleflight.Group
}

const statusesKept = 5 * time.Minute

func (s *statuses) get(documentType string, now time.Time) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || now.After(s.until) {
		s.known, s.until = map[string]map[string]string{}, now.Add(statusesKept)
	}
	return s.known[documentType]
}

func (s *statuses) put(documentType string, found map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[documentType] = found
}

// withStatus adds the user status with a name to the arguments of ChangeState.
func (b *booking) withStatus(ctx context.Context, args map[string]any, name string) error {
	if b.v.DocumentType == nil {
		return refused(wire.VisitWithoutType, wire.Args{"visit": b.v.DocumentNo})
	}
	all, err := b.statusesOf(ctx, b.v.DocumentType.ID)
	if err != nil {
		return err
	}
	if all[name] == "" {
		return refused(wire.StatusMissing, wire.Args{"status": name})
	}
	args["userStatus"] = refTo("Systems_Documents_DocumentTypeUserStatuses", all[name])
	return nil
}

// statusesOf are those of a document type.
func (c *Cloud) statusesOf(ctx context.Context, documentType string) (map[string]string, error) {
	if found := c.statuses.get(documentType, c.clock.Now()); found != nil {
		return found, nil
	}
	return once(ctx, &c.statuses.asked, documentType, func(ctx context.Context) (map[string]string, error) {
		found, err := c.readStatuses(ctx, documentType)
		if err == nil {
			c.statuses.put(documentType, found)
		}
		return found, err
	})
}

func (c *Cloud) readStatuses(ctx context.Context, documentType string) (map[string]string, error) {
	var told struct {
		UserStatuses []struct {
			ID             string `json:"Id"`
			UserStatusName client.Text
			State          string
			Active         bool
		}
	}
	err := c.reads.Do(ctx, http.MethodGet, client.Ref(setTypes, documentType)+"?$select=Id&$expand="+escape("UserStatuses($select=Id,UserStatusName,State,Active)"), nil, &told)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, s := range told.UserStatuses {
		if s.Active && s.State == stateFirm {
			found[s.UserStatusName.In("EN")] = s.ID
		}
	}
	return found, nil
}
