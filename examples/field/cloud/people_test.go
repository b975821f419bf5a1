package cloud_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// Who calls is told, with the Person that an administrator has linked; people from outside
// are told the same way, and neither takes a slot.
func TestMe(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	p.Cloud()
	for login, name := range map[string]string{"tom": "Tom Huber", "nina": "Nina Ivanova", "olga": ""} {
		var me wire.Me
		p.Phone(login).Get("me", &me)
		if me.Login != login || (me.Person == nil) != (name == "") || me.Person != nil && me.Person.Name != name || me.Schema != wire.Schema || me.Now.IsZero() {
			t.Errorf("%s: %+v", login, me)
		}
	}
	for _, s := range p.Sessions(false) {
		if s.User == "tom" || s.User == "nina" || s.User == "olga" {
			t.Errorf("a session of %s", s.User)
		}
	}
}

// GetPerson tells whom a call is made for, and nothing of other accounts: a service is
// told of the person whom it names, people of themselves.
func TestGetPerson(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	token := p.SignIn("tom").Access
	if status, text := p.API("GET", "GetPerson()?$select=PartyName", token, ""); status != 200 || !strings.Contains(text, "Tom Huber") {
		t.Errorf("tom is %d %s", status, text)
	}
	p.Link("tom", "")
	if status, text := p.API("GET", "GetPerson()", token, ""); status != 204 {
		t.Errorf("an account that is nobody: %d %s", status, text)
	}
	if status, text := p.API("GET", "GetPerson()?$select=Nothing", token, ""); status != 400 {
		t.Errorf("an attribute that is none: %d %s", status, text)
	}
}
