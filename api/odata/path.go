package odata

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Resource says what a [Path] asks for, as far as its shape tells: whether a
// name is a set or an operation is known only to the model.
type Resource uint8

// The resources.
const (
	ServiceDocument Resource = iota // the root itself
	Metadata                        // $metadata
	Batch                           // $batch
	Named                           // Set, or an unbound operation
	Count                           // Set/$count
	Entity                          // Set(guid)
	Member                          // Set(guid)/Name: a navigation property or a bound operation
)

// Path is a resource path below the service root.
type Path struct {
	Resource Resource
	// Name is the set or the unbound operation.
	Name string
	// Key is the entity's id, in lower case.
	Key string
	// Member is the navigation property or the bound operation.
	Member string
	// Cast is the type of Member/Erp.Type, without its namespace.
	Cast string
	// MemberCount says that Member/$count was asked for.
	MemberCount bool
	// MemberValue says that Member/$value was asked for: its bytes.
	MemberValue bool
	// Parameters are those of a function call, Name(p1=1,p2='x').
	Parameters []Parameter
}

// Parameter is a named argument of a function.
type Parameter struct {
	Name  string
	Value Literal
}

// Namespace is the one namespace of the model.
const Namespace = "Erp"

// ParsePath reads a path below the service root, percent-encoded as it came
// and without a leading slash. Every error is an [*Error].
func ParsePath(escaped string) (Path, error) {
	var p Path
	if len(escaped) > MaxPath {
		return p, pathError(MaxPath, "the path is longer than "+strconv.Itoa(MaxPath)+" bytes", "")
	}
	trimmed := strings.TrimSuffix(escaped, "/")
	if trimmed == "" {
		return p, nil
	}
	parts := strings.SplitN(trimmed, "/", 5)
	at := 0
	for i, raw := range parts {
		part, err := url.PathUnescape(raw)
		if err != nil {
			return p, pathError(at, show(raw)+" is not percent-encoded correctly", "")
		}
		if !utf8.ValidString(part) {
			return p, pathError(at, show(raw)+" is not UTF-8", "percent-encode the bytes of its UTF-8 form")
		}
		if err := p.segment(i, part, at); err != nil {
			return p, err
		}
		at += len(raw) + 1
	}
	return p, nil
}

// segment reads the i-th part of the path.
func (p *Path) segment(i int, part string, at int) error {
	switch {
	case i == 0 && part == "$metadata":
		p.Resource = Metadata
		return nil
	case i == 0 && part == "$batch":
		p.Resource = Batch
		return nil
	case i == 0:
		p.Resource = Named
		return p.first(part, at)
	case i == 1 && p.Resource == Named && p.Parameters == nil && part == "$count":
		p.Resource = Count
		return nil
	case i == 1 && p.Resource == Entity:
		p.Resource = Member
		return p.member(part, at)
	case i == 2 && p.Resource == Member && p.Parameters == nil && part == "$count":
		p.MemberCount = true
		return nil
	case i == 2 && p.Resource == Member && p.Parameters == nil && part == "$value":
		p.MemberValue = true
		return nil
	case i == 2 && p.Resource == Member && p.Parameters == nil && strings.HasPrefix(part, Namespace+"."):
		p.Cast = strings.TrimPrefix(part, Namespace+".")
		if !isName(p.Cast) {
			return pathError(at, show(part)+" is not the name of a type", "")
		}
		return nil
	}
	return pathError(at, show(part)+" leads nowhere",
		"paths are Set, Set(guid), Set/$count, Set(guid)/Name and an operation's name; go further with $expand")
}

// first reads Set, Set(guid) or Operation(p=1).
func (p *Path) first(part string, at int) error {
	name, inside, call := strings.Cut(part, "(")
	if !isName(name) {
		return pathError(at, show(name)+" is not the name of a set", "")
	}
	p.Name = name
	if !call {
		return nil
	}
	if key, ok := strings.CutSuffix(inside, ")"); ok {
		if guid, ok := parseGUID(key); ok {
			p.Resource, p.Key = Entity, guid
			return nil
		}
		if eq := strings.IndexByte(key, '='); key != "" && (eq < 0 || strings.ContainsRune(key[:eq], '\'')) {
			return pathError(at+len(name)+1, show(key)+" is not a guid", "write the id without quotes: Set(01234567-89ab-cdef-0123-456789abcdef)")
		}
	}
	return p.call(inside, at+len(name)+1)
}

// member reads Name or Name(p=1) after an entity.
func (p *Path) member(part string, at int) error {
	name, inside, call := strings.Cut(part, "(")
	name = strings.TrimPrefix(name, Namespace+".") // bound operations may be qualified
	if !isName(name) {
		return pathError(at, show(name)+" is not a name", "")
	}
	p.Member = name
	if !call {
		return nil
	}
	return p.call(inside, at+len(name)+1)
}

// call reads the arguments of a function and its closing parenthesis.
func (p *Path) call(inside string, at int) error {
	shift := func(err error) error {
		if e, ok := err.(*Error); ok {
			e.Pos += at
		}
		return err
	}
	s, err := newScanner("path", inside)
	if err != nil {
		return shift(err)
	}
	p.Parameters = []Parameter{}
	for !s.tok.is(')') {
		if len(p.Parameters) > 0 {
			if err := s.expect(',', "or ) after a parameter"); err != nil {
				return shift(err)
			}
		}
		name := s.tok
		if name.kind != word || !isName(name.text) {
			return shift(s.failExpect(name.pos, "parameters are written name=value", "%s is not the name of a parameter", name.describe()))
		}
		if len(p.Parameters) == MaxParameters {
			return shift(s.fail(name.pos, "there are more than %d parameters", MaxParameters))
		}
		if err := s.next(); err != nil {
			return shift(err)
		}
		if err := s.expect('=', "after the name of the parameter"); err != nil {
			return shift(err)
		}
		value, err := s.literal()
		if err != nil {
			return shift(err)
		}
		p.Parameters = append(p.Parameters, Parameter{name.text, value})
	}
	if err := s.next(); err != nil {
		return shift(err)
	}
	if s.tok.kind != end {
		return shift(s.fail(s.tok.pos, "%s cannot stand after the parenthesis", s.tok.describe()))
	}
	return nil
}

// ParseID reads an entity id, Set(guid), as it stands in @odata.id and in
// filters on references. The guid comes back in lower case. An absolute URL is
// taken where its path ends in the id; what stands before is not looked at,
// because an id names a row of this instance whatever the host was called.
func ParseID(id string) (set, key string, ok bool) {
	if len(id) > MaxPath {
		return "", "", false
	}
	if strings.HasPrefix(id, "http://") || strings.HasPrefix(id, "https://") {
		id = id[strings.LastIndexByte(id, '/')+1:]
	}
	id = strings.TrimPrefix(id, "/")
	set, rest, cut := strings.Cut(id, "(")
	inside, closed := strings.CutSuffix(rest, ")")
	if !cut || !closed || !isName(set) {
		return "", "", false
	}
	key, ok = parseGUID(inside)
	if !ok {
		return "", "", false
	}
	return set, key, true
}

// ParseGUID reads a guid with dashes; it comes back in lower case.
func ParseGUID(s string) (guid string, ok bool) { return parseGUID(s) }

func pathError(pos int, problem, expected string) error {
	return &Error{Where: "path", Pos: pos, Problem: problem, Expected: expected}
}
