package prove

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// What the demo company hides from some: an attribute, and rows of a set. Balances lie in
// those rows, and order lines lead to the attribute.
const (
	productsSet, hiddenAttribute = "General_Products_Products", "StandardCostPerLot"
	linesSet, linesReference     = "Crm_Sales_SalesOrderLines", "Product"
	storesSet                    = "Logistics_Inventory_Stores"
	balancesSet, balancesRef     = "Logistics_Inventory_CurrentBalances", "Store"
	ordersSet                    = "Crm_Sales_SalesOrders"
)

// noVersion is in no row: a write with it changes nothing, whoever may write.
const noVersion = `W/"2147483647"`

// doors are the ways into the API for two accounts: one that may, and one that may not.
type doors struct {
	r        *run
	may, not string // access tokens
	product  string // the id of a product with a hidden attribute
	value    json.RawMessage
	store    string // the id of a store that one does not see
	reached  bool   // who may has reached the store by its id
}

// i14: an account reaches only what it was granted, through every door. Each is tried as
// somebody who may first.
func (r *run) i14(ctx context.Context) {
	if r.rows["I14"] == nil {
		return
	}
	d, err := r.openDoors(ctx)
	if err != nil {
		r.core(ctx, "I14", "what is hidden is read", func(context.Context) (outcome, error) { return outcome{}, err })
		return
	}
	r.core(ctx, "I14", "selects a hidden attribute", d.selects)
	r.core(ctx, "I14", "reads the attribute without asking for it", d.defaults)
	r.core(ctx, "I14", "reaches the attribute through a reference", d.expands)
	r.core(ctx, "I14", "writes the attribute", d.writes)
	r.core(ctx, "I14", "lists or counts a hidden row", d.lists)
	r.core(ctx, "I14", "changes the row", d.changes)
	r.core(ctx, "I14", "reads the row by its id", d.byID)
	r.core(ctx, "I14", "finds what lies in the row", d.filters)
	r.extra(ctx, "I14", "does what only others may do", d.acts)
}

// openDoors gets a token of who may.
func (r *run) openDoors(ctx context.Context) (*doors, error) {
	switch {
	case r.config.OData == "":
		return nil, errors.New("the address of the domain API is not known: give --odata")
	case r.config.Privileged == "":
		return nil, errors.New("no account is known that may see what another may not: give --data")
	}
	t, err := r.mainTokens(ctx)
	if err != nil {
		return nil, err
	}
	privileged := client{r.config.Privileged, r.config.PrivilegedSecret, "credential of a back end that may do everything"}
	a, err := r.token(ctx, privileged, oauth.GrantClientCredentials, nil)
	if err != nil {
		return nil, err
	}
	may, err := r.granted(a, "a token of who may", nil)
	if err != nil {
		return nil, err
	}
	return &doors{r: r, may: may.AccessToken, not: t.AccessToken}, nil
}

const asMay, asNot = "as who may", "as who may not"

// get reads.
func (d *doors) get(ctx context.Context, token, as, path string) (*answer, error) {
	return d.r.api(ctx, http.MethodGet, path, token, as)
}

// rows are what a list has.
func (a *answer) rows() []map[string]json.RawMessage {
	var list struct {
		Value []map[string]json.RawMessage `json:"value"`
	}
	_ = a.decode(&list) // what is no list has no rows
	return list.Value
}

// id is the id of a row, without its set.
func id(row map[string]json.RawMessage) string {
	var name string
	_ = json.Unmarshal(row["@odata.id"], &name)
	_, in, _ := strings.Cut(name, "(")
	return strings.TrimSuffix(in, ")")
}

func query(options ...string) string {
	var text []string
	for i := 0; i+1 < len(options); i += 2 {
		text = append(text, options[i]+"="+strings.ReplaceAll(url.QueryEscape(options[i+1]), "+", "%20"))
	}
	return "?" + strings.Join(text, "&")
}

func (d *doors) selects(ctx context.Context) (outcome, error) {
	path := productsSet + query("$top", "1", "$select", "Id,"+hiddenAttribute)
	a, err := d.get(ctx, d.may, asMay, path)
	if err != nil {
		return outcome{}, err
	}
	rows := a.rows()
	if len(rows) == 0 || len(rows[0][hiddenAttribute]) == 0 {
		return outcome{}, d.r.uncontrolled("reading the attribute as who may", a)
	}
	d.product, d.value = id(rows[0]), rows[0][hiddenAttribute]
	if a, err = d.get(ctx, d.not, asNot, path); err != nil {
		return outcome{}, err
	}
	return d.r.refused(a, "the hidden attribute was selected")
}

