package csvfile_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

func encoded(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	b, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, named, encoding string
		guessed                     bool
		want                        string
	}{
		{"ASCII", "a,b\n", "", "utf-8", false, "a,b\n"},
		{"UTF-8", "Müller,Łódź\n", "", "utf-8", false, "Müller,Łódź\n"},
		{"UTF-8 with one broken name", "Müller,Łódź\nM\xfcnchen\n", "", "utf-8", false, ""},
		{"Western Europe", encoded(t, charmap.Windows1252, "Müller & Söhne,5 €,“Lódz”\n"), "", "windows-1252", true, "Müller & Söhne,5 €,“Lódz”\n"},
		{"Cyrillic", encoded(t, charmap.Windows1251, "Дравена АД,Пловдив\n"), "", "windows-1251", true, "Дравена АД,Пловдив\n"},
		{"named", encoded(t, charmap.Windows1250, "Łódź,Kraków\n"), "windows-1250", "windows-1250", false, "Łódź,Kraków\n"},
		{"a byte order mark is stronger", "\xef\xbb\xbfŁódź\n", "windows-1250", "utf-8", false, "\ufeffŁódź\n"},
		{"UTF-16 of a spreadsheet", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "Łódź\tb\n"), "", "utf-16le", false, "\ufeffŁódź\tb\n"},
		{"UTF-16, the other way round", encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "Łódź\n"), "utf-8", "utf-16be", false, "\ufeffŁódź\n"},
		{"a byte that the encoding has not", "a\xffb", "windows-1253", "windows-1253", false, "a\xffb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, guessed, err := csvfile.Guess(strings.NewReader(c.file), c.named)
			if err != nil || name != c.encoding || guessed != c.guessed {
				t.Fatalf("%s, guessed %t, %v", name, guessed, err)
			}
			if c.want == "" {
				return
			}
			var out bytes.Buffer
			if err := csvfile.Decode(&out, strings.NewReader(c.file), name); err != nil || out.String() != c.want {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
	for text, want := range map[string]string{"CP1252": "windows-1252", "latin1": "windows-1252", "UTF8": "utf-8", "koi8-r": "koi8-r"} {
		if got, err := csvfile.Encoding(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	if _, err := csvfile.Encoding("ansi-whatever"); err == nil || !strings.Contains(err.Error(), "windows-1252") {
		t.Errorf("unknown: %v", err)
	}
}

// Names and cities as they stand in files tell their encoding.
func TestEncodingsAreGuessed(t *testing.T) {
	t.Parallel()
	german, greek := "Müller & Söhne;München|Großhandel Weiß;Köln|Bäckerei „Jäger“;Nürnberg", "Παπαδόπουλος;Αθήνα|Καρράς ΑΕ;Θεσσαλονίκη|Άγγελος;Πάτρα"
	polish, czech := "Łódź Handel;Kraków|Żółw;Gdańsk|Śląsk;Częstochowa", "Dvořák;Plzeň|Škoda;České Budějovice|Černý;Ústí"
	russian := "Иванов;Москва|ООО «Ромашка»;Казань|Петров;Санкт-Петербург"
	for _, c := range []struct {
		name  string
		in    encoding.Encoding
		files []string
	}{
		{"windows-1252", charmap.Windows1252, []string{
			german, "Société Générale;Orléans|Hélène Lefèvre;Besançon|Crédit Côte;Nîmes", "José Muñoz;Málaga|Peñalver;Cádiz|Núñez;León",
			"Åkesson;Malmö|Björk;Göteborg", "São João;Conceição|Comércio;Évora", "Søren Ærø;København", "Müller", "Müller|Peña|Åse|São Paulo|Hélène", "5 €|1°",
			"Wasser 5 m³", "Müller|Lager 12 M³|Fläche 30 km²", "Brett 10×20", "Filter 10 µm|Müller", "Widerstand ±5", "Rohr 1½ Zoll", "bis 25°C", "Ø 20",
		}},
		{"windows-1250", charmap.Windows1250, []string{
			polish, czech, "Erdős;Győr|Kovács;Székesfehérvár|Szűcs;Nyíregyháza", "Čović;Šibenik|Đurđević;Požega", "Popescu Ştefan;Braşov|Ionuţ;Timişoara",
			"Müller;Łódź|Jäger;Žilina", "KRAKÓW|ŁÓDŹ|ŻÓŁW", "Michał|Paweł", "Ľubomír;Košice|10×20", "100 zł|Michał ±5",
		}},
		{"iso-8859-2", charmap.ISO8859_2, []string{polish, czech}},
		{"windows-1253", charmap.Windows1253, []string{greek, "ΚΑΡΡΑΣ;ΑΘΗΝΑ|Ήλιος;Ωραίο"}},
		{"iso-8859-7", charmap.ISO8859_7, []string{greek}},
		{"windows-1251", charmap.Windows1251, []string{
			"Дравена АД;Пловдив|Иванов и синове;София|Търговия ЕООД;Бургас", russian, "Ђорђевић;Ниш", "ДРАВЕНА;ПЛОВДИВ", "Дравена Tea ООД;Sofia", "Київ;Їжак|Львів", "Дъска ±5|Тръба Ч 5|Филтър 3 µm",
		}},
		{"koi8-r", charmap.KOI8R, []string{"Иванов;Москва|ООО Ромашка;Казань"}},
		{"iso-8859-5", charmap.ISO8859_5, []string{"Дравена АД;Пловдив|Иванов и синове;София"}},
		{"ibm866", charmap.CodePage866, []string{"Иванов;Москва|ООО Ромашка;Казань"}},
		{"windows-1254", charmap.Windows1254, []string{"Güneş;İstanbul|Yıldız;Şanlıurfa|Çağlayan;Eskişehir"}},
		{"windows-1257", charmap.Windows1257, []string{"Žemaitė;Šiauliai|Jūratė;Kėdainiai"}},
		{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), []string{german, greek, russian, "a|b"}},
		{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), []string{german, greek, russian, "a|b"}},
	} {
		for _, rows := range c.files {
			var file strings.Builder
			file.WriteString("Id;Name;City;Phone;Amount\r\n")
			for i, row := range strings.Split(rows, "|") {
				fmt.Fprintf(&file, "%d;%s;+49 89 123%d;12,50\r\n", i, row, i)
			}
			name, guessed, err := csvfile.Guess(strings.NewReader(encoded(t, c.in, file.String())), "")
			if err != nil || name != c.name || !guessed {
				t.Errorf("%s is taken for %s: %s, %t, %v", c.name, name, rows, guessed, err)
			}
		}
	}
	zip := "PK\x03\x04" + strings.Repeat("\x00\x07", 400)
	if name, _, err := csvfile.Guess(strings.NewReader(zip), ""); err != nil || strings.HasPrefix(name, "utf-16") {
		t.Errorf("an archive is taken for %s, %v", name, err)
	}
}

// Whatever the bytes are, they come out as UTF-8 or as bytes that are refused
// later, and never fewer than came.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\xfc,b\n"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xef\xbb\xbfa\xc3"))
	f.Fuzz(func(t *testing.T, file []byte) {
		name, _, err := csvfile.Guess(bytes.NewReader(file), "")
		if err != nil {
			t.Fatal(err)
		}
		if name == csvfile.UTF8 {
			return
		}
		var out bytes.Buffer
		if err := csvfile.Decode(&out, bytes.NewReader(file), name); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "windows") && utf8.RuneCount(out.Bytes()) != len(file) {
			t.Errorf("%d characters of %d bytes", utf8.RuneCount(out.Bytes()), len(file))
		}
		if slices.Contains([]rune(strings.ReplaceAll(out.String(), "\xff", "")), utf8.RuneError) {
			t.Error("a replacement character is in the text")
		}
	})
}
