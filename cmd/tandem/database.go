package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// poolSize is a number of connections to a database; zero means the default.
type poolSize int

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *poolSize) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 2 || n > 1000 {
		return fmt.Errorf("%q connections: use 2 to 1000", text)
	}
	*p = poolSize(n)
	return nil
}

// flag hands the number down to a program; nothing when it is the default.
func (p poolSize) flag(of string) []string {
	if p == 0 {
		return nil
	}
	return []string{"--" + of + "-connections=" + strconv.Itoa(int(p))}
}

// databaseURL is that of the flag, or of the file that fileFlag names: a URL can
// hold a password.
func databaseURL(flag, url, fileFlag, file string) (string, error) {
	if file == "" {
		return url, nil
	}
	if url != "" {
		return "", usage("%s and %s say the same: leave one out", flag, fileFlag)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", fileFlag, err)
	}
	if url = strings.TrimSpace(string(text)); url == "" {
		return "", fmt.Errorf("%s: %s is empty; write the database's URL into it", fileFlag, file)
	}
	return url, nil
}

// passwords are those in URLs of databases: before the host, and as a parameter.
var passwords = regexp.MustCompile(`(postgres(?:ql)?://[^:@/\s]*:)[^@/\s]*(@)|([?&]password=)[^&\s"]*`)

// masked is a text without the passwords of the databases in it.
func masked(text string) string {
	if !strings.Contains(text, "postgres") {
		return text
	}
	return passwords.ReplaceAllString(text, "${1}${3}xxxxx${2}")
}
