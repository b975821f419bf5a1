package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// shown is how much of a text that a person wrote is repeated in a fault.
const shown = 60

// builder makes a mapping of what was written, and tells what is wrong with it.
type builder struct {
	m      *Mapping
	faults Faults
}

func (b *builder) fail(line int, format string, args ...any) {
	b.faults = append(b.faults, Fault{line, fmt.Sprintf(format, args...)})
}

func (b *builder) file(f *fileForm) {
	for _, need := range []struct {
		key   string
		given bool
	}{
		{"version", f.Version.given()}, {"name", f.Name.given()},
		{"external_system", f.ExternalSystem.given()}, {"steps", f.Steps.line > 0},
	} {
		if !need.given {
			b.fail(f.Line, "%s is missing", need.key)
		}
	}
	if v := f.Version.value; v != "" && v != "1" {
		b.fail(f.Line, "version %q is unknown; this program reads version 1", tandem.Clip(v, shown))
	}
	separator := cmp.Or(f.Separator.value, ",")
	if len(separator) != 1 || separator == `"` || separator[0] < ' ' && separator != "\t" {
		b.fail(f.Line, "separator must be one character, such as , or ;")
	}
	commas := cmp.Or(f.UnquotedCommas.value, "refuse")
	if commas != "join" && commas != "refuse" {
		b.fail(f.Line, "unquoted_commas must be join or refuse")
	}
	encoding := ""
	if f.Encoding.given() {
		var err error
		if encoding, err = csvfile.Encoding(f.Encoding.value); err != nil {
			b.fail(f.Encoding.line, "%v", err)
		}
	}
	*b.m = Mapping{
		Encoding: encoding, Numbers: b.numbers(f.Decimal, f.Thousands, f.Symbols), YearsFrom: b.yearsFrom(f.YearsFrom),
		Name: f.Name.value, ExternalSystem: f.ExternalSystem.value, Language: cmp.Or(f.Language.value, "EN"), Null: f.Null,
		Separator: separator[0], JoinSpaced: commas == "join",
	}
	for i := range f.Prepare.items {
		b.m.Prepare = append(b.m.Prepare, b.prepare(&f.Prepare.items[i]))
	}
	for i := range f.Steps.items {
		b.m.Steps = append(b.m.Steps, b.step(&f.Steps.items[i]))
	}
}

// numbers checks how numbers are written.
func (b *builder) numbers(decimal, thousands text, symbols texts) NumberFormat {
	f := NumberFormat{Decimal: decimal.value, Thousands: thousands.value, Symbols: symbols}
	if decimal.given() && f.Decimal != "." && f.Decimal != "," {
		b.fail(decimal.line, `decimal must be "." or ","`)
	}
	if thousands.given() && !slices.Contains([]string{".", ",", " ", "'", "_"}, f.Thousands) {
		b.fail(thousands.line, `thousands must be one of "." "," " " "'" "_"`)
	}
	if thousands.given() && f.Thousands == cmp.Or(f.Decimal, ".") {
		b.fail(thousands.line, "decimal and thousands must be two signs, and decimal is %q where nothing is said", ".")
	}
	return f
}

// yearsFrom checks what years of two digits stand for.
func (b *builder) yearsFrom(f text) int {
	if !f.given() {
		return 0
	}
	year, err := strconv.Atoi(f.value)
	if err != nil || year < 1 || year > 9900 {
		b.fail(f.line, "years_from must be a year, such as 1930: 30 is 1930 then, and 29 is 2029")
	}
	return year
}

// matches are what a key or a cell can be of an object.
var matches = map[string]string{"external_id": "ExternalId", "code": "Code", "name": "Name"}

func (b *builder) match(f text) string {
	if f.given() && matches[f.value] == "" {
		b.fail(f.line, "match must be external_id, code or name")
	}
	return matches[f.value]
}

func (b *builder) prepare(f *prepareForm) *Object {
	o := b.object(&f.objectKeys, f.Line, "prepare", 0)
	o.Action = "findOrCreate"
	if o.Key != "" {
		b.fail(f.Line, "prepare: there is no row, so there is no key")
	}
	for _, a := range o.Set {
		if a.Value.Constant == nil && a.Value.Find == nil {
			b.fail(a.Line, "%s: a prepared object comes from no row; use constant or find", a.Attribute)
		}
	}
	return o
}

func (b *builder) step(f *stepForm) *Step {
	s := &Step{File: f.File.value, Ignore: f.Ignore, Line: f.Line, Object: b.object(&f.objectKeys, f.Line, "a step", 0)}
	if s.File == "" {
		b.fail(f.Line, "the step has no file")
	}
	if s.Object.Key == "" {
		b.fail(f.Line, "the step has no key: name the column that tells the rows of %s apart", s.File)
	}
	for i := range f.Children.items {
		s.Children = append(s.Children, b.children(s, &f.Children.items[i]))
	}
	return s
}

