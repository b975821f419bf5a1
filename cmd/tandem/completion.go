package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// completions are the scripts: each asks the program itself, so that they need not
// change with it.
var completions = map[string]string{
	"bash": `_tandem() {
  local IFS=$'\n'
  COMPREPLY=($(tandem complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _tandem tandem
`,
	"zsh": `#compdef tandem
_tandem() {
  local -a words_found
  words_found=("${(@f)$(tandem complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${words_found[1]}" ]]; then compadd -- "${words_found[@]}"; else _files; fi
}
compdef _tandem tandem
`,
	"fish": `complete -c tandem -a '(tandem complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

// Run writes the script of a shell.
func (c *completionCommand) Run(r *run) error {
	_, err := fmt.Fprint(r.stdout, completions[c.Shell])
	return err
}

// completeCommand is what the scripts ask.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run writes what the last word can become, a line for each.
func (c *completeCommand) Run(r *run, k *kong.Context) error {
	for _, word := range complete(k.Model.Node, c.Words) {
		if _, err := fmt.Fprintln(r.stdout, word); err != nil {
			return err
		}
	}
	return nil
}

// complete finds what the last word can become: a command, a flag, or one of the
// values of the flag before it. Nothing means that a file may stand there.
func complete(node *kong.Node, words []string) (found []string) {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	flags, last := slices.Clone(node.Flags), words[len(words)-1]
	var before *kong.Flag // whose value the next word is
	for _, w := range words[:len(words)-1] {
		if before != nil {
			before = nil
			continue
		}
		if flag := flagOf(flags, w); flag != nil {
			if !flag.IsBool() && !strings.Contains(w, "=") {
				before = flag
			}
			continue
		}
		if at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == w }); at >= 0 {
			node = node.Children[at]
			flags = append(flags, node.Flags...)
		}
	}
	add := func(word string) {
		if word != "" && strings.HasPrefix(word, last) {
			found = append(found, word)
		}
	}
	switch {
	case before != nil:
		for _, value := range before.EnumSlice() {
			add(value)
		}
	case strings.HasPrefix(last, "-"):
		for _, flag := range flags {
			if !flag.Hidden {
				add("--" + flag.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				add(child.Name)
			}
		}
		for _, argument := range node.Positional {
			for _, value := range argument.EnumSlice() {
				add(value)
			}
		}
	}
	slices.Sort(found)
	return found
}

func flagOf(flags []*kong.Flag, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, flag := range flags {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}