var errNoAttribute = errors.New("the hidden attribute was not found")

func (d *doors) defaults(ctx context.Context) (outcome, error) {
	if d.product == "" {
		return outcome{}, errNoAttribute
	}
	a, err := d.get(ctx, d.not, asNot, productsSet+"("+d.product+")")
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return outcome{}, d.r.uncontrolled("reading the product without the attribute", a)
	}
	if bytes.Contains(a.body, []byte(hiddenAttribute)) {
		return d.r.fails(a, "the hidden attribute is among those that come by themselves"), nil
	}
	return d.r.holds(a), nil
}

func (d *doors) expands(ctx context.Context) (outcome, error) {
	path := linesSet + query("$top", "1", "$select", linesReference, "$expand", linesReference+"($select="+hiddenAttribute+")")
	a, err := d.get(ctx, d.may, asMay, path)
	if err != nil {
		return outcome{}, err
	}
	if !bytes.Contains(a.body, []byte(`"`+hiddenAttribute+`"`)) {
		return outcome{}, d.r.uncontrolled("reading the attribute through a reference as who may", a)
	}
	if a, err = d.get(ctx, d.not, asNot, path); err != nil {
		return outcome{}, err
	}
	o, err := d.r.refused(a, "the hidden attribute was read through a reference")
	if err == nil && o.verdict == Holds && !bytes.Contains(a.body, []byte(hiddenAttribute)) {
		return outcome{}, d.r.uncontrolled("reading through the reference, refused for the attribute alone,", a) // the set may be hidden, too
	}
	return o, err
}

// patch writes to a row, with a version where that is given.
func (d *doors) patch(ctx context.Context, token, as, path, body, version string) (*answer, error) {
	return d.send(ctx, http.MethodPatch, token, as, path, body, version)
}

func (d *doors) send(ctx context.Context, method, token, as, path, body, version string) (*answer, error) {
	h := bearer(token)
	h.Set("Content-Type", "application/json")
	if version != "" {
		h.Set("If-Match", version)
	}
	return d.r.wire.do(ctx, &call{method: method, url: d.r.config.OData + path, header: h, body: body, as: as})
}

// writes gives the attribute the value that it has, so that nothing is changed whatever
// becomes of it.
func (d *doors) writes(ctx context.Context) (outcome, error) {
	if d.product == "" {
		return outcome{}, errNoAttribute
	}
	path, body := productsSet+"("+d.product+")", fmt.Sprintf(`{%q:%s}`, hiddenAttribute, d.value)
	a, err := d.patch(ctx, d.may, asMay, path, body, "")
	if err != nil || !a.ok() {
		return outcome{}, d.r.orUncontrolled(err, "writing the attribute as who may", a)
	}
	if a, err = d.patch(ctx, d.not, asNot, path, body, ""); err != nil {
		return outcome{}, err
	}
	return d.r.refused(a, "the hidden attribute was written")
}

func (d *doors) lists(ctx context.Context) (outcome, error) {
	path := storesSet + query("$select", "Id", "$count", "true")
	may, err := d.get(ctx, d.may, asMay, path)
	if err != nil {
		return outcome{}, err
	}
	not, err := d.get(ctx, d.not, asNot, path)
	if err != nil {
		return outcome{}, err
	}
	for _, a := range []*answer{may, not} {
		if !a.ok() {
			return outcome{}, d.r.uncontrolled("listing the set", a)
		}
	}
	seen := not.rows()
	var told struct {
		Count any `json:"@odata.count"`
	}
	if not.decode(&told) == nil && told.Count != nil && fmt.Sprint(told.Count) != fmt.Sprint(len(seen)) {
		return d.r.fails(not, "rows are counted that are not seen"), nil
	}
	for _, row := range may.rows() {
		if !slices.ContainsFunc(seen, func(s map[string]json.RawMessage) bool { return id(s) == id(row) }) {
			d.store = id(row)
			return d.r.holds(not), nil
		}
	}
	if len(may.rows()) == 0 {
		return outcome{}, d.r.uncontrolled("listing the rows as who may", may)
	}
	return d.r.fails(not, "whoever may not sees every row that is seen by who may"), nil
}

var errNoRow = errors.New("no row is hidden from this account")

