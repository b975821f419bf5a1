package mapping_test

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/worker/importer/mapping"
)

const example = `version: 1
name: Customers of the old shop
external_system: shop
null: ["NULL"]
steps:
  - file: customers.csv
    entity: Crm_Sales_Customer
    key: id
    set:
      Number: {template: "S-{id}", max: 16}
      Party:
        object:
          entity: General_Contacts_Company
          set:
            Name: {column: name, as: multilanguage, required: true}
    ignore: [fax]
`

// row gives the cells of a row by the names of their columns.
func row(cells map[string]string) mapping.Cells {
	return func(column string) string { return cells[column] }
}

// A row becomes an object that the API finds again by its ExternalId, or makes:
// an upsert.
func ExampleMapping_Make() {
	m, err := mapping.Parse([]byte(example))
	if err != nil {
		fmt.Println(err)
		return
	}
	step := m.Steps[0]
	object, key, problems := m.Make(step, row(map[string]string{"id": "7", "name": "Tea & Co"}))
	fmt.Println(key, len(problems), "problems, columns", step.Columns())
	fmt.Println(strings.ReplaceAll(string(object)+"}", `,"`, ",\n\""))
	// Output:
	// 7 0 problems, columns [id name]
	// {"@odata.type":"Erp.Crm_Sales_Customer",
	// "@erpnet.action":"merge",
	// "@erpnet.findBy":{"ExternalId":"7",
	// "ExternalSystem":"shop"},
	// "ExternalId":"7",
	// "ExternalSystem":"shop",
	// "Number":"S-7",
	// "Party":{"@odata.type":"Erp.General_Contacts_Company",
	// "@erpnet.action":"merge",
	// "@erpnet.findBy":{"ExternalId":"7",
	// "ExternalSystem":"shop"},
	// "ExternalId":"7",
	// "ExternalSystem":"shop",
	// "Name":{"EN":"Tea \u0026 Co"}}}
}

// What is wrong with a row is told by column; the row is not sent then.
func ExampleMapping_Make_problems() {
	m, err := mapping.Parse([]byte(example))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, problems := m.Make(m.Steps[0], row(map[string]string{"id": "a number that is much too long", "name": "NULL"}))
	for _, p := range problems {
		fmt.Printf("%s=%q: %s, warning %t\n", p.Column, p.Value, p.Reason, p.Warning)
	}
	// Output:
	// id="S-a number that is much too long": cut to 16 characters, warning true
	// name="NULL": a value is required here, warning false
}

// Every fault of a mapping file is told with its line.
func ExampleParse() {
	_, err := mapping.Parse([]byte(strings.NewReplacer("key: id", "kee: id", "required", "demanded").Replace(example)))
	fmt.Println(strings.ReplaceAll(err.Error(), "; line", ";\nline"))
	// Output:
	// line 6: the step has no key: name the column that tells the rows of customers.csv apart;
	// line 8: a step has no key "kee"; it has children, create, entity, external_system, file, ignore, key, match, set;
	// line 15: a value has no key "demanded"; it has as, column, constant, currency, decimal, default, external_system, find, language, layout, lookup, match, max, not, object, others, required, symbols, template, thousands, unit, values, years_from
}

// A file that came is known by its name, whatever the case.
func ExampleMapping_Knows() {
	m, err := mapping.Parse(mapping.Northwind())
	if err != nil {
		fmt.Println(err)
		return
	}
	name, known := m.Knows("ORDERS.CSV")
	fmt.Println(name, known)
	fmt.Println(m.Files()[:3])
	// Output:
	// orders.csv true
	// [categories.csv suppliers.csv shippers.csv]
}
