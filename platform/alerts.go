package platform

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/findings/report"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// Alert is who is told of new findings that are high. The message is signed as Standard
// Webhooks says (the asymmetric v1a), by a key that comes of the instance's.
type Alert struct {
	// URL takes the messages: https, or http on this machine; empty for nobody. It may
	// have a secret in it, and is neither logged nor stored.
	URL string
	// Networks are private ones that the host of the URL may be in. An address of a
	// private network, of this machine or of its link is refused otherwise.
	Networks []netip.Prefix
}

// Bounds of what is sent.
const (
	alertTimeout  = 10 * time.Second
	alertAnswer   = 4 << 10 // bytes that are read of it
	alertFindings = 50      // that one message tells of
	alertsAtOnce  = 10
)

// alertWaits are the times between tries: twelve within three days.
var alertWaits = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
	16 * time.Hour, 24 * time.Hour,
}

// check says what is wrong with the address.
func (a *Alert) check() error {
	if a.URL == "" {
		return nil
	}
	if _, err := netaddr.SecureURL(a.URL); err != nil {
		return errors.New("alert URL: use an https URL, or http on this machine, without a user and a fragment") // and not the URL itself
	}
	return nil
}

// host is what may be told of the address.
func (a *Alert) host() string {
	u, err := url.Parse(a.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// alertMessage is the body of a message.
type alertMessage struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Instance string           `json:"instance"`
		URL      string           `json:"url"`
		Findings []report.Finding `json:"findings"`
		// More is how many there are beside these.
		More int `json:"more"`
	} `json:"data"`
}

// alerts are the messages of an audit: one with the new findings that are high, or none.
func (i *Instance) alerts(r *report.Report, opened map[string]bool) ([]data.Delivery, error) {
	m := alertMessage{Type: "findings.opened", Timestamp: r.At}
	m.Data.Instance, m.Data.URL = r.Instance, r.URL
	for n := range r.Findings {
		switch f := &r.Findings[n]; {
		case i.config.Audit.Alert.URL == "" || !opened[f.ID] || !f.AtLeast(findings.High) || f.State == findings.Accepted:
		case len(m.Data.Findings) < alertFindings:
			m.Data.Findings = append(m.Data.Findings, *f)
		default:
			m.Data.More++
		}
	}
	if len(m.Data.Findings) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	return []data.Delivery{{
		ID: id.String(), Kind: data.DeliveryAlert, Body: string(body), State: data.DeliveryWaiting, CreatedAt: r.At, NextAt: r.At,
	}}, err
}

// Deliver sends the messages whose time has come. It is for one replica at a time.
func (i *Instance) Deliver(ctx context.Context) error {
	if i.config.Audit.Alert.URL == "" {
		return nil // what waits is told when there is somebody again
	}
	return i.deliver(ctx, &queue{
		kind: data.DeliveryAlert, atOnce: alertsAtOnce, waits: alertWaits, send: i.send,
		refused: func(d *data.Delivery, failed error) {
			i.config.Log.Warn("an alert was not taken", "host", i.config.Audit.Alert.host(), "try", d.Tries, "of", len(alertWaits)+1, "error", failed)
		},
	})
}

// send makes one try.
func (i *Instance) send(ctx context.Context, d *data.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.config.Audit.Alert.URL, bytes.NewReader([]byte(d.Body)))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	at := strconv.FormatInt(i.config.Clock.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tandem")
	req.Header.Set("Webhook-Id", d.ID)
	req.Header.Set("Webhook-Timestamp", at)
	signed := ed25519.Sign(i.alertKey, []byte(d.ID+"."+at+"."+d.Body))
	req.Header.Set("Webhook-Signature", "v1a,"+base64.StdEncoding.EncodeToString(signed))
	return i.config.Audit.Alert.door().send(req)
}

// door leads to the host of the URL.
func (a *Alert) door() door {
	return door{networks: a.Networks, flag: "--alert-network", timeout: alertTimeout, answer: alertAnswer}
}

// newAlertKey is the key that signs alerts.
func newAlertKey(master []byte) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, master, nil, "tandem/instance: alerts", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// AlertKey is the public key of alerts, as receivers of Standard Webhooks take it.
func (a *Administration) AlertKey() string {
	return "whpk_" + base64.StdEncoding.EncodeToString(a.alertKey.Public().(ed25519.PublicKey))
}
