package printout

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

const (
	setCompanies = "General_Contacts_Companies"
	setParties   = "General_Contacts_Parties"
)

// base is what is read of every document. Its DocumentNotes are not: they are for
// employees, and printouts are for customers too.
type base struct {
	DocumentNo        string
	DocumentDate      time.Time
	State             string
	Void              bool
	EnterpriseCompany *struct{ Company *company }
	Customer          *struct {
		Number string
		Party  *struct {
			ID        string `json:"@odata.id"`
			PartyName text
		}
	}
}

const (
	// selectBase are the attributes of a document, expandBase what it refers to.
	selectBase = "DocumentNo,DocumentDate,State,Void"
	expandBase = "EnterpriseCompany($select=IsActive;$expand=Company($select=" + selectCompany + "))," +
		"Customer($select=Number;$expand=Party($select=PartyName))"
	selectCompany = "Name,RegistrationNumber,RegistrationVATNumber,RegistrationPrimaryAddress,City"
)

type company struct {
	Name, RegistrationPrimaryAddress, City    text
	RegistrationNumber, RegistrationVATNumber string
}

// head begins a document with what all of them have.
func (p *printer) head(ctx context.Context, title string, b *base) (*document, error) {
	d := &document{Language: p.Language, Title: title, Number: b.DocumentNo, Date: b.DocumentDate.UTC()}
	switch {
	case b.Void:
		d.Mark = p.Say("Void")
	case b.State != "Released" && b.State != "Completed" && b.State != "Closed":
		d.Mark = p.Say("Draft")
	}
	if b.EnterpriseCompany != nil && b.EnterpriseCompany.Company != nil {
		c := b.EnterpriseCompany.Company
		d.Issuer = p.address(c)
		d.Imprint = strings.Join(append(d.Issuer[:len(d.Issuer):len(d.Issuer)], p.numbers(c)...), " · ")
	}
	d.Facts = add(d.Facts, p.Say("Date"), p.day(&b.DocumentDate))
	if b.Customer != nil {
		d.Facts = add(d.Facts, p.Say("Customer no."), b.Customer.Number)
	}
	return d, p.recipient(ctx, d, b)
}

// seen is nil where an error is that a row is not for the one who asks: what refers to
// it is printed without it.
func seen(err error) error {
	if errors.Is(err, tandem.ErrNotFound) {
		return nil
	}
	return err
}

// address are the name of a company and the lines of its address.
func (p *printer) address(c *company) []string {
	lines := []string{p.in(c.Name)}
	address, city := p.in(c.RegistrationPrimaryAddress), p.in(c.City)
	for line := range strings.SplitSeq(strings.ReplaceAll(address, ", ", "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if city != "" && !strings.Contains(address, city) {
		lines = append(lines, city)
	}
	return lines
}

func (p *printer) numbers(c *company) []string {
	var all []string
	if c.RegistrationNumber != "" {
		all = append(all, p.Say("Reg. no. %s", c.RegistrationNumber))
	}
	if c.RegistrationVATNumber != "" {
		all = append(all, p.Say("VAT no. %s", c.RegistrationVATNumber))
	}
	return all
}

// recipient reads whom the document goes to: a company by its seat, others by the first
// of their addresses.
func (p *printer) recipient(ctx context.Context, d *document, b *base) error {
	if b.Customer == nil || b.Customer.Party == nil {
		return nil
	}
	set, id, _ := strings.Cut(strings.TrimSuffix(b.Customer.Party.ID, ")"), "(")
	if set == setCompanies {
		var c company
		if err := p.Read(ctx, set, id, "$select="+selectCompany, &c); err != nil {
			return seen(err)
		}
		d.Recipient = p.address(&c)
		d.Facts = add(d.Facts, p.Say("Your VAT no."), c.RegistrationVATNumber)
		return nil
	}
	d.Recipient = []string{p.in(b.Customer.Party.PartyName)}
	if id == "" {
		return nil
	}
	var party struct{ ContactMechanisms []struct{ Name string } }
	const addresses = "$select=PartyName&$expand=ContactMechanisms($select=Name;$filter=ContactMechanismType%20eq%20'Address'%20and%20IsActive%20eq%20true;$orderby=LineOrd;$top=1)"
	if err := p.Read(ctx, setParties, id, addresses, &party); err != nil {
		return seen(err)
	}
	for _, m := range party.ContactMechanisms {
		d.Recipient = append(d.Recipient, strings.Split(m.Name, ", ")...)
	}
	return nil
}
