package metrics

import "github.com/prometheus/client_golang/prometheus"

// providerResults are how a step with a provider ends.
var providerResults = []string{"ok", "refused", "unavailable", other}

// registerProviders makes a series for each provider of the settings.
func (m *Metrics) registerProviders(names []string) {
	vec := prometheus.NewCounterVec(providerOpts, []string{"provider", "result"})
	m.registry.MustRegister(vec)
	m.providers = pairs{}
	for _, name := range append(names, other) {
		for _, result := range providerResults {
			m.providers[pair{name, result}] = vec.WithLabelValues(name, result)
		}
	}
}

// ProviderCall counts a step of a sign-in with a provider.
func (m *Metrics) ProviderCall(provider, result string) { m.providers.inc(provider, result) }
