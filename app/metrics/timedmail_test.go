package metrics_test

import (
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
	contract := reflect.TypeFor[login.MailStore]()
	for i := range contract.NumMethod() {
		name := contract.Method(i).Name
		m := metrics.New("1.2.3", routes)
		timed := metrics.TimedMailStore(store, m)
		method := reflect.ValueOf(timed).MethodByName(name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for a := 1; a < method.Type().NumIn(); a++ {
			args = append(args, reflect.Zero(method.Type().In(a)))
		}
		method.Call(args) // what it answers does not matter: the file is closed
		counted := false
		for _, labels := range []string{`operation="` + name + `",outcome="refused"`, `operation="` + name + `",outcome="error"`, `operation="any",outcome="unavailable"`} {
			counted = counted || strings.Contains(scrape(t, m), "login_store_seconds_count{"+labels+"} 1\n")
		}
		if !counted {
			t.Errorf("the scrape lacks a call of %s", name)
		}
	}
}
