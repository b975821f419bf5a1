package model_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

func TestTextsHaveLimits(t *testing.T) {
	t.Parallel()
	birds := zoo().Set("Zoo_Birds")
	name, ring := birds.Property("Name"), birds.Property("RingNo")
	for _, text := range []string{"", "12345678", "Ябълките", strings.Repeat("\U0001F426", 8)} {
		if err := name.CheckLength(birds, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, why := range map[string]string{
		"123456789": "Zoo_Birds: Name has 9 characters; at most 8 fit.",
		"a\x00b":    "is not valid UTF-8 without U+0000", "a\xff": "is not valid UTF-8 without U+0000",
	} {
		refused(t, name.CheckLength(birds, text), tandem.CodeInvalid, why)
	}
	if err := ring.CheckLength(birds, strings.Repeat("x", model.MaxText)); err != nil {
		t.Error(err)
	}
	refused(t, ring.CheckLength(birds, strings.Repeat("x", model.MaxText+1)), tandem.CodeInvalid, "longer than 32000 bytes")
}

func TestMultilingualTexts(t *testing.T) {
	t.Parallel()
	stored := model.MultiLanguage("EN", `An "apple"`, "BG", "Ябълка", "DE", "Apfel")
	if want := `{"BG":"Ябълка","DE":"Apfel","EN":"An \"apple\""}`; stored != want {
		t.Errorf("stored as %s, want %s", stored, want)
	}
	for language, want := range map[string]string{"BG": "Ябълка", "DE": "Apfel", "FR": `An "apple"`} {
		if got := model.Translation(stored, language); got != want {
			t.Errorf("%s: %s", language, got)
		}
	}
	if got := model.Translation(model.MultiLanguage("BG", "Круша", "DE", "Birne"), "FR"); got != "Круша" {
		t.Errorf("without English it is %s", got)
	}
	for _, stored := range []string{"", "{}", "not JSON", `{"EN":`} {
		if got := model.Translation(stored, "EN"); got != "" {
			t.Errorf("%q is read as %q", stored, got)
		}
	}
	if !model.HasTranslation(stored, "ЯБЪЛКА") || !model.HasTranslation(stored, "apfel") || model.HasTranslation(stored, "apf") {
		t.Error("a name is not found whatever its case, or by a part")
	}
	call := zoo().Set("Zoo_Birds").Property("Call")
	if got := call.Fold(model.TextValue(stored)); got != "an \"apple\"\nябълка\napfel" {
		t.Errorf("it is searched as %q", got)
	}
	if got := call.Fold(model.NullValue); got != "" {
		t.Errorf("nothing is searched as %q", got)
	}
	first, last := model.TextValue(model.MultiLanguage("EN", "Ann", "BG", "Ан")), model.TextValue(model.MultiLanguage("EN", "Lee"))
	if got, want := model.JoinLanguages(" ", first, model.NullValue, last), model.MultiLanguage("EN", "Ann Lee", "BG", "Ан Lee"); got != want {
		t.Errorf("joined to %s, want %s", got, want)
	}
	if got := model.JoinLanguages(" ", model.NullValue); got != "" {
		t.Errorf("nothing is joined to %s", got)
	}
}

// FuzzDecimals holds the reading and the writing of numbers against math/big.
func FuzzDecimals(f *testing.F) {
	for _, text := range []string{"0", "1", "-1", "1.5", "-1.55", "0.005", "-0.005", "99999999999", "1e3", "1E-3", "", ".", "-", "1.",
		".5", "1e", "1e99", "x", "--1", "+2", "-1.49", "-1.0049"} {
		f.Add(text, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, digits uint8) {
		scale := int(digits % 9)
		floor, exact, err := model.FloorDecimal(text, scale)
		rounded, roundErr := model.RoundDecimal(text, scale)
		if err != nil {
			return // what is out of range or no number at all
		}
		want, ok := new(big.Rat).SetString(strings.TrimSuffix(strings.ReplaceAll(strings.ToLower(text), ".e", "e"), "."))
		if !ok {
			t.Fatalf("%q is read, and is no number", text)
		}
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		got := new(big.Rat).SetInt64(floor)
		if got.Cmp(want) > 0 || new(big.Rat).Sub(want, got).Cmp(big.NewRat(1, 1)) >= 0 || exact != (got.Cmp(want) == 0) {
			t.Fatalf("%q at %d digits is %d (exact %t), not the floor of %s", text, scale, floor, exact, want)
		}
		if roundErr == nil {
			off := new(big.Rat).Sub(want, new(big.Rat).SetInt64(rounded))
			if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
				t.Fatalf("%q at %d digits is rounded to %d", text, scale, rounded)
			}
		}
		written := model.AppendDecimal(nil, floor, scale)
		if again, exact, err := model.FloorDecimal(string(written), scale); !json.Valid(written) || again != floor || !exact || err != nil {
			t.Fatalf("%d at %d digits is written as %s", floor, scale, written)
		}
	})
}

func TestAmountsAreRoundedHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"1.5": 2, "2.5": 3, "-1.5": -2, "-2.5": -3, "1.49": 1, "-1.49": -1, "-1.51": -2, "-0.49": 0, "0.5": 1,
		"-0.5": -1} {
		if got, err := model.RoundDecimal(text, 0); got != want || err != nil {
			t.Errorf("%s is rounded to %d, %v", text, got, err)
		}
	}
}

func TestTimesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-31": "2026-01-31T00:00:00Z", "2026-01-31Z": "2026-01-31T00:00:00Z", "2026-01-31T09:55": "2026-01-31T09:55:00Z",
		"2026-01-31T09:55:00.1234567Z": "2026-01-31T09:55:00.123456Z", "2026-01-31T00:30:00+02:00": "2026-01-31T00:30:00+02:00",
	} {
		if got, err := model.ParseTime(text); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2026", "2026-02-30", "31.01.2026", "0000-01-01", "9999-12-31T23:59:59-02:00"} {
		if got, err := model.ParseTime(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	at := time.Date(2026, 1, 31, 23, 30, 0, 0, time.FixedZone("", -3600))
	if got := model.Day(at).Format(time.RFC3339); got != "2026-01-31T00:00:00Z" {
		t.Errorf("the day is %s", got)
	}
}

func TestTextsAreFoldedAlike(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"ΚΑΡΡΆΣ", "Καρράς", "καρρασ", "Καρρα\u0301ς"},
		{"Weiß", "WEISS", "weiss", "WEIẞ"},
		{"Müller", "Mu\u0308ller", "MULLER", "muller"},
		{"Ångström", "\u212bngstrom", "angstrom"},
		{"Łódź", "LODZ"}, {"Ørsted", "orsted"}, {"ИЙ", "ий"}, {"ﬁn", "FIN"}, {"İstanbul", "ISTANBUL", "ıstanbul"}, {"ǅ", "ǆ", "Ǆ"},
		{"हिन्दी"}, {"กำ"}, {"PO-2611", "po-2611"}, {""},
	} {
		for _, text := range same {
			if got, want := model.FoldText(text), model.FoldText(same[0]); got != want || model.FoldText(got) != got {
				t.Errorf("%q is folded to %q, %q to %q", text, got, same[0], want)
			}
		}
	}
	if model.FoldText("हिन्दी") == model.FoldText("हनद") {
		t.Error("vowel signs are taken for accents")
	}
	if !model.SameText("STRASSE", "Straße") || !model.SameText("é", "E\u0301") || model.SameText("Muller", "Müller") {
		t.Error("texts are the same but for their case and form")
	}
	if got := model.SearchWords(" Planinar  AND  GROZEV \u0301 "); len(got) != 2 || got[0] != "planinar" || got[1] != "grozev" {
		t.Errorf("%q", got)
	}
}
