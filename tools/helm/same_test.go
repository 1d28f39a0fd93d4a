package helm_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the chart and a VPS have in common comes from one source, or is compared here.

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// mounted are the files of a ConfigMap at the paths where a pod of a workload sees them.
func mounted(t *testing.T, all map[string]map[string]any, workload, configMap, volume string) map[string]string {
	t.Helper()
	data, _ := all["ConfigMap "+configMap]["data"].(map[string]any)
	files := map[string]string{}
	volumes, _ := dig(all[workload], "spec", "template", "spec", "volumes").([]any)
	for _, v := range volumes {
		if dig(v, "name") != volume {
			continue
		}
		items, _ := dig(v, "configMap", "items").([]any)
		for _, item := range items {
			text, ok := data[dig(item, "key").(string)].(string)
			if !ok {
				t.Errorf("%s mounts %v, which %s lacks", workload, item, configMap)
			}
			files[dig(item, "path").(string)] = text
		}
	}
	return files
}

func tracked(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(root, folder, "*"))
	for depth := "*/*"; err == nil && len(depth) < 20; depth += "/*" {
		var more []string
		more, err = filepath.Glob(filepath.Join(root, folder, depth))
		paths = append(paths, more...)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if name, err := filepath.Rel(filepath.Join(root, folder), path); err == nil && filepath.Ext(name) != "" && filepath.Ext(name) != ".go" {
			files[name] = read(t, filepath.Join(folder, name))
		}
	}
	return files
}

func TestChart_GatewayHasTheFilesOfAVPS(t *testing.T) {
	got := mounted(t, objects(t, values(t, "")), "Deployment shop-hasura-login-gateway", "shop-hasura-login-gateway", "files")
	want := tracked(t, "nginx")
	for _, upstream := range []string{"login", "hasura"} {
		path := "upstreams/" + upstream + ".conf"
		want[path] = strings.Replace(want[path], "server "+upstream+":", "server shop-hasura-login-"+upstream+"-pods:", 1)
	}
	compareFiles(t, got, want)
}

func TestChart_MigrationsAreThoseOfAVPS(t *testing.T) {
	all := objects(t, values(t, ""))
	compareFiles(t, mounted(t, all, "Job shop-hasura-login-migrate", "shop-hasura-login-migrate", "project"), tracked(t, "hasura"))
	if got := mounted(t, all, "Job shop-hasura-login-migrate", "shop-hasura-login-migrate", "entrypoint")["entrypoint.sh"]; got != read(t, "ops/migrate/entrypoint.sh") {
		t.Error("the job's entrypoint differs from ops/migrate/entrypoint.sh")
	}
}

func compareFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(want) < 10 {
		t.Fatalf("only %d files to compare", len(want))
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got[path] != want[path] {
			t.Errorf("%s differs", path)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("more than on a VPS: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestChart_DashboardsAndAlertsAreThoseOfAVPS(t *testing.T) {
	all := objects(t, values(t, sites["with everything"]))
	dashboards := tracked(t, "ops/grafana/dashboards")
	if len(dashboards) == 0 {
		t.Fatal("no dashboards")
	}
	for name, text := range dashboards {
		if dig(all["ConfigMap shop-hasura-login-dashboards"], "data", name) != text {
			t.Errorf("the dashboard %s differs", name)
		}
	}
	var want []any
	for _, name := range []string{"recording", "login"} {
		text := strings.ReplaceAll(read(t, "ops/prometheus/rules/"+name+".yml"), "docs/runbooks/", "https://docs.example.org/runbooks/")
		groups, _ := parse(t, text)["groups"].([]any)
		want = append(want, groups...)
	}
	if got := asJSON(t, dig(all["PrometheusRule shop-hasura-login"], "spec", "groups")); got != asJSON(t, want) {
		t.Errorf("the rules differ: %s", got)
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestChart_ImagesAreThePinnedOnes(t *testing.T) {
	all := objects(t, values(t, sites["with everything"]))
	for setting, container := range map[string][]any{
		"NGINX_IMAGE":          {"Deployment shop-hasura-login-gateway", "containers", 0},
		"NGINX_EXPORTER_IMAGE": {"Deployment shop-hasura-login-gateway", "containers", 2},
		"HASURA_IMAGE":         {"Deployment shop-hasura-login-hasura", "containers", 0},
		"HASURA_MIGRATE_IMAGE": {"Job shop-hasura-login-migrate", "containers", 0},
	} {
		image := dig(all[container[0].(string)], "spec", "template", "spec", container[1], container[2], "image")
		if line := setting + "\t" + image.(string) + "\t"; !strings.Contains(read(t, "ops/pins.tsv"), line) {
			t.Errorf("%s is %v", setting, image)
		}
	}
}

// environment is a container's, by name.
func environment(object map[string]any) map[string]string {
	found := map[string]string{}
	list, _ := dig(object, "spec", "template", "spec", "containers", 0, "env").([]any)
	for _, entry := range list {
		found[dig(entry, "name").(string)], _ = dig(entry, "value").(string)
	}
	return found
}

func composed(t *testing.T, service string) map[string]any {
	t.Helper()
	env, _ := dig(parse(t, read(t, "docker-compose.prod.yml")), "services", service, "environment").(map[string]any)
	return env
}

func TestChart_EngineIsSetUpAsOnAVPS(t *testing.T) {
	all := objects(t, values(t, ""))
	for service, workload := range map[string]string{"hasura": "Deployment", "migrate": "Job"} {
		got := environment(all[workload+" shop-hasura-login-"+service])
		for name, value := range composed(t, service) {
			text, _ := value.(string)
			text = strings.NewReplacer("http://login:", "http://shop-hasura-login-login:", "${LOGIN_ISSUER:?}", "https://login.example.org", "${LOGIN_AUDIENCE:?}", "hasura").Replace(text)
			switch {
			case strings.HasPrefix(text, "${"): // a setting of the site
			case strings.HasPrefix(text, "{"):
				if asJSON(t, parse(t, got[name])) != asJSON(t, parse(t, text)) {
					t.Errorf("%s: %s is %q, on a VPS %q", service, name, got[name], text)
				}
			case got[name] != text:
				t.Errorf("%s: %s is %q, on a VPS %q", service, name, got[name], text)
			}
		}
		for name := range got {
			if _, ok := composed(t, service)[name]; !ok {
				t.Errorf("%s: %s is not set on a VPS", service, name)
			}
		}
	}
}

// Every setting that a VPS passes on is either set by the chart or a value.
func TestChart_TakesEverySetting(t *testing.T) {
	properties, _ := dig(parse(t, read(t, "ops/helm/hasura-login/values.schema.json")), "properties", "settings", "properties").(map[string]any)
	fixed := environment(objects(t, values(t, ""))["Deployment shop-hasura-login-login"])
	// A folder is for one machine; of an earlier release.
	left := []string{"LOGIN_KEYS_DIR", "LOGIN_SIGNUP_ENABLED"}
	onAVPS := composed(t, "login")
	for name := range onAVPS {
		_, chosen := properties[name]
		if _, set := fixed[name]; !set && !chosen && !slices.Contains(left, name) {
			t.Errorf("values.schema.json lacks settings.%s", name)
		} else if set && chosen {
			t.Errorf("settings.%s would set what the chart sets itself", name)
		}
	}
	for name := range properties {
		if _, ok := onAVPS[name]; !ok {
			t.Errorf("values.schema.json has settings.%s, which no VPS has", name)
		}
	}
}

func TestChart_ExplainsEveryValue(t *testing.T) {
	compareValues(t, "", parse(t, read(t, "ops/helm/hasura-login/values.yaml")), parse(t, read(t, "ops/helm/hasura-login/values.schema.json")))
}

// compareValues compares names and checks descriptions, below a path.
func compareValues(t *testing.T, path string, values, schema map[string]any) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		p, _ := property.(map[string]any)
		if p["$ref"] != nil || path == "images." || name == "global" {
			continue
		}
		if text, _ := p["description"].(string); !regexp.MustCompile(`^[A-Z].*\.$`).MatchString(text) {
			t.Errorf("values.schema.json: %s%s is not explained: %q", path, name, text)
		}
		value, ok := values[name]
		if !ok {
			t.Errorf("values.yaml lacks %s%s", path, name)
		}
		below, isObject := value.(map[string]any)
		if isObject && p["properties"] != nil {
			compareValues(t, path+name+".", below, p)
		}
	}
	for name := range values {
		if properties[name] == nil {
			t.Errorf("values.schema.json lacks %s%s", path, name)
		}
	}
}

// A check that cannot fail would be worth nothing.
func TestValidator_RefusesFaults(t *testing.T) {
	check := newValidator(t)
	all := objects(t, values(t, sites["with everything"]))
	for name, change := range map[string]func(){
		"Deployment shop-hasura-login-login": func() { dig(all["Deployment shop-hasura-login-login"], "spec").(map[string]any)["replica"] = 2 },
		"Service shop-hasura-login-login": func() {
			dig(all["Service shop-hasura-login-login"], "spec", "ports", 0).(map[string]any)["port"] = "3000"
		},
		"ServiceMonitor shop-hasura-login":      func() { dig(all["ServiceMonitor shop-hasura-login"], "spec").(map[string]any)["endpoint"] = "x" },
		"NetworkPolicy shop-hasura-login-login": func() { delete(all["NetworkPolicy shop-hasura-login-login"], "apiVersion") },
	} {
		if err := check(all[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if change(); check(all[name]) == nil {
			t.Errorf("a fault in %s is overlooked", name)
		}
	}
}
