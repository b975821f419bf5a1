package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
)

// The codes of authenticator apps (RFC 6238): what all of them can do.
const (
	totpPeriod  = 30 // seconds
	totpDigits  = otp.DigitsSix
	totpSkew    = 1  // intervals before and after
	totpSecret  = 20 // bytes
	recoveryLen = 10 // bytes of a recovery code: 80 bits
	// RecoveryCodes is how many a person gets at a time.
	RecoveryCodes = 10
)

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// typedCode is a code without what people put between its parts.
func typedCode(text string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "").Replace(text))
}

// totpURL is what an authenticator app reads.
func (f *Factors) totpURL(login string, secret []byte) (*otp.Key, error) {
	return totp.Generate(totp.GenerateOpts{
		Issuer: f.issuer, AccountName: login, Period: totpPeriod, Secret: secret, Digits: totpDigits, Algorithm: otp.AlgorithmSHA1,
	})
}

// interval is the one whose code this is, within what clocks may differ; false for none.
func interval(secret []byte, code string, now time.Time) (int64, bool, error) {
	found, ok := int64(0), false
	for n := int64(-totpSkew); n <= totpSkew; n++ {
		at := now.Add(time.Duration(n) * totpPeriod * time.Second)
		want, err := totp.GenerateCodeCustom(base32Text.EncodeToString(secret), at, totp.ValidateOpts{
			Period: totpPeriod, Digits: totpDigits, Algorithm: otp.AlgorithmSHA1,
		})
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found, ok = at.Unix()/totpPeriod, true
		}
	}
	return found, ok, nil
}

// checkCode takes a code of an authenticator app, or a recovery code. Each is good once.
func (f *Factors) checkCode(ctx context.Context, userID, typed, from string) (FactorKind, error) {
	code := typedCode(typed)
	all, err := f.Store.FactorsOf(ctx, userID)
	if err != nil {
		return "", err
	}
	var used error
	for i := range all {
		one := &all[i]
		secret, err := f.opened(one)
		if err != nil {
			return "", fmt.Errorf("the second factor %s: %w", one.ID, err)
		}
		counter, right := int64(1), false
		switch {
		case one.Kind == FactorTOTP && len(code) == totpDigits.Length():
			counter, right, err = interval(secret, code, f.Clock.Now())
		case one.Kind == FactorRecovery:
			sum := sha256.Sum256([]byte(code))
			right = subtle.ConstantTimeCompare(sum[:], secret) == 1
		}
		if err != nil {
			return "", err
		}
		if !right {
			continue
		}
		if used = f.use(ctx, one, counter, from); used == nil {
			return one.Kind, nil
		}
		if _, wrong := isWrongFactor(used); !wrong {
			return "", used
		}
	}
	if used != nil {
		return "", used
	}
	return "", wrongFactor(tandem.RuleFactor, "the code is none of the person's")
}

// newCodes makes recovery codes, instead of all that there were: the only time that they
// can be read.
func (f *Factors) newCodes(ctx context.Context, userID string) ([]string, error) {
	codes, factors := make([]string, RecoveryCodes), make([]Factor, RecoveryCodes)
	for i := range codes {
		code := base32Text.EncodeToString(randomBytes(recoveryLen))
		sum := sha256.Sum256([]byte(code))
		factors[i] = f.made(userID, FactorRecovery, "", sum[:])
		parts := []string{}
		for len(code) > 0 {
			parts, code = append(parts, strings.ToLower(code[:4])), code[4:]
		}
		codes[i] = strings.Join(parts, "-")
	}
	return codes, f.Store.ReplaceRecovery(ctx, userID, factors)
}

// picture is a text as a QR code: an inline picture, because nothing of the page may come
// from anywhere else.
func picture(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", err
	}
	size, quiet := code.Bounds().Dx(), 4
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && dark(code.At(x, y)) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %[1]d" role="img" aria-label="QR code" shape-rendering="crispEdges">`+
		`<rect width="%[1]d" height="%[1]d" fill="#fff"/><path fill="#000" d="%s"/></svg>`, size+2*quiet, path.String())), nil
}

func dark(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}
