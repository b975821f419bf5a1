package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheSlowestAreNamed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := &report{out: &out, outputs: map[string][]string{}}
	err := r.read(strings.NewReader(`
{"Action":"run","Package":"example.com/a","Test":"TestOne"}
{"Action":"pass","Package":"example.com/a","Test":"TestOne/part","Elapsed":7}
{"Action":"pass","Package":"example.com/a","Test":"TestOne","Elapsed":8}
{"Action":"pass","Package":"example.com/a","Test":"TestTwo","Elapsed":9.5}
{"Action":"output","Package":"example.com/a","Output":"PASS\n"}
{"Action":"output","Package":"example.com/a","Output":"0m0.00s 0m0.01s\n"}
{"Action":"output","Package":"example.com/a","Output":"1m2.50s 0m7.25s\n"}
{"Action":"pass","Package":"example.com/a","Elapsed":20}
{"Action":"pass","Package":"example.com/b","Elapsed":30}
{"Action":"fail","Package":"example.com/b","Test":"TestThree","Elapsed":0.5}
`))
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	for _, want := range []string{
		"    69.8s     20.0s  example.com/a\n    30.0s  example.com/b\n",
		"     9.5s  example.com/a TestTwo\n     8.0s  example.com/a TestOne\n     0.5s  example.com/b TestThree\n",
		"3 passed, 1 failed, 0 skipped",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}
