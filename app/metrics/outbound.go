package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// mailResults are how an attempt to send a mail ends.
var mailResults = []string{"sent", "postponed", "abandoned", "no-smtputf8", "void"}

func (m *Metrics) registerMail() {
	vec := prometheus.NewCounterVec(mailOpts, []string{"kind", "result"})
	m.mailQueue = prometheus.NewGauge(mailQueueOpts)
	m.registry.MustRegister(vec, m.mailQueue)
	m.mails = pairs{{other, other}: vec.WithLabelValues(other, other)}
	for _, kind := range login.MailKinds() {
		for _, result := range mailResults {
			m.mails[pair{string(kind), result}] = vec.WithLabelValues(string(kind), result)
		}
	}
}

// Mail counts an attempt to send a mail.
func (m *Metrics) Mail(kind, result string) { m.mails.inc(kind, result) }

// MailQueue tells how many mails wait.
func (m *Metrics) MailQueue(length int) { m.mailQueue.Set(float64(length)) }

// providerResults are how a step with a provider ends.
var providerResults = []string{"ok", "refused", "unavailable"}

// registerProviders makes a series for each provider of the settings.
func (m *Metrics) registerProviders(names []string) {
	vec := prometheus.NewCounterVec(providerOpts, []string{"provider", "result"})
	m.registry.MustRegister(vec)
	m.providers = pairs{{other, other}: vec.WithLabelValues(other, other)}
	for _, name := range append(names, other) {
		for _, result := range providerResults {
			m.providers[pair{name, result}] = vec.WithLabelValues(name, result)
		}
	}
}

// ProviderCall counts a step of a sign-in with a provider.
func (m *Metrics) ProviderCall(provider, result string) { m.providers.inc(provider, result) }
