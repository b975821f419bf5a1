package signin

import "strings"

// browsers and systems are words of a user agent by what people call them. The first that
// is found counts: many browsers name others, too.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi", "Vivaldi"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome", "Headless Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
		{"curl/", "curl"}, {"Go-http-client", "a Go program"}, {"python", "a Python program"}, {"Java/", "a Java program"},
	}
	systems = [][2]string{
		{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// Device says in words what a browser called itself: Firefox on Linux. It is what the
// browser says, and nothing is proved by it. Empty for an empty one.
func Device(userAgent string) string {
	if userAgent == "" {
		return ""
	}
	browser, system := BrowserAndSystem(userAgent)
	if browser == "" {
		browser = "an unknown browser"
	}
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// BrowserAndSystem are the two in words; each may be empty.
func BrowserAndSystem(userAgent string) (browser, system string) {
	word := func(table [][2]string) string {
		for _, t := range table {
			if strings.Contains(userAgent, t[0]) {
				return t[1]
			}
		}
		return ""
	}
	return word(browsers), word(systems)
}
