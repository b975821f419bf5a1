package profile

import (
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// Paths of the pages.
const (
	PathHome     = "/profile/"
	pathSignOut  = "/id/account/signout"
	pathSessions = "/profile/security/sessions"
	// pathFactors is served by the sign-in, whose steps it shares.
	pathFactors  = "/profile/security/second-factor"
	pathTokens   = "/profile/security/tokens"
	pathApps     = "/profile/apps"
	pathActivity = "/profile/activity"
	pathPassword = "/profile/security/password"
	pathLinks    = "/profile/security/links"
	pathResume   = "/profile/resume"
	pathPicture  = "/profile/picture"
)

// place is a page in the navigation.
type place struct {
	path string
	name words.Text
	// internal pages are not for people of the outside.
	internal bool
}

// places are the pages, in the order of the navigation.
var places = []place{
	{path: PathHome, name: words.T("Overview")},
	{path: pathSessions, name: words.T("Devices")},
	{path: pathPassword, name: words.T("Password")},
	{path: pathFactors, name: words.T("Second factor")},
	{path: pathLinks, name: words.T("Ways to sign in")},
	{path: pathTokens, name: words.T("Tokens"), internal: true},
	{path: pathApps, name: words.T("Applications")},
	{path: pathActivity, name: words.T("Activity")},
}

// menu is the navigation of a person who is at a path.
func menu(u *tandem.User, at string) []site.MenuItem {
	var items []site.MenuItem
	for _, p := range places {
		if p.internal && u.Type != tandem.InternalUser {
			continue
		}
		current := at == p.path || p.path != PathHome && strings.HasPrefix(at, p.path+"/")
		items = append(items, site.MenuItem{Path: p.path, Name: p.name, Current: current})
	}
	return items
}
