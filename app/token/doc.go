// Package token signs and verifies access tokens, keeps the ring of signing
// keys and publishes their public halves as a JSON Web Key Set.
//
// Keys is the ring as it is stored: one immutable file per key, on a Shelf, which is a
// folder or a table of the database. Rotate, Revoke and List are the operator's verbs. A
// Ring is what a running service sees of it; every replica that shares the shelf derives
// the same states from the same files and the clock, so replicas need not talk to each
// other:
//
//	pending   published, not yet signing: active-from lies ahead
//	active    the newest key whose active-from has come; it signs
//	retired   a successor is active; tokens it signed still verify
//	gone      the last such token has expired; no longer published, file deleted
package token
