package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configFile gives flags the values of the file that --config names, where
// neither the command line nor the environment has one.
type configFile struct {
	read   bool
	values map[string]any
}

// Validate implements kong.Resolver. The file is not known yet.
func (c *configFile) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (c *configFile) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" || flag.Name == "help" {
		return nil, nil
	}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	switch v := c.values[flag.Name].(type) {
	case []any: // kong takes a list as one text
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		var parts []string
		for key, value := range v {
			parts = append(parts, fmt.Sprintf("%s=%v", key, value))
		}
		return strings.Join(parts, ";"), nil
	case nil:
		return nil, nil
	default:
		return fmt.Sprint(v), nil
	}
}

func (c *configFile) load(ctx *kong.Context) error {
	if c.read {
		return nil
	}
	c.read = true
	file := ""
	for _, flag := range ctx.Model.Flags {
		if flag.Name == "config" {
			file, _ = ctx.FlagValue(flag).(string)
		}
	}
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	raw := map[string]any{}
	if err := yaml.Unmarshal(text, &raw); err != nil { // JSON is YAML too
		return fmt.Errorf("config file %s: %w", file, err)
	}
	known := map[string]bool{}
	flagNames(ctx.Model.Node, known)
	c.values = make(map[string]any, len(raw))
	for key, value := range raw {
		name := strings.ReplaceAll(key, "_", "-")
		if !known[name] {
			return fmt.Errorf("config file %s: no flag is called %q", file, key)
		}
		c.values[name] = value
	}
	return nil
}

// flagNames collects the flags of all commands: one file serves them all.
func flagNames(n *kong.Node, into map[string]bool) {
	for _, flag := range n.Flags {
		into[flag.Name] = true
	}
	for _, child := range n.Children {
		flagNames(child, into)
	}
}
