package pwa_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/client"
)

type command struct {
	ID, Device, Visit, Type string
	Seq, Schema, Base       int
	Skew                    int64
	At                      string
	Body                    map[string]any
}

type obj = map[string]any

type answer struct {
	status int
	body   obj
}

// part is an upload.
type part struct {
	size    int
	sum     string
	content []byte
	wrong   int // times that it was not what its sum says
}

// server answers as the contract of the API says, from memory. What it did is there to look at.
type server struct {
	mu      sync.Mutex
	visits  map[string]obj
	done    []command             // what had an effect, in order
	sent    int                   // POSTs of commands
	answers map[string]answer     // by key
	bodies  map[string][32]byte   // by key
	next    map[string]int        // device → expected
	parts   map[string]*part      // by owner and key
	created int                   // POSTs of uploads
	heads   int                   // HEADs
	moved   int                   // bytes that PATCHes brought
	callers map[string]int        // by login
	wiped   map[string]bool       // devices
	keys    map[string]string     // of devices, for their wish
	busy    []bool                // the next wishes have no room
	told    []obj                 // reminders of whoever asks
	read    []any                 // ids that phones say were read
	away    bool                  // there is no network
	rule    func(command) *answer // nil lets the command through
	fault   func(w http.ResponseWriter, r *http.Request, api http.Handler) bool
}

func newServer() *server {
	s := &server{
		visits: map[string]obj{}, answers: map[string]answer{}, bodies: map[string][32]byte{}, next: map[string]int{},
		parts: map[string]*part{}, callers: map[string]int{}, wiped: map[string]bool{}, keys: map[string]string{}, told: []obj{},
	}
	for i, name := range []string{"a", "b", "c"} {
		s.visits[name] = obj{"id": name, "version": 1, "number": fmt.Sprint(i + 1), "subject": "Visit " + name, "status": "Scheduled", "state": "FirmPlanned",
			"day": "2026-11-29", "services": []any{}, "materials": []any{}, "files": []any{}, "notes": ""}
	}
	return s
}

// meet lets a fault of the network come first.
func (s *server) meet(w http.ResponseWriter, r *http.Request, api http.Handler) {
	s.mu.Lock()
	fault, away := s.fault, s.away
	s.mu.Unlock()
	if away {
		down(w, r, api)
	}
	if fault == nil || !fault(w, r, api) {
		api.ServeHTTP(w, r)
	}
}

func (s *server) set(change func()) { s.mu.Lock(); defer s.mu.Unlock(); change() }

// peek reads what phones may just be changing.
func peek[T any](s *server, read func() T) T { s.mu.Lock(); defer s.mu.Unlock(); return read() }

// ended is what had an effect, in order; posts is how many commands came.
func (s *server) ended() []command { return peek(s, func() []command { return slices.Clone(s.done) }) }
func (s *server) posts() int       { return peek(s, func() int { return s.sent }) }

// lost does what is asked and loses the answer.
func lost(w http.ResponseWriter, r *http.Request, api http.Handler) bool {
	api.ServeHTTP(httptest.NewRecorder(), r)
	return down(w, r, api)
}

