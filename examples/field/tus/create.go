package tus

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/hybridapps/tandem"
)

// create answers a creation: 201 for a new upload, 200 for one that the owner's key has
// already. Both say where it is and at which offset to go on.
func (s *Server) create(w http.ResponseWriter, r *http.Request, owner string) error {
	if r.Header.Get("Upload-Defer-Length") != "" {
		return malformed("Upload-Defer-Length is not offered; send Upload-Length.")
	}
	length, err := count(r.Header, "Upload-Length")
	if err != nil {
		return err
	}
	if length == 0 {
		return malformed("Upload-Length is 0: there is nothing to send.")
	}
	if length > s.config.MaxFile {
		return Refuse(http.StatusRequestEntityTooLarge, "too_large", "The file has more than %d MB; send a smaller one.", s.config.MaxFile>>20).
			because("file_too_large", map[string]any{"mb": s.config.MaxFile >> 20})
	}
	u := &Upload{Owner: owner, Length: length, raw: r.Header.Get("Upload-Metadata")}
	if u.Metadata, err = parseMetadata(u.raw); err != nil {
		return err
	}
	if u.Key, u.SHA256, err = named(u.Metadata); err != nil {
		return err
	}
	if s.config.Group != "" {
		if u.Group = u.Metadata[s.config.Group]; len(u.Group) > maxKey {
			return malformed("The value of %s in Upload-Metadata is too long.", s.config.Group)
		}
	}
	asked := *u
	now := s.clock.Now()
	there, err := s.store.byKey(r.Context(), owner, u.Key)
	created := false
	switch {
	case err == nil && !there.over(now):
		u = there
	case err == nil || isNotFound(err):
		if err := s.config.Allow(r.Context(), *u); err != nil {
			return err
		}
		var stale string
		if created, stale, err = s.store.create(r.Context(), &s.config, u, now); err != nil {
			return err
		}
		if stale != "" {
			s.dropPart(stale)
		}
	default:
		return err
	}
	if u.Length != asked.Length || u.SHA256 != asked.SHA256 || u.Group != asked.Group {
		return Refuse(http.StatusUnprocessableEntity, "key_reused", "You have another upload with this key; give each file a key of its own.")
	}
	if !created { // an older request may still be writing it
		if u, err = s.stands(w, r, owner, u.ID); err != nil {
			return err
		}
	}
	w.Header().Set("Location", s.config.Prefix+"/"+u.ID)
	s.tell(w.Header(), u)
	w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusOK}[created])
	return nil
}

// tell writes how an upload stands.
func (s *Server) tell(h http.Header, u *Upload) {
	h.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	if u.State == Open {
		h.Set("Upload-Expires", u.ExpiresAt.UTC().Format(http.TimeFormat))
	}
}

func (s *Server) head(w http.ResponseWriter, r *http.Request, owner, id string) error {
	if _, err := s.find(r.Context(), owner, id); err != nil {
		return err
	}
	u, err := s.stands(w, r, owner, id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Upload-Length", strconv.FormatInt(u.Length, 10))
	h.Set("Upload-Metadata", u.raw)
	s.tell(h, u)
	w.WriteHeader(http.StatusOK)
	return nil
}

// terminate deletes an upload. What was taken away stays remembered: its key is used.
func (s *Server) terminate(w http.ResponseWriter, r *http.Request, owner, id string) error {
	u, err := s.find(r.Context(), owner, id)
	if err != nil {
		return err
	}
	if u.State != Taken {
		_, done, err := s.writers.take(r.Context(), owner, id, http.NewResponseController(w))
		if err != nil {
			return err
		}
		defer done()
		if err := s.store.remove(r.Context(), id); err != nil {
			return err
		}
		s.dropPart(id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func isNotFound(err error) bool { return errors.Is(err, tandem.ErrNotFound) }
