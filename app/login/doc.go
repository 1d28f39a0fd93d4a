// Package login is the domain: who may sign in, what a session is, and which
// rules hold. It knows neither HTTP nor SQL; adapters import it and it imports
// nothing of theirs.
package login