func (b *builder) children(s *Step, f *childrenForm) *Children {
	c := &Children{
		Collection: f.Collection.value, File: cmp.Or(f.File.value, s.File), Parent: f.Parent.value, Number: f.Number.value,
		Key: f.Key, Remove: f.Missing.value == "remove", Set: b.set(f.Set, 0), Ignore: f.Ignore, Line: f.Line,
	}
	if c.File == s.File && c.Parent == "" {
		c.Parent = s.Object.Key
	}
	if c.Collection == "" || c.Parent == "" {
		b.fail(f.Line, "children need collection and parent, and file unless their rows are those of %s", s.File)
	}
	if c.File == s.File && c.Parent != s.Object.Key {
		b.fail(f.Line, "children of the same file have the key of the step as their parent: %s", s.Object.Key)
	}
	if f.Missing.given() && f.Missing.value != "remove" && f.Missing.value != "report" {
		b.fail(f.Missing.line, "missing must be report or remove")
	}
	b.childKey(c)
	return c
}

// childKey checks the key of children. Where the mapping names none it is their
// number, if that comes from the file, else all that they refer to.
func (b *builder) childKey(c *Children) {
	for _, attribute := range c.Key {
		at := slices.IndexFunc(c.Set, func(a Assignment) bool { return a.Attribute == attribute })
		if at < 0 || !c.Set[at].Value.identifies() {
			b.fail(c.Line, "key of children: %s must be one of the attributes that they set from a column", tandem.Clip(attribute, shown))
		}
	}
	if c.Key != nil {
		return
	}
	for _, a := range c.Set {
		switch {
		case a.Attribute == "LineNo" && a.Value.identifies():
			c.Key = []string{a.Attribute}
			return
		case a.Value.Lookup != "", a.Value.Match != "", a.Value.Object != nil:
			c.Key = append(c.Key, a.Attribute)
		}
	}
	if c.Key == nil {
		for _, a := range c.Set {
			if a.Value.identifies() {
				c.Key = append(c.Key, a.Attribute)
			}
		}
	}
}

// identifies reports whether the value can be part of a key.
func (v *Value) identifies() bool { return v.Column != "" || v.Template != nil || v.Object != nil }

func (b *builder) object(f *objectKeys, line int, what string, depth int) *Object {
	o := &Object{
		Entity: f.Entity.value, Key: f.Key.value, ExternalSystem: f.ExternalSystem.value, Match: b.match(f.Match), Action: "merge", Line: line,
	}
	if o.Match == "ExternalId" {
		o.Match = "" // what it is where nothing is said
	}
	switch {
	case !f.Create.given() && o.Match != "" || f.Create.value == "false":
		o.Action = "update"
	case f.Create.given() && f.Create.value != "true":
		b.fail(f.Create.line, "create must be true or false")
	}
	if o.Match != "" && o.ExternalSystem != "" {
		b.fail(line, "external_system is for objects that are matched by their ExternalId")
	}
	if depth > maxDepth {
		b.fail(line, "objects nest deeper than %d", maxDepth)
		return o
	}
	if o.Entity == "" {
		b.fail(line, "%s has no entity", what)
	}
	o.Set = b.set(f.Set, depth)
	return o
}

func (b *builder) set(f setForm, depth int) (set []Assignment) {
	for i := range f {
		set = append(set, Assignment{f[i].attribute, b.value(&f[i].value, depth), f[i].line})
	}
	return set
}

func (b *builder) value(f *valueForm, depth int) Value {
	v := Value{
		Column: f.Column.value, Constant: f.Constant.json, Find: f.Find.json, Lookup: f.Lookup.value,
		As: Kind(cmp.Or(f.As.value, string(Text))), Layouts: f.Layout, Code: f.Currency.value + f.Unit.value,
		Language: f.Language.value, Default: f.Default.json, Required: bool(f.Required), Not: bool(f.Not),
		Match: b.match(f.Match), ExternalSystem: f.System.value, YearsFrom: cmp.Or(b.yearsFrom(f.Years), b.m.YearsFrom),
		Numbers: b.numbers(f.Decimal, f.Thousand, f.Symbols).or(b.m.Numbers), Table: f.Values.entries, Others: f.Others.value == "keep",
	}
	b.source(f, &v)
	if f.Object != nil {
		v.Object = b.object(&f.Object.objectKeys, f.Object.Line, "object", depth+1)
	}
	if f.Template.value != "" {
		v.Template = b.template(f.Line, f.Template.value)
	}
	if f.Max.value != "" {
		var err error
		if v.Max, err = strconv.Atoi(f.Max.value); err != nil || v.Max < 1 || strconv.Itoa(v.Max) != f.Max.value {
			b.fail(f.Line, "max must be a number of characters")
		}
	}
	b.conversion(f, &v)
	return v
}

