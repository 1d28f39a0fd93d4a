// Package helm_test checks the chart of ops/helm with Helm's own packages, which compile in a
// fraction of the time of its command.
package helm_test

import (
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const (
	root      = "../.."
	folder    = root + "/ops/helm/hasura-login"
	namespace = "login"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // Helm reports every link
	os.Exit(m.Run())
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// values are those that every site sets, changed by YAML.
func values(t *testing.T, change string) chartutil.Values {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(`{image: "ghcr.io/acme/hasura-login:v1.2.0", issuer: "https://login.example.org", siteNames: [login.example.org], corsOrigins: ["https://app.example.org"]}`))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := chartutil.ReadValues([]byte(change))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(v, changes)
	return v
}

// render renders the chart as "helm template" does, or with a cluster that holds objects as
// "helm install" does.
func render(t *testing.T, v chartutil.Values, cluster ...runtime.Object) (map[string]string, error) {
	t.Helper()
	c := load(t)
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: "v1.34.4", Major: "1", Minor: "34"}
	rendered, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: "shop", Namespace: namespace, Revision: 1, IsInstall: true}, caps)
	if err != nil {
		return nil, err
	}
	if len(cluster) == 0 {
		return engine.Render(c, rendered)
	}
	return engine.RenderWithClientProvider(c, rendered, provider{fake.NewSimpleDynamicClient(scheme(t), cluster...)})
}

func scheme(t *testing.T) *runtime.Scheme {
	s := runtime.NewScheme()
	if err := corev1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

type provider struct{ client dynamic.Interface }

func (p provider) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return p.client.Resource(schema.FromAPIVersionAndKind(apiVersion, kind).GroupVersion().WithResource(strings.ToLower(kind) + "s")), true, nil
}

// objects are the rendered objects by kind and name.
func objects(t *testing.T, v chartutil.Values) map[string]map[string]any {
	t.Helper()
	files, err := render(t, v)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte(doc), &object); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			if object != nil {
				found[fmt.Sprintf("%v %v", object["kind"], dig(object, "metadata", "name"))] = object
			}
		}
	}
	return found
}

// dig goes down by keys of objects and places of lists; nil if there is nothing.
func dig(value any, path ...any) any {
	for _, step := range path {
		switch at := value.(type) {
		case map[string]any:
			key, _ := step.(string)
			value = at[key]
		case []any:
			place, ok := step.(int)
			if !ok || place >= len(at) {
				return nil
			}
			value = at[place]
		default:
			return nil
		}
	}
	return value
}

// sites are values as different sites have them.
var sites = map[string]string{
	"with the least": ``,
	"with everything": `
settings: {LOGIN_SIGNUP: invited, LOGIN_ORGANIZATIONS: true, LOGIN_BCRYPT_COST: 12, LOGIN_NAT64_PREFIX: "2001:db8:64::/96"}
login: {autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 9}}
monitoring: {labels: {release: prometheus}, serviceMonitor: {enabled: true}, rules: {enabled: true, runbooks: "https://docs.example.org/runbooks/"}, dashboards: {enabled: true}}
networkPolicy: {postgres: {to: [{ipBlock: {cidr: 10.1.0.0/16}}]}, hasuraTo: [{ports: [{port: 8000, protocol: TCP}], to: [{podSelector: {matchLabels: {app: shop}}}]}], hasuraFrom: [{podSelector: {}}]}
hasura: {settings: {HASURA_GRAPHQL_LOG_LEVEL: warn, SHOP_URL: "http://shop:8000"}}
imagePullSecrets: [{name: registry}]
priorityClassName: high
nodeSelector: {disk: fast}
tolerations: [{key: dedicated, operator: Exists}]
`,
	"behind an ingress": `
gateway: {entry: load-balancer, loadBalancers: [10.244.0.0/16, "2001:db8::/64"], service: {type: ClusterIP}, ingress: {enabled: true, className: nginx}}
`,
	"scaled by its queue, on fixed ports": `
login: {redis: false, autoscaling: {enabled: true, hashQueueLength: 2}}
gateway: {service: {type: NodePort, nodePorts: {http: 30080, https: 30443}}}
networkPolicy: {enabled: false}
`,
	"with its own project and registry": `
migrations: {image: "registry.example.org/shop/migrations:7"}
images: {NGINX_IMAGE: "registry.example.org/nginx:1.30.7", HASURA_IMAGE: "registry.example.org/engine:v2.50.10-ce"}
`,
}

