package signin

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
)

// What everybody tries first is no password, also in another case, in another form of the
// same letters and with something around it, and no password has its person's own words
// (C22).
func TestC22_PasswordsThatAreGuessedFirst(t *testing.T) {
	t.Parallel()
	anna := &tandem.User{Login: "anna.i", Name: "Anna Müller-Intern al", Email: "mueller@firma.example"}
	for _, password := range []string{
		"password", "PassWord", "password2026!", "12345678", "1qaz2wsx", "qwertzuiop", "!!Dragon!!", "Passwort1", "парола123", "ПАРОЛА123", "!!!!!!!!!", "ababababab",
		"österreich", "o\u0308sterreich", "letmein123",
	} {
		if weakness(nil, password).Empty() {
			t.Errorf("%q is taken", password)
		}
		if StrengthOf(password) != Weak {
			t.Errorf("%q is %s", password, StrengthOf(password).Words())
		}
	}
	for _, password := range []string{"my ANNA.I pass", "blue firma skies", "mueller likes tea", "u\u0308 mu\u0308ller-intern"} {
		if w := weakness(anna, password); !strings.Contains(w.String(), "login") {
			t.Errorf("%q is taken for anna: %s", password, w)
		}
		if w := weakness(nil, password); !w.Empty() {
			t.Errorf("%q of somebody else: %s", password, w)
		}
	}
	for password, want := range map[string]Strength{
		"correct horse battery": Good, "all is well at al": Good, "k7Q!vz2_Lm": Fair, "xK9-mQ2vLp8Rt.4w": Strong, "тромав облак пее в полунощ": Strong, "abcdefgh12": Weak,
	} {
		if w := weakness(anna, password); !w.Empty() {
			t.Errorf("%q: %s", password, w)
		}
		if got := StrengthOf(password); got != want {
			t.Errorf("%q is %s with %.0f bits, want %s", password, got.Words(), bitsOf(password), want.Words())
		}
	}
}

// Every line of the list is found, and nothing beside it.
func TestCommonPasswordsAreFound(t *testing.T) {
	t.Parallel()
	all := strings.Split(strings.Trim(commonPasswords(), "\n"), "\n")
	if len(all) < 40000 {
		t.Fatalf("%d passwords", len(all))
	}
	for n, word := range all {
		if !listed(word) {
			t.Fatalf("line %d, %q, is not found", n, word)
		}
		if n > 0 && listed(word+"\x01") {
			t.Fatalf("%q and more is found", word)
		}
	}
	for _, word := range []string{"", "\n", "0", "~~~~~~~~~~~~", "яяяяяяяяяя"} {
		if listed(word) {
			t.Errorf("%q is found", word)
		}
	}
}

func FuzzPasswordPolicy(f *testing.F) {
	for _, s := range []string{"password1", "парола123", "\xff", "a\x00b", "o\u0308"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		weakness(&tandem.User{Login: s, Name: s, Email: s}, s)
		StrengthOf(s)
	})
}