// source checks where the value comes from.
func (b *builder) source(f *valueForm, v *Value) {
	sources := 0
	for _, given := range []bool{f.Column.given(), f.Template.given(), f.Constant.given(), f.Find.given(), f.Object != nil} {
		if given {
			sources++
		}
	}
	if sources != 1 {
		b.fail(f.Line, "a value needs exactly one of column, template, constant, find and object")
	}
	if f.Lookup.given() && !f.Column.given() {
		b.fail(f.Line, "lookup needs the column that holds the key of the other file's row")
	}
	if f.Match.given() && !f.Column.given() {
		b.fail(f.Line, "match needs the column that holds the code, name or external id")
	}
	if f.Match.given() && f.Lookup.given() {
		b.fail(f.Line, "lookup and match do not go together: a looked-up row says itself what its key is")
	}
	if f.System.given() && v.Match != "ExternalId" {
		b.fail(f.Line, "external_system is for match: external_id")
	}
	if v.Find != nil && !strings.HasPrefix(*v.Find, "{") {
		b.fail(f.Line, "find must be a list of key: text with the keys Code, Name, Id, ExternalId, ExternalSystem or DisplayText")
	}
}

// conversion checks what the value becomes.
func (b *builder) conversion(f *valueForm, v *Value) {
	if !slices.Contains(kinds, v.As) {
		b.fail(f.Line, "as %q is unknown; use one of %v", tandem.Clip(string(v.As), shown), kinds)
	}
	if f.Currency.given() && v.As != AmountKind || f.Unit.given() && v.As != QuantityKind {
		b.fail(f.Line, "currency is for as: amount, unit for as: quantity")
	}
	numeric := v.As == Number || v.As == Integer || v.As == AmountKind || v.As == QuantityKind
	if (f.Decimal.given() || f.Thousand.given() || len(f.Symbols) > 0) && !numeric {
		b.fail(f.Line, "decimal, thousands and symbols are for as: number, integer, amount and quantity")
	}
	if f.Years.given() && v.As != Date && v.As != DateTime {
		b.fail(f.Line, "years_from is for as: date and as: datetime")
	}
	if f.Others.given() && (f.Others.value != "keep" && f.Others.value != "refuse" || f.Values.line == 0) {
		b.fail(f.Others.line, "others must be keep or refuse, and says so of cells that values does not have")
	}
	if f.Values.line > 0 && v.Column == "" {
		b.fail(f.Values.line, "values needs a column")
	}
	if v.Not && v.As != Boolean {
		b.fail(f.Line, "not is for as: boolean")
	}
	if len(v.Layouts) > 0 && v.As != Date && v.As != DateTime {
		b.fail(f.Line, "layout is for as: date and as: datetime")
	}
	for _, layout := range v.Layouts {
		if !isLayout(layout) {
			b.fail(f.Line, "layout %q is not one: write how 2 January 2006, 15:04:05 would look, such as 02.01.2006",
				tandem.Clip(layout, shown))
		}
	}
}

// isLayout reports whether a date survives being written in the layout.
func isLayout(layout string) bool {
	written := time.Date(2001, 11, 22, 0, 0, 0, 0, time.UTC).Format(layout)
	_, err := time.Parse(layout, written)
	return err == nil && strings.Contains(layout, "06")
}

// template takes "NW-{orderID}" apart.
func (b *builder) template(line int, text string) (parts []Part) {
	columns := 0
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			parts = append(parts, Part{Text: before})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || name == "" {
			b.fail(line, "template %q: write columns as {column}", tandem.Clip(text, shown))
			return nil
		}
		parts = append(parts, Part{Column: name})
		columns++
		rest = tail
	}
	if columns == 0 {
		b.fail(line, "template %q names no {column}; use constant", tandem.Clip(text, shown))
	}
	return parts
}

// across checks what concerns more than one place of the file.
func (b *builder) across() {
	seen := map[string]bool{}
	once := func(file string, line int) {
		key := strings.ToLower(file)
		if seen[key] {
			b.fail(line, "the file %s is in two steps", file)
		}
		seen[key] = true
	}
	done := map[string]bool{}
	for _, s := range b.m.Steps {
		once(s.File, s.Line)
		b.lookups(s.Object.Set, s.File, done)
		for _, children := range s.Children {
			if children.File != s.File {
				once(children.File, children.Line)
			}
			b.lookups(children.Set, children.File, done)
		}
		done[s.File] = true
	}
	if len(b.m.Steps) == 0 {
		b.fail(1, "there are no steps")
	}
}

func (b *builder) lookups(set []Assignment, file string, done map[string]bool) {
	for _, a := range set {
		if a.Value.Object != nil {
			b.lookups(a.Value.Object.Set, file, done)
		}
		switch to := a.Value.Lookup; {
		case to == "" || done[to] || to == file:
		case b.m.step(to) != nil:
			b.fail(a.Line, "%s looks up rows of %s, which is imported later; move that step up", a.Attribute, to)
		default:
			b.fail(a.Line, "%s looks up rows of %s, which is no step's file", a.Attribute, tandem.Clip(to, shown))
		}
	}
}