func TestChart_PassesHelmsLint(t *testing.T) {
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			result := lint.AllWithKubeVersion(folder, values(t, site), namespace, &chartutil.KubeVersion{Version: "v1.34.4", Major: "1", Minor: "34"})
			for _, m := range result.Messages {
				if m.Severity > support.InfoSev {
					t.Error(m)
				}
			}
		})
	}
}

func TestChart_MakesValidObjects(t *testing.T) {
	check := newValidator(t)
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			for id, object := range objects(t, values(t, site)) {
				if err := check(object); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

// A namespace that enforces Kubernetes' level "restricted" takes every pod.
func TestChart_PodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pods := 0
	for id, object := range objects(t, values(t, sites["with everything"])) {
		template, ok := dig(object, "spec", "template").(map[string]any)
		if !ok {
			continue
		}
		pods++
		var pod corev1.PodTemplateSpec
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod); err != nil {
			t.Fatal(err)
		}
		for _, result := range evaluator.EvaluatePod(podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
			if !result.Allowed {
				t.Errorf("%s: %s: %s", id, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
				t.Errorf("%s: %s may write to its image", id, c.Name)
			}
			if c.Resources.Limits.Memory().IsZero() || !c.Resources.Limits.Cpu().IsZero() {
				t.Errorf("%s: %s needs a limit of memory, and none of CPU", id, c.Name)
			}
		}
	}
	if pods != 5 {
		t.Errorf("%d kinds of pods; want login, gateway, hasura, migrate and keys", pods)
	}
}

func TestChart_RefusesValues(t *testing.T) {
	for name, c := range map[string]struct{ values, message string }{
		"no image":                           {`image: ""`, "image, such as ghcr.io/OWNER/hasura-login:v1.2.0"},
		"no names":                           {`siteNames: []`, "siteNames, such as"},
		"no origins":                         {`corsOrigins: []`, "corsOrigins, such as"},
		"an image without a tag":             {`image: ghcr.io/acme/hasura-login`, "at '/image'"},
		"a name that is not there":           {`replicas: 3`, "additional properties 'replicas' not allowed"},
		"a setting that is not there":        {`settings: {LOGIN_SIGNPU: open}`, "at '/settings': additional properties 'LOGIN_SIGNPU' not allowed"},
		"a secret among the settings":        {`settings: {LOGIN_SERVER_SECRET: abc}`, "additional properties 'LOGIN_SERVER_SECRET' not allowed"},
		"a number in words":                  {`login: {replicas: two}`, "at '/login/replicas': got string, want integer"},
		"no replica":                         {`hasura: {replicas: 0}`, "at '/hasura/replicas'"},
		"a URL for a host name":              {`siteNames: ["https://login.example.org"]`, "at '/siteNames/0'"},
		"an origin with a path":              {`corsOrigins: ["https://app.example.org/in"]`, "at '/corsOrigins/0'"},
		"an entry that is not there":         {`gateway: {entry: plain}`, "at '/gateway/entry': value must be one of 'tls', 'load-balancer'"},
		"a load balancer that nobody names":  {`gateway: {entry: load-balancer}`, "gateway.loadBalancers must name"},
		"a load balancer that is everybody":  {`gateway: {entry: load-balancer, loadBalancers: [0.0.0.0/0]}`, "at '/gateway/loadBalancers/0'"},
		"an Ingress before nginx' own TLS":   {`gateway: {ingress: {enabled: true}}`, "needs gateway.entry=load-balancer"},
		"fewer at most than at least":        {`login: {autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 2}}`, "minReplicas is greater"},
		"a drain that the gateway overlooks": {`drainSeconds: 5`, "at '/drainSeconds'"},
		"Hasura's admin secret as a setting": {`hasura: {settings: {HASURA_GRAPHQL_ADMIN_SECRET: abc}}`, "HASURA_GRAPHQL_ADMIN_SECRET"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := render(t, values(t, c.values)); err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("error %v; want %q in it", err, c.message)
			}
		})
	}
}

