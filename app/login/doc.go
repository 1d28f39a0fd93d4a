// Package login is the domain: who may sign in, what a session is, and which rules
// apply. It knows neither HTTP nor SQL: adapters import it, and it imports no adapter.
package login
