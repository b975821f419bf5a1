package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
)

// The leases of who seals the record and of who verifies it, at which hour (UTC), and how
// often its heads are looked for that are to be anchored.
const (
	recordLease = "record"
	verifyLease = "record verification"
	verifyHour  = 2
	verifyEvery = 5 * time.Minute
	anchorEvery = time.Minute
)

// sealRecord seals the record, where this replica is the one that does, until ctx ends;
// then it closes the newest head.
func (i *Instance) sealRecord(ctx context.Context) {
	i.byOne(ctx, recordLease, sealing.Every, "sealing the record", func(ctx context.Context) error {
		return i.SealRecord(ctx)
	})
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := i.Sealing.Rest(last); err != nil && !errors.Is(err, sealing.ErrOvertaken) {
		i.config.Log.Warn("the newest head of the record is not closed", "error", err)
	}
	if err := i.AnchorRecord(last); err != nil {
		i.config.Log.Error("the record is not anchored", "error", err)
	}
}

// SealRecord does at once what one replica does every 10 s: it seals what has settled.
func (i *Instance) SealRecord(ctx context.Context) error {
	_, err := i.Sealing.Seal(ctx)
	if errors.Is(err, sealing.ErrOvertaken) {
		return nil // by another replica, which prunes
	}
	return err
}

// verifyRecord verifies the record each night, where this replica is the one that does,
// until ctx ends. It takes minutes, beside which the record is sealed.
func (i *Instance) verifyRecord(ctx context.Context) {
	i.byOne(ctx, verifyLease, verifyEvery, "verifying the record", i.verifyNightly)
}

// verifyNightly verifies the record when it was not since the last night began.
func (i *Instance) verifyNightly(ctx context.Context) error {
	now := i.config.Clock.Now().UTC()
	night := now.Truncate(24 * time.Hour).Add(verifyHour * time.Hour)
	s, err := i.Sealing.Status(ctx)
	if err != nil || now.Before(night) || s.Size == 0 || !s.Verified.At.Before(night) {
		return err
	}
	var o sealing.Options
	if i.config.RecordAnchor != "" {
		anchor, err := sealing.ReadAnchor(i.config.RecordAnchor)
		if err != nil {
			return err
		}
		o.Anchors = append(o.Anchors, anchor)
	}
	r, err := i.verified(ctx, o)
	if err != nil {
		return err
	}
	if err := i.Sealing.RememberNightly(ctx, r); err != nil {
		return err
	}
	if r.OK() {
		i.config.Log.Info("the record is as it was sealed", "found", r.Words())
	} else {
		i.config.Log.Error("the record is not as it was sealed: see what tandem record verify says", "faults", int64(len(r.Faults))+r.More, "first", r.Faults[0].Text)
	}
	return nil
}

// VerifyRecord verifies the record, see [sealing.Log.Verify]. The outcome of one that
// leaves nothing out is kept for [sealing.Status].
func (a *Administration) VerifyRecord(ctx context.Context, o sealing.Options) (*sealing.Report, error) {
	r, err := a.verified(ctx, o)
	if err != nil || len(o.Keys) > 0 || !o.Since.IsZero() {
		return r, err
	}
	kept, err := a.Sealing.Remember(ctx, r)
	if !kept {
		r.Notes = append(r.Notes, "the last verification had an anchor and this one had none, so that what that one said still holds: give the anchor with --anchor")
	}
	return r, err
}

// verified verifies the record.
func (a *Administration) verified(ctx context.Context, o sealing.Options) (*sealing.Report, error) {
	lease, err := data.NewLeases(a.DB).Show(ctx, recordLease)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		o.Alive = lease.Until.Add(-sealing.Every - leaseSpare) // when it was taken last
	}
	if err := a.catchUp(ctx, &o); err != nil {
		return nil, err
	}
	return a.Sealing.Verify(ctx, o)
}

// catchUp sees whether what waits is being sealed now, as after a time in which no instance
// ran: then none of it is late.
func (a *Administration) catchUp(ctx context.Context, o *sealing.Options) error {
	before, err := a.Sealing.Status(ctx)
	if err != nil || before.Unsealed.IsZero() || !before.Unsealed.Add(sealing.Late).Before(o.Alive) {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(sealing.Every):
	}
	now, err := a.Sealing.Status(ctx)
	if now.Epoch != before.Epoch || now.Size > before.Size {
		o.Alive = before.Unsealed
	}
	return err
}

// RestartRecord begins a new epoch of the sealed record, see [sealing.Log.Restart].
func (a *Administration) RestartRecord(ctx context.Context, reason string) (sealing.Epoch, error) {
	return a.Sealing.Restart(ctx, a.config.By, reason)
}

// beginAnchor takes the record's older keys, and sees that it goes on from its anchor.
func (i *Instance) beginAnchor(ctx context.Context) error {
	for _, key := range i.config.RecordKeys {
		if _, err := sealing.ParseVerifier(key); err != nil {
			return fmt.Errorf("a key of the record: %w", err)
		}
	}
	i.Sealing.Keys = i.config.RecordKeys
	if i.config.RecordAnchor == "" {
		return nil
	}
	i.anchor = &sealing.AnchorFile{Log: i.Sealing, File: i.config.RecordAnchor}
	return i.anchor.Begin(ctx)
}

// anchorRecord anchors the heads of the record, until ctx ends.
func (i *Instance) anchorRecord(ctx context.Context) {
	tick := time.NewTicker(anchorEvery)
	defer tick.Stop()
	for i.anchor != nil {
		if err := i.AnchorRecord(ctx); err != nil && ctx.Err() == nil {
			i.config.Log.Error("the record is not anchored", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// AnchorRecord does at once what Run does every minute: it appends the heads of the
// record that were closed to the anchor.
func (i *Instance) AnchorRecord(ctx context.Context) error {
	if i.anchor == nil {
		return nil
	}
	_, err := i.anchor.Append(ctx)
	return err
}

var (
	sealedDesc   = prometheus.NewDesc("tandem_record_sealed_events", "Events of the record that are sealed, of this epoch.", nil, nil)
	unsealedDesc = prometheus.NewDesc("tandem_record_unsealed_seconds", "Age of the oldest event that is not sealed; 0 for none.", nil, nil)
	faultsDesc   = prometheus.NewDesc("tandem_record_faults", "Faults that the last verification of the record found.", nil, nil)
)

// recordCollector tells how far the record is sealed.
type recordCollector struct{ i *Instance }

// Describe implements prometheus.Collector.
func (c *recordCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- sealedDesc
	ch <- unsealedDesc
	ch <- faultsDesc
}

// Collect implements prometheus.Collector. Nothing is told while the database is away.
func (c *recordCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := c.i.Sealing.Status(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if !s.Unsealed.IsZero() {
		age = max(0, c.i.config.Clock.Now().Sub(s.Unsealed).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(sealedDesc, prometheus.GaugeValue, float64(s.Size))
	ch <- prometheus.MustNewConstMetric(unsealedDesc, prometheus.GaugeValue, age)
	ch <- prometheus.MustNewConstMetric(faultsDesc, prometheus.GaugeValue, float64(s.Verified.Faults))
}
