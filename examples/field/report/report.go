// Package report is the report of a day of visits: what was done, for how long, with what
// material, and which commands of phones were refused, by technician and by customer. It is
// data, which is kept, and is made a PDF or CSV in the language of who reads it.
package report

import (
	"cmp"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
)

// Day is what is told of a day.
type Day struct {
	// Day is the date in Zone, an IANA name; 2006-01-02.
	Day    string    `json:"day"`
	Zone   string    `json:"zone"`
	MadeAt time.Time `json:"made_at"`
	Visits []Visit   `json:"visits"`
	// More says that there were more visits than a report has.
	More    bool      `json:"more,omitempty"`
	Refused []Refused `json:"refused"`
	// RefusedSince and RefusedUntil are from when and until when Refused has what was refused;
	// zero in reports of before they were kept.
	RefusedSince time.Time `json:"refused_since,omitzero"`
	RefusedUntil time.Time `json:"refused_until,omitzero"`
}

// Visit is a visit of the day.
type Visit struct {
	Number     string      `json:"number"`
	Subject    string      `json:"subject"`
	Technician Party       `json:"technician"`
	Customer   Party       `json:"customer"`
	Status     client.Text `json:"status"`
	// Done says that the document is released or completed.
	Done bool `json:"done"`
	// Start and End are zero where they are not known; Planned is in minutes.
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Planned   int64     `json:"planned"`
	Services  []Line    `json:"services"`
	Materials []Line    `json:"materials"`
}

// Party is who it is by or for.
type Party struct {
	ID   string      `json:"id"`
	Name client.Text `json:"name"`
}

// Line is what was done or used.
type Line struct {
	Name     client.Text `json:"name"`
	Quantity json.Number `json:"quantity"`
	Unit     string      `json:"unit"`
}

// Refused is a command of a phone that was not booked.
type Refused struct {
	At         time.Time `json:"at"`
	Technician string    `json:"technician"`
	// Visit and Customer are empty where the visit was not of the day.
	Visit    string      `json:"visit"`
	Customer client.Text `json:"customer"`
	// Type is the command's, Word that of the refusal, Reason its text.
	Type   string `json:"type"`
	Word   string `json:"word"`
	Reason string `json:"reason"`
}

// Spent is how long a visit that is done took; zero where that is not known.
func (v *Visit) Spent() time.Duration {
	if !v.Done || v.Start.IsZero() || v.End.Before(v.Start) {
		return 0
	}
	return v.End.Sub(v.Start)
}

// Totals are sums over visits.
type Totals struct {
	Visits, Done int
	Planned      time.Duration
	Spent        time.Duration
	// Services and Materials are summed by name and unit, in the order of names.
	Services, Materials []Line
}

// Group is a technician or a customer with their visits.
type Group struct {
	Name   string
	Visits []Visit
	Totals
}

// ByTechnician and ByCustomer are the visits in groups, by name in the language.
func (d *Day) ByTechnician(language string) []Group {
	return d.by(language, func(v *Visit) Party { return v.Technician })
}

// ByCustomer is [Day.ByTechnician] for customers.
func (d *Day) ByCustomer(language string) []Group {
	return d.by(language, func(v *Visit) Party { return v.Customer })
}

func (d *Day) by(language string, of func(*Visit) Party) []Group {
	var all []Group
	at := map[string]int{}
	for i := range d.Visits {
		party := of(&d.Visits[i])
		n, there := at[party.ID]
		if !there {
			n = len(all)
			at[party.ID], all = n, append(all, Group{Name: party.Name.In(language)})
		}
		all[n].Visits = append(all[n].Visits, d.Visits[i])
	}
	for i := range all {
		all[i].Totals = totals(all[i].Visits, language)
	}
	slices.SortStableFunc(all, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Totals are the sums of the whole day.
func (d *Day) Totals(language string) Totals { return totals(d.Visits, language) }

func totals(visits []Visit, language string) Totals {
	t := Totals{Visits: len(visits)}
	services, materials := sums{}, sums{}
	for i := range visits {
		v := &visits[i]
		if v.Done {
			t.Done++
		}
		t.Planned += time.Duration(v.Planned) * time.Minute
		t.Spent += v.Spent()
		services.add(v.Services, language)
		materials.add(v.Materials, language)
	}
	t.Services, t.Materials = services.lines(), materials.lines()
	return t
}

type sumOf struct{ name, unit string }

// sums are exact.
type sums map[sumOf]*big.Rat

func (s sums) add(lines []Line, language string) {
	for _, l := range lines {
		n, ok := new(big.Rat).SetString(l.Quantity.String())
		if !ok {
			continue
		}
		of := sumOf{l.Name.In(language), l.Unit}
		if s[of] == nil {
			s[of] = new(big.Rat)
		}
		s[of].Add(s[of], n)
	}
}

// decimals are how many the quantities of the ERP have.
const decimals = 3

func (s sums) lines() []Line {
	var all []Line
	for of, n := range s {
		all = append(all, Line{Name: client.Text{"EN": of.name}, Quantity: json.Number(plain(n.FloatString(decimals))), Unit: of.unit})
	}
	slices.SortFunc(all, func(a, b Line) int {
		return cmp.Or(strings.Compare(a.Name["EN"], b.Name["EN"]), strings.Compare(a.Unit, b.Unit))
	})
	return all
}

// plain is a decimal number without zeros that say nothing.
func plain(number string) string {
	if !strings.Contains(number, ".") {
		return number
	}
	return strings.TrimRight(strings.TrimRight(number, "0"), ".")
}
