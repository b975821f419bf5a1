package sealing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/hybridapps/tandem"
)

// A proof is a file as c2sp.org/tlog-proof has it, with the leaf as its extra data.
const (
	proofVersion = "c2sp.org/tlog-proof@v1"
	// MaxProof is how large a proof may be, in bytes: an event, 63 hashes and a head.
	MaxProof = 128 << 10
)

// Proof shows that one event is in the record of a head.
type Proof struct {
	Event tandem.AuditEvent
	// Index is the number of the event in its epoch, from 0.
	Index int64
	Checkpoint
}

// Prove writes the proof of an event, under the first head of an hour that has it, or
// the newest one.
func (l *Log) Prove(ctx context.Context, id string) ([]byte, error) {
	row, err := l.Store.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	id = row.Event.ID
	epochs, err := l.Store.Epochs(ctx)
	if err != nil {
		return nil, err
	}
	at := len(epochs) - 1
	for at > 0 && epochs[at].After >= id {
		at--
	}
	var heads []Head
	if at >= 0 {
		if heads, err = l.Store.Heads(ctx, epochs[at].N, 0); err != nil {
			return nil, err
		}
	}
	first, under := int64(0), Head{}
	for i := range heads {
		if heads[i].Last >= id {
			under = heads[i]
			break
		}
		first = heads[i].Size
	}
	if under.Size == 0 {
		return nil, tandem.Errorf(tandem.CodeConflict, "event %s is not sealed yet: it is when it is %s old and an instance runs", id, Late)
	}
	return l.prove(ctx, &row, first, under)
}

// prove finds the leaf of a row between one head and the next, and writes its proof.
func (l *Log) prove(ctx context.Context, row *Row, first int64, under Head) ([]byte, error) {
	index, leaf, err := l.find(ctx, row, first, under)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(under.Size, index, hashReader(ctx, l.tiles(under.Epoch)))
	if err != nil {
		return nil, err
	}
	return proofText(leaf, index, path, under.Note), nil
}

// find is the number and the leaf of a row between one head and the next.
func (l *Log) find(ctx context.Context, row *Row, first int64, under Head) (index int64, leaf []byte, err error) {
	want := leafHash(row, &leaf)
	leaves := &leafReader{store: l.Store, epoch: under.Epoch, told: map[int64]bool{}, missed: func(int64) {}}
	for index := first; index < under.Size; index++ {
		h, err := leaves.leaf(ctx, index)
		if err != nil || h == want {
			return index, leaf, err
		}
	}
	return 0, nil, tandem.Errorf(tandem.CodeConflict, "event %s is not what was sealed: see what tandem record verify says", row.Event.ID)
}

func proofText(leaf []byte, index int64, path []tlog.Hash, head string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofVersion, base64.StdEncoding.EncodeToString(leaf), index)
	for _, h := range path {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n" + head)
	return b.Bytes()
}

// errProof is for what is no proof.
func errProof(why string) error {
	return tandem.Errorf(tandem.CodeInvalid, "this is no proof of an event (%s): use what tandem record proof wrote, whole", why)
}

// CheckProof reads a proof and sees that the event is in the record whose head the
// verifier's key has signed. It asks nobody.
func CheckProof(text []byte, verifier string) (*Proof, error) {
	key, err := ParseVerifier(verifier)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxProof {
		return nil, errProof("it is too large")
	}
	head, signed, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != proofVersion {
		return nil, errProof("it does not begin with " + proofVersion)
	}
	extra, okExtra := strings.CutPrefix(lines[1], "extra ")
	number, okIndex := strings.CutPrefix(lines[2], "index ")
	leaf, err := base64.StdEncoding.DecodeString(extra)
	if !okExtra || !okIndex || err != nil || len(lines)-3 > 63 {
		return nil, errProof("its lines are others")
	}
	p := &Proof{}
	if p.Index, err = strconv.ParseInt(number, 10, 64); err != nil || strconv.FormatInt(p.Index, 10) != number {
		return nil, errProof("its index is no number")
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, errProof("one of its hashes is none")
		}
		path = append(path, h)
	}
	return p, p.check(path, leaf, signed, key)
}

func (p *Proof) check(path tlog.RecordProof, leaf []byte, signed string, key note.Verifier) (err error) {
	if p.Checkpoint, err = openHead(signed, key); err != nil {
		c, readErr := readHead(signed)
		if readErr != nil {
			return errProof("its head cannot be read")
		}
		return tandem.Errorf(tandem.CodeInvalid, "the head of the proof, of %.100s, is not signed by %s: %s", c.Origin, key.Name(), headFault(err))
	}
	if p.Origin != key.Name() {
		return tandem.Errorf(tandem.CodeInvalid, "the head of the proof is of %.100s, and the key of %s", p.Origin, key.Name())
	}
	if err := tlog.CheckRecord(path, p.Size, p.Root, p.Index, tlog.RecordHash(leaf)); err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "the event is not in the record that the head is of: event or path were changed")
	}
	p.Event, err = readLeaf(leaf)
	return err
}

// readLeaf is the reverse of [AppendLeaf].
func readLeaf(leaf []byte) (e tandem.AuditEvent, err error) {
	var t []string
	if err := json.Unmarshal(leaf, &t); err != nil || len(t) != 14 || t[0] != leafVersion {
		return e, errProof("its event cannot be read")
	}
	micros, err := strconv.ParseInt(t[2], 10, 64)
	if err != nil {
		return e, errProof("its event has no time")
	}
	return tandem.AuditEvent{
		ID: t[1], At: time.UnixMicro(micros).UTC(), Kind: tandem.AuditKind(t[3]), ApplicationURI: t[4], Actor: t[5], Flow: tandem.Flow(t[6]), SessionID: t[7],
		SignInID: t[8], TokenID: t[9], RemoteAddr: t[10], Detail: t[11], RequestID: t[12], Facts: t[13],
	}, nil
}

// KeyLine is the verifier of the newest epoch.
func (l *Log) KeyLine(ctx context.Context) (string, error) {
	epochs, err := l.Store.Epochs(ctx)
	if err != nil {
		return "", err
	}
	newest := int64(1)
	if len(epochs) > 0 {
		newest = epochs[len(epochs)-1].N
	}
	name, err := l.origin(ctx, newest)
	if l.Key == nil {
		return "", errors.Join(err, errors.New("the log has no key"))
	}
	return l.Key.Verifier(name), err
}