// down ends the connection without a word.
func down(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	owner := client.CallerOf(r.Context()).Subject
	path := strings.TrimPrefix(r.URL.Path, "/field-api/")
	if strings.HasPrefix(path, "uploads") {
		s.upload(w, r, owner, strings.TrimPrefix(path, "uploads/"))
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers[owner]++
	a := answer{404, obj{"error": "not_found", "message": "no such path"}}
	head, id, _ := strings.Cut(path, "/")
	switch r.Method + " " + head {
	case "POST commands":
		a = s.command(owner, r.Header.Get("Idempotency-Key"), text)
	case "GET commands":
		if known, ok := s.answers[id]; ok {
			a = known
		}
	case "GET visits":
		if id != "" {
			v := obj{"history": []any{obj{"id": "h", "number": "0", "day": "2026-11-02", "subject": "before", "notes": ""}}}
			for k, value := range s.visits[id] {
				v[k] = value
			}
			a = answer{200, v}
			break
		}
		list := []obj{}
		for _, v := range s.visits {
			list = append(list, v)
		}
		a = answer{200, obj{"as_of": "2026-11-29T10:00:00Z", "visits": list}}
	case "GET catalogue":
		a = answer{200, obj{"as_of": "2026-11-29T10:00:00Z", "services": []obj{{"id": "s1", "code": "S1", "name": "Inspection", "unit": "h"}},
			"products": []obj{{"id": "p1", "code": "P1", "name": "Rope", "unit": "m"}}}}
	case "GET reminders":
		writeJSON(w, 200, s.told)
		return
	case "POST reminders":
		var body struct{ Reminders []any }
		if json.Unmarshal(text, &body) == nil && id == "read" {
			s.read = append(s.read, body.Reminders...)
			for _, r := range s.told {
				r["read"] = r["read"] == true || slices.Contains(body.Reminders, r["id"])
			}
			a = answer{204, nil}
		}
	case "PUT devices":
		var told struct {
			Key string `json:"wish_key"`
		}
		_ = json.Unmarshal(text, &told)
		s.keys[id] = told.Key
		a = answer{200, obj{"wipe": s.wiped[id], "next_seq": s.next[id] + 1}}
	case "DELETE devices":
		a = answer{204, nil}
	case "GET me":
		a = answer{200, obj{"login": owner, "schema": 1}}
	}
	write(w, a)
}

// wish answers without a token.
func (s *server) wish(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Device, Secret string
		Gone           bool
	}
	_ = json.NewDecoder(r.Body).Decode(&ask)
	sum := sha256.Sum256([]byte(ask.Secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := len(s.busy) > 0 && s.busy[0]
	s.busy = s.busy[min(1, len(s.busy)):]
	if busy {
		write(w, answer{429, obj{"error": "too_many", "message": "ask again"}})
		return
	}
	known := s.keys[ask.Device] == hex.EncodeToString(sum[:])
	if known && ask.Gone {
		delete(s.keys, ask.Device)
	}
	write(w, answer{200, obj{"wipe": known && !ask.Gone && s.wiped[ask.Device]}})
}

func write(w http.ResponseWriter, a answer) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	writeJSON(w, a.status, a.body)
}

func writeJSON[T any](w http.ResponseWriter, status int, body T) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *server) command(owner, key string, text []byte) answer {
	s.sent++
	var c command
	if err := json.Unmarshal(text, &c); err != nil || c.ID != key || uuid.Validate(c.ID) != nil || uuid.MustParse(c.ID).Version() != 7 || uuid.Validate(c.Device) != nil {
		return answer{400, obj{"error": "invalid", "message": fmt.Sprint("not a command: ", err)}}
	}
	if before, ok := s.answers[key]; ok {
		if s.bodies[key] != sha256.Sum256(text) {
			return answer{422, obj{"error": "key_reused", "message": "another text came under this key"}}
		}
		return before
	}
	if c.Seq != s.next[owner+c.Device]+1 {
		return answer{409, obj{"error": "out_of_order", "expected": s.next[owner+c.Device] + 1, "message": "not its turn"}}
	}
	a := answer{200, obj{"state": "done", "command": c.ID}}
	if s.rule != nil {
		if other := s.rule(c); other != nil {
			a = *other
		}
	}
	if a.status >= 429 {
		return a
	}
	s.next[owner+c.Device]++
	s.bodies[key] = sha256.Sum256(text)
	if a.status < 400 {
		s.done = append(s.done, c)
		v := obj{}
		for k, value := range s.visits[c.Visit] {
			v[k] = value
		}
		v["version"] = v["version"].(int) + 1
		s.visits[c.Visit] = v
		if a.status == 200 {
			a.body["visit"] = v
		}
	}
	s.answers[key] = a
	return a
}

// did is what had an effect: type and visit, in order.
func (s *server) did() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, c := range s.done {
		out = append(out, c.Type+" "+c.Visit)
	}
	return strings.Join(out, ", ")
}

// upload is tus 1.0, as much as the app uses.
func (s *server) upload(w http.ResponseWriter, r *http.Request, owner, id string) {
	s.mu.Lock()
	p := s.parts[owner+id]
	switch r.Method {
	case http.MethodPost:
		s.created++
		facts := map[string]string{}
		for _, pair := range strings.Split(r.Header.Get("Upload-Metadata"), ",") {
			name, value, _ := strings.Cut(pair, " ")
			plain, _ := base64.StdEncoding.DecodeString(value)
			facts[name] = string(plain)
		}
		size, err := strconv.Atoi(r.Header.Get("Upload-Length"))
		if err != nil || facts["key"] == "" || r.Header.Get("Tus-Resumable") != "1.0.0" {
			s.mu.Unlock()
			write(w, answer{400, obj{"error": "invalid", "message": "not tus"}})
			return
		}
		status := 200
		if s.parts[owner+facts["key"]] == nil {
			status = 201
			s.parts[owner+facts["key"]] = &part{size: size, sum: facts["sha256"]}
		}
		s.mu.Unlock()
		w.Header().Set("Location", "/field-api/uploads/"+facts["key"])
		w.WriteHeader(status)
		return
	case http.MethodHead:
		s.heads++
	}
	if p == nil {
		s.mu.Unlock()
		w.WriteHeader(404)
		return
	}
	if r.Method == http.MethodPatch {
		if r.Header.Get("Upload-Offset") != fmt.Sprint(len(p.content)) {
			s.mu.Unlock()
			w.WriteHeader(409)
			return
		}
		s.mu.Unlock()
		block := make([]byte, 16<<10)
		for {
			n, err := r.Body.Read(block)
			s.mu.Lock()
			p.content = append(p.content, block[:n]...)
			s.moved += n
			s.mu.Unlock()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
		}
		s.mu.Lock()
		if sum := sha256.Sum256(p.content); len(p.content) == p.size && hex.EncodeToString(sum[:]) != p.sum {
			refusal := obj{"error": "checksum", "reason": "checksum", "message": "The file is not what its sha256 says."}
			if p.content, p.wrong = nil, p.wrong+1; p.wrong == 3 {
				delete(s.parts, owner+id)
				refusal["reason"] = "checksum_final"
			}
			s.mu.Unlock()
			write(w, answer{460, refusal})
			return
		}
	}
	w.Header().Set("Upload-Offset", fmt.Sprint(len(p.content)))
	w.Header().Set("Upload-Length", fmt.Sprint(p.size))
	s.mu.Unlock()
	w.WriteHeader(204)
}

// whole says how many uploads are all there.
func (s *server) whole() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.parts {
		if sum := sha256.Sum256(p.content); len(p.content) == p.size && hex.EncodeToString(sum[:]) == p.sum {
			n++
		}
	}
	return n
}
