// Package northwindtest gives tests the eight files of the Northwind sample, or a
// set of the same size, shape and quirks where the sample is not at hand.
package northwindtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Variable names the environment variable with the folder of the real files.
const Variable = "TANDEM_TEST_NORTHWIND"

// What both sets hold.
const (
	Customers = 91
	Products  = 77
	Orders    = 830
)

// Dir is a folder with the files, and whether they are the real ones.
func Dir(t testing.TB) (dir string, real bool) {
	t.Helper()
	if dir := os.Getenv(Variable); dir != "" {
		return dir, true
	}
	return write(t), false
}

// Files are the paths of the eight files.
func Files(t testing.TB) []string {
	t.Helper()
	dir, _ := Dir(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) != 8 {
		t.Fatalf("%s holds %d CSV files, want the 8 of Northwind (%v)", dir, len(files), err)
	}
	return files
}

// Lines is how many order lines there are.
func Lines(t testing.TB) int {
	t.Helper()
	dir, _ := Dir(t)
	text, err := os.ReadFile(filepath.Join(dir, "order-details.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(strings.TrimSpace(string(text)), "\n") // the first line is the header
}

// write makes the set: quotes, commas in cells, names beyond ASCII, NULL as text.
func write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, header string, rows []string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(header+"\n"+strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(n int, row func(i int) string) (all []string) {
		for i := 1; i <= n; i++ {
			all = append(all, row(i))
		}
		return all
	}
	put("categories.csv", "categoryID,categoryName,description,picture", rows(8, func(i int) string {
		return fmt.Sprintf(`%d,Kind %d,"Soft, hard and ""other""",0x15%s`, i, i, strings.Repeat("1C2F", 20))
	}))
	put("suppliers.csv", "supplierID,companyName,contactName,contactTitle,address,city,region,postalCode,country,phone,fax,homePage", rows(29, func(i int) string {
		return fmt.Sprintf("%d,Fournisseur %d é,Zoë,Owner,1 rue,Besançon,NULL,25000,France,(1) 2,NULL,NULL", i, i)
	}))
	put("shippers.csv", "shipperID,companyName,phone", rows(3, func(i int) string { return fmt.Sprintf("%d,Ship %d,(503) 555", i, i) }))
	put("employees.csv", "employeeID,lastName,firstName,title,titleOfCourtesy,birthDate,hireDate,address,city,region,postalCode,country,homePhone,extension,photo,notes,reportsTo,photoPath", rows(9, func(i int) string {
		return fmt.Sprintf(`%d,Last%d,First,"Vice President, Sales",Dr.,1952-02-19 00:00:00.000,1992-08-14 00:00:00.000,"507 - 20th Ave. E.  Apt. 2A",Seattle,WA,98122,USA,(206) 555,5467,0x15,"A ""call"".",NULL,http://x`, i, i)
	}))
	put("customers.csv", "customerID,companyName,contactName,contactTitle,address,city,region,postalCode,country,phone,fax", rows(91, func(i int) string {
		return fmt.Sprintf(`C%04d,Kunde %d Ł,Maria,"Sales, Rep",Obere Str. 57,Köln,NULL,12209,Germany,030,NULL`, i, i)
	}))
	put("products.csv", "productID,productName,supplierID,categoryID,quantityPerUnit,unitPrice,unitsInStock,unitsOnOrder,reorderLevel,discontinued", rows(77, func(i int) string {
		return fmt.Sprintf("%d,Gnocchi di nonna %d,%d,%d,24 - 12 oz,%d.50,39,0,10,%d", i, i, i%29+1, i%8+1, i, i%2)
	}))
	var lines []string
	put("orders.csv", "orderID,customerID,employeeID,orderDate,requiredDate,shippedDate,shipVia,freight,shipName,shipAddress,shipCity,shipRegion,shipPostalCode,shipCountry", rows(830, func(i int) string {
		for k := range 2 + i%2 {
			lines = append(lines, fmt.Sprintf("%d,%d,%d.80,%d,%s", 10000+i, (i+k*7)%77+1, i%50+1, i%9+1, []string{"0", "0.05", "0.15"}[i%3]))
		}
		return fmt.Sprintf(`%d,C%04d,%d,1996-07-%02d 00:00:00.000,1996-08-01 00:00:00.000,NULL,3,32.38,"Vins, et",59 rue,Reims,NULL,51100,France`, 10000+i, i%91+1, i%9+1, i%31+1)
	}))
	put("order-details.csv", "orderID,productID,unitPrice,quantity,discount", lines)
	return dir
}