func secret(name string, keys map[string]string) *corev1.Secret {
	data := map[string][]byte{}
	for key, value := range keys {
		data[key] = []byte(value)
	}
	return &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Data: data}
}

// A cluster that has what the chart needs, changed.
func cluster(change func(secrets map[string]*corev1.Secret)) []runtime.Object {
	long := strings.Repeat("0123456789abcdef", 4)
	engine := map[string]string{"database_url": "postgres://e", "metadata_database_url": "postgres://e", "admin_secret": long, "action_secret": long}
	secrets := map[string]*corev1.Secret{
		"login":   secret("hasura-login-login", map[string]string{"database_url": "postgres://l", "redis_url": "redis://r", "keys_secret": long, "action_secret": long + "\n" + long, "edge_secret": long, "server_secret": long, "totp_secret": long}),
		"hasura":  secret("hasura-login-hasura", engine),
		"migrate": secret("hasura-login-migrate", engine),
		"gateway": secret("hasura-login-gateway", map[string]string{"edge_secret.conf": "map"}),
		"tls":     secret("hasura-login-tls", map[string]string{"tls.crt": "c", "tls.key": "k"}),
	}
	change(secrets)
	all := []runtime.Object{&corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: namespace}}}
	for _, s := range secrets {
		all = append(all, s)
	}
	return all
}

func TestChart_NamesWhatSecretsLack(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(secrets map[string]*corev1.Secret)
		values  string
		message string // empty: installed
	}{
		"nothing":       {func(map[string]*corev1.Secret) {}, "", ""},
		"a Secret":      {func(s map[string]*corev1.Secret) { delete(s, "hasura") }, "", "there is no Secret hasura-login-hasura; it needs database_url, metadata_database_url, admin_secret, action_secret"},
		"a key":         {func(s map[string]*corev1.Secret) { delete(s["login"].Data, "totp_secret") }, "", "the Secret hasura-login-login has no totp_secret"},
		"a value":       {func(s map[string]*corev1.Secret) { s["gateway"].Data["edge_secret.conf"] = []byte("\n") }, "", "the Secret hasura-login-gateway has no edge_secret.conf"},
		"length":        {func(s map[string]*corev1.Secret) { s["login"].Data["server_secret"] = []byte("short\n") }, "", "server_secret in the Secret hasura-login-login is shorter than 32 characters"},
		"a certificate": {func(s map[string]*corev1.Secret) { delete(s, "tls") }, "", "there is no Secret hasura-login-tls; it needs tls.crt, tls.key"},
		"a certificate, which something else has": {func(s map[string]*corev1.Secret) { delete(s, "tls") }, "gateway: {entry: load-balancer, loadBalancers: [10.0.0.1]}", ""},
		"Redis":                          {func(s map[string]*corev1.Secret) { delete(s["login"].Data, "redis_url") }, "", "has no redis_url"},
		"Redis, without need":            {func(s map[string]*corev1.Secret) { delete(s["login"].Data, "redis_url") }, "login: {redis: false}", ""},
		"something that nobody asks for": {func(s map[string]*corev1.Secret) { delete(s, "migrate") }, "secrets: {check: false}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, values(t, c.values), cluster(c.change)...)
			if c.message == "" && err != nil || c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)) {
				t.Errorf("error %v; want %q in it", err, c.message)
			}
		})
	}
}

// The scheduler leaves a node out of every constraint if it lacks the label of one of them, and many
// clusters have no zones.
func TestChart_SpreadsWithoutZones(t *testing.T) {
	all := objects(t, values(t, ""))
	for _, part := range []string{"login", "gateway", "hasura"} {
		constraints, _ := dig(all["Deployment shop-hasura-login-"+part], "spec", "template", "spec", "topologySpreadConstraints").([]any)
		if len(constraints) != 1 || dig(constraints[0], "topologyKey") != "kubernetes.io/hostname" {
			t.Errorf("%s is spread by %v", part, constraints)
		}
	}
}
