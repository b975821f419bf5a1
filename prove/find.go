package prove

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// finder looks for many texts at once, by their first eight bytes.
type finder struct {
	seen    [1024]uint64 // which beginnings there are, by a hash of 16 bits
	by      map[uint64][]needle
	longest int
}

type needle struct{ text, label, how string }

// finder is one for the secrets known by now.
func (s *Secrets) finder() *finder {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &finder{by: map[uint64][]needle{}}
	for i := range s.named {
		for _, form := range s.named[i].forms {
			if len(form.text) < shortestSecret {
				continue
			}
			start := binary.LittleEndian.Uint64([]byte(form.text[:8]))
			f.by[start] = append(f.by[start], needle{form.text, s.named[i].label, form.how})
			h := hash16(start)
			f.seen[h>>6] |= 1 << (h & 63)
			f.longest = max(f.longest, len(form.text))
		}
	}
	return f
}

func hash16(v uint64) uint64 { return v * 0x9e3779b97f4a7c15 >> 48 }

// within are the secrets in a text, each once.
func (f *finder) within(text []byte, found map[string]Found) {
	for i := 0; i+8 <= len(text); i++ {
		start := binary.LittleEndian.Uint64(text[i:])
		h := hash16(start)
		if f.seen[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, n := range f.by[start] {
			if len(text)-i >= len(n.text) && string(text[i:i+len(n.text)]) == n.text {
				if _, had := found[n.label]; !had {
					found[n.label] = Found{n.label, n.how}
				}
			}
		}
	}
}

// maxSearched is how much of one file or table is searched.
const maxSearched = 1 << 30

var errTooLong = errors.New("it is longer than 1 GiB, and was searched that far")

// read searches what comes from a reader.
func (f *finder) read(from io.Reader, found map[string]Found) error {
	buffer := make([]byte, 1<<20+f.longest)
	kept, total := 0, 0
	for {
		n, err := io.ReadFull(from, buffer[kept:])
		f.within(buffer[:kept+n], found)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		if total += n; total > maxSearched {
			return errTooLong
		}
		// What begins here may end in what comes.
		keep := min(f.longest, kept+n)
		copy(buffer, buffer[kept+n-keep:kept+n])
		kept = keep
	}
}

// Find looks for every secret in a text, in every way of writing it. Those that are
// shorter than 8 bytes are not looked for.
func (s *Secrets) Find(text string) []Found {
	found := map[string]Found{}
	if err := s.finder().read(strings.NewReader(text), found); err != nil {
		return nil // a text in memory is read to its end
	}
	var all []Found
	for i := range s.named {
		if f, there := found[s.named[i].label]; there {
			all = append(all, f)
		}
	}
	return all
}
