// Package login is the domain: who may sign in, what a session is, and which rules
// apply. It knows neither HTTP nor SQL: adapters import it, and it imports no adapter.
//
// Begin with service.go, which has the settings, the ports and the helpers of all use
// cases, and with policy.go, which has a row for each use case: who may call it, what
// limits it, how it can end and what it records. errors.go lists the codes that clients
// see, and ports.go and the files …store.go say what the adapters do.
//
// Then read one use case from end to end, such as signin.go: it counts the attempt
// (Service.reserve), checks the password, asks for a second factor (secondfactor.go) and
// opens a session (grant.go). The others follow the same order. A file has one use case,
// or those of one thing, such as passkeys. The use cases of the service's operators are
// methods of Operator.
package login
