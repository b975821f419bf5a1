package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/platform"
)

type recordVerify struct {
	store // without a bound: it reads all of the record
	output
	Anchor []string  `help:"File with heads of the record (--record-anchor) from elsewhere; may be repeated." placeholder:"FILE"`
	Key    []string  `help:"Verifier of the heads, which tandem record key printed; without it, the instance's own key. One for each epoch that another key has signed." placeholder:"VERIFIER"`
	Since  time.Time `help:"Only what was sealed from this day (UTC) on." format:"2006-01-02" placeholder:"DATE"`
}

// Run verifies the record.
func (c *recordVerify) Run(ctx context.Context, r *run) error {
	o := sealing.Options{Keys: c.Key, Since: c.Since}
	for _, key := range c.Key {
		if _, err := sealing.ParseVerifier(key); err != nil {
			return usage("--key: %v", err)
		}
	}
	for _, file := range c.Anchor {
		if _, err := os.Stat(file); err != nil { // an empty one proves nothing
			return fmt.Errorf("--anchor: %w", err)
		}
		anchor, err := sealing.ReadAnchor(file)
		if err != nil {
			return fmt.Errorf("--anchor: %w", err)
		}
		o.Anchors = append(o.Anchors, anchor)
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		report, err := a.VerifyRecord(ctx, o)
		if err != nil {
			return err
		}
		if err := c.show(r, report); err != nil {
			return err
		}
		if !report.OK() {
			return fmt.Errorf("the record is not as it was sealed: %d faults", int64(len(report.Faults))+report.More)
		}
		return nil
	})
}

func (c *recordVerify) show(r *run, report *sealing.Report) error {
	if c.Output != "table" {
		return showData(r.stdout, c.output, report)
	}
	out := bufio.NewWriter(r.stdout)
	fmt.Fprintln(out, report.Words())
	if report.Unsealed > 0 && report.Idle {
		fmt.Fprintln(out, "note: nothing seals the record at the moment: it is sealed while an instance runs")
	}
	for _, note := range report.Notes {
		fmt.Fprintln(out, "note: "+plain(note))
	}
	for _, f := range report.Faults {
		fmt.Fprintln(out, plain(f.Text))
	}
	if report.More > 0 {
		fmt.Fprintf(out, "and %d more\n", report.More)
	}
	return out.Flush()
}

type recordProof struct {
	administering
	Event string `arg:"" help:"Id of the event."`
}

// Run writes the proof of an event.
func (c *recordProof) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		proof, err := a.Sealing.Prove(ctx, c.Event)
		if err == nil {
			_, err = r.stdout.Write(proof)
		}
		return err
	})
}

type recordCheck struct {
	output
	File string `arg:"" help:"File with the proof; - for standard input."`
	Key  string `help:"Verifier of the record, which tandem record key printed." placeholder:"VERIFIER" required:""`
}

// proofRow is a proof that holds, in JSON.
type proofRow struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   string    `json:"root"`
	Index  int64     `json:"index"`
	Event  recordRow `json:"event"`
}

// Run checks a proof. It asks nobody: neither an instance nor its database.
func (c *recordCheck) Run(_ context.Context, r *run) error {
	if _, err := sealing.ParseVerifier(c.Key); err != nil {
		return usage("--key: %v", err)
	}
	text, err := readProof(c.File)
	if err != nil {
		return err
	}
	p, err := sealing.CheckProof(text, c.Key)
	if err != nil {
		return err
	}
	e := recordRowOf(p.Event)
	row := proofRow{p.Origin, p.Size, p.Root.String(), p.Index, e}
	fields := []field{
		{"proven", fmt.Sprintf("event %d of the first %d of %s", p.Index+1, p.Size, p.Origin)}, {"root", p.Root.String()},
		{"id", e.ID}, {"at", e.At.UTC().Format(time.RFC3339Nano)}, {"kind", string(e.Kind)}, {"application", e.ApplicationURI}, {"actor", e.Actor},
		{"flow", string(e.Flow)}, {"session", e.SessionID}, {"sign-in", e.SignInID}, {"token", e.TokenID}, {"from", e.RemoteAddr}, {"detail", e.Detail},
		{"request", e.RequestID}, {"facts", p.Event.Facts},
	}
	return showOne(r.stdout, c.output, row, fields)
}

func readProof(name string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, sealing.MaxProof+1))
}

type recordRestart struct {
	administering
	Reason string `help:"Why: it is on record, and told by every verification." placeholder:"TEXT" required:""`
}

// Run begins a new epoch of the sealed record.
func (c *recordRestart) Run(ctx context.Context, r *run) error {
	if c.Reason == "" {
		return usage("--reason: say why")
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		epoch, err := a.RestartRecord(ctx, c.Reason)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.stdout, "epoch %d of the record begins; tandem record key prints its key\n", epoch.N)
		return err
	})
}

type recordKey struct{ administering }

// Run prints the verifier of the record.
func (c *recordKey) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		key, err := a.Sealing.KeyLine(ctx)
		if err == nil {
			_, err = fmt.Fprintln(r.stdout, key)
		}
		return err
	})
}
