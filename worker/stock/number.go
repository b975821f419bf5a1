package stock

import (
	"encoding/json"
	"fmt"
	"strings"
)

// parseThousandths reads a decimal number of at most three digits after the
// point; ok is false when it does not fit.
func parseThousandths(s string) (n int64, ok bool) {
	negative := strings.HasPrefix(s, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if len(fraction) > 3 {
		if strings.Trim(fraction[3:], "0") != "" {
			return 0, false
		}
		fraction = fraction[:3]
	}
	digits := whole + fraction + "000"[len(fraction):]
	if len(whole) == 0 || len(strings.TrimLeft(digits, "0")) > 17 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// decimal is the reverse of parseThousandths, without zeros at the end.
func decimal(thousandths int64) json.Number {
	sign := ""
	if thousandths < 0 {
		sign, thousandths = "-", -thousandths
	}
	text := fmt.Sprintf("%s%d", sign, thousandths/1000)
	if rest := thousandths % 1000; rest != 0 {
		text += strings.TrimRight(fmt.Sprintf(".%03d", rest), "0")
	}
	return json.Number(text)
}