// byID reads a hidden row, which must be answered as one that never existed.
func (d *doors) byID(ctx context.Context) (outcome, error) {
	if d.store == "" {
		return outcome{}, errNoRow
	}
	if !d.reached {
		if a, err := d.get(ctx, d.may, asMay, storesSet+"("+d.store+")"); err != nil || !a.ok() {
			return outcome{}, d.r.orUncontrolled(err, "reading the row by its id as who may", a)
		}
	}
	never := strings.Repeat("0", 8) + "-0000-4000-8000-" + strings.Repeat("0", 12)
	none, err := d.get(ctx, d.not, asNot, storesSet+"("+never+")")
	if err != nil {
		return outcome{}, err
	}
	a, err := d.get(ctx, d.not, asNot, storesSet+"("+d.store+")")
	if err != nil {
		return outcome{}, err
	}
	if o, err := d.r.refused(a, "the hidden row was read by its id"); err != nil || o.verdict == Fails {
		return o, err
	}
	if a.status != none.status || !bytes.Equal(bytes.ReplaceAll(a.body, []byte(d.store), []byte(never)), none.body) {
		return d.r.fails(a, "a hidden row is answered differently from one that never existed"), nil
	}
	return d.r.holds(a), nil
}

// filters looks for what lies in the hidden row.
func (d *doors) filters(ctx context.Context) (outcome, error) {
	if d.store == "" {
		return outcome{}, errNoRow
	}
	path := balancesSet + query("$top", "1", "$filter", balancesRef+" eq '"+storesSet+"("+d.store+")'")
	a, err := d.get(ctx, d.may, asMay, path)
	if err != nil {
		return outcome{}, err
	}
	if len(a.rows()) == 0 {
		return outcome{}, d.r.uncontrolled("finding what lies in the row as who may", a)
	}
	if a, err = d.get(ctx, d.not, asNot, path); err != nil {
		return outcome{}, err
	}
	if len(a.rows()) > 0 {
		return d.r.fails(a, "what lies in a hidden row was found"), nil
	}
	return d.r.holds(a), neither(a)
}

// changes writes to the hidden row, with a version that no row has: whoever may gets as
// far as the version, and who may not is told that there is no such row.
func (d *doors) changes(ctx context.Context) (outcome, error) {
	if d.store == "" {
		return outcome{}, errNoRow
	}
	path, body := storesSet+"("+d.store+")", `{"Name":{"EN":"prove"}}`
	a, err := d.patch(ctx, d.may, asMay+", with a version that the row has not", path, body, noVersion)
	if err != nil {
		return outcome{}, err
	}
	if a.status != http.StatusPreconditionFailed {
		return outcome{}, d.r.uncontrolled("a write as who may, stopped by its version alone,", a)
	}
	d.reached = true
	if a, err = d.patch(ctx, d.not, asNot+", with a version that the row has not", path, body, noVersion); err != nil {
		return outcome{}, err
	}
	if a.status == http.StatusPreconditionFailed {
		return d.r.fails(a, "a write to a hidden row got as far as its version"), nil
	}
	return d.r.refused(a, "a hidden row was changed")
}

// acts releases an order that a rule keeps from being released, whoever asks: who may
// not must be told of the right, and never get as far as the rule.
func (d *doors) acts(ctx context.Context) (outcome, error) {
	a, err := d.get(ctx, d.may, asMay, ordersSet+query("$top", "200", "$select", "Id", "$filter", "State eq 'FirmPlanned'",
		"$expand", "UserStatus($select=IsExitStatus)"))
	if err != nil {
		return outcome{}, err
	}
	waiting := slices.IndexFunc(a.rows(), func(row map[string]json.RawMessage) bool {
		var status struct{ IsExitStatus *bool }
		return json.Unmarshal(row["UserStatus"], &status) == nil && status.IsExitStatus != nil && !*status.IsExitStatus
	})
	if waiting < 0 {
		return outcome{}, errors.New("there is no order that waits for approval")
	}
	order := ordersSet + "(" + id(a.rows()[waiting]) + ")"
	if a, err = d.get(ctx, d.may, asMay, order+"/GetAllowedStates()"); err != nil {
		return outcome{}, err
	}
	var states struct {
		States []struct{ State, Type string }
	}
	if !a.ok() || a.decode(&states) != nil {
		return outcome{}, d.r.uncontrolled("asking for the states", a)
	}
	if !slices.Contains(states.States, struct{ State, Type string }{"Released", "RuleBroken"}) {
		return outcome{}, errors.New("the order found could be released by who may: it is left alone")
	}
	if a, err = d.send(ctx, http.MethodPost, d.not, asNot, order+"/ChangeState", `{"newState":"Released"}`, ""); err != nil {
		return outcome{}, err
	}
	if err := neither(a); err == nil && a.status != http.StatusForbidden {
		return d.r.fails(a, "an action got past the right that it needs"), nil
	}
	return d.r.holds(a), neither(a)
}
