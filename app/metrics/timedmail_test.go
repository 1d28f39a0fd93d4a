package metrics_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/metrics"
	"hasura-login/app/store/sqlite"
)

func TestTimedMailStore_CountsEveryMethod(t *testing.T) {
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "login.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	m := metrics.New("1.2.3", routes)
	timed := metrics.TimedMailStore(store, m)
	contract := reflect.TypeFor[login.MailStore]()
	for i := range contract.NumMethod() {
		name := contract.Method(i).Name
		method := reflect.ValueOf(timed).MethodByName(name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for a := 1; a < method.Type().NumIn(); a++ {
			args = append(args, reflect.Zero(method.Type().In(a)))
		}
		method.Call(args) // what it answers does not matter: the file is closed
		counted := false
		for _, outcome := range []string{"refused", "unavailable", "error"} {
			counted = counted || strings.Contains(scrape(t, m), fmt.Sprintf("login_store_seconds_count{operation=%q,outcome=%q} 1\n", name, outcome))
		}
		if !counted {
			t.Errorf("the scrape lacks a call of %s", name)
		}
	}
}
