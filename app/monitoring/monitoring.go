// Package monitoring holds the tests of what operators see: the rules and
// configuration in ops/prometheus and ops/alertmanager, the dashboards in
// ops/grafana and the runbooks. It has no code of its own.
package monitoring
