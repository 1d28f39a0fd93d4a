// Package monitoring holds the tests of the operators' tools: the rules and
// configuration in ops/prometheus and ops/alertmanager, the dashboards in ops/grafana
// and the runbooks. It has no code.
package monitoring
