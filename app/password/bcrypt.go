package password

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/semaphore"

	"hasura-login/app/login"
	"hasura-login/app/password/foreign"
)

// The costs that a HashLimiter works with. One step doubles the work; the highest
// takes seconds, and a stored hash beyond it would hold a worker for longer
// than anybody waits.
const (
	MinCost = bcrypt.MinCost
	MaxCost = 15
)

// algorithm is bcrypt; tests put one in its place that counts and takes a
// known time.
type algorithm struct {
	generate func(password []byte, cost int) ([]byte, error)
	compare  func(stored, password []byte) error
}

// realBcrypt reports a mismatch of any kind as an error.
var realBcrypt = algorithm{
	generate: bcrypt.GenerateFromPassword,
	compare:  bcrypt.CompareHashAndPassword,
}

// hasher does the work of one call at the live cost.
type hasher struct {
	algorithm
	cost   int
	memory *semaphore.Weighted // what foreign hashes may fill at a time, in bytes
}

func (h hasher) hash(password string) (string, error) {
	stored, err := h.generate([]byte(prepare(password)), h.cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(stored), nil
}

// verify compares a password in its prepared form and, if that differs, as it was
// typed: older and imported hashes were made from the typed form. Such a match is
// stale. The cost depends only on the password.
func (h hasher) verify(stored, password string) (ok, stale bool) {
	prepared := prepare(password)
	ok, stale = h.compareOne(stored, prepared)
	if ok || prepared == password {
		return ok, stale
	}
	ok, _ = h.compareOne(stored, password)
	return ok, ok
}

// compareOne costs one hash at the live cost, with three exceptions: a match with a
// cheaper stored hash (the caller learns that it matches anyway), a stored bcrypt hash
// above the live cost, which cannot be checked for less, and a hash of another kind,
// which has its own cost.
//
// A wrong password against a cheaper hash is topped up: the rounds of the costs c, c,
// c+1, … live-1 add up to exactly those of the live cost. So after the cost was raised,
// the time of an answer does not reveal which addresses have an older account.
func (h hasher) compareOne(stored, password string) (ok, stale bool) {
	cost, valid := storedCost(stored)
	own := strings.HasPrefix(stored, ownPrefix)
	switch {
	case strings.IndexByte(password, 0) >= 0 || own && len(password) > MaxBytes:
		valid = false
	case !valid:
		if other, err := foreign.Parse(stored); err == nil {
			return h.compareForeign(other, password)
		}
	}
	if !valid {
		h.waste(h.cost, password)
		return false, false
	}
	// Other systems cut a password at 72 bytes: a longer one opens the account as it
	// did there. It stays so, for no bcrypt hash of ours can be made of it.
	if h.compare([]byte(stored), []byte(password[:min(len(password), MaxBytes)])) == nil {
		return true, (cost != h.cost || !own) && len(password) <= MaxBytes
	}
	for ; cost < h.cost; cost++ {
		h.waste(cost, password)
	}
	return false, false
}

// compareForeign waits until the memory that the hash fills may be had.
func (h hasher) compareForeign(stored foreign.Hash, password string) (ok, stale bool) {
	if stored.Memory() > 0 {
		_ = h.memory.Acquire(context.Background(), stored.Memory()) // fails only with its context
		defer h.memory.Release(stored.Memory())
	}
	ok = stored.Matches([]byte(password))
	return ok, ok && len(password) <= MaxBytes
}

// CheckStored refuses a stored hash that verify could not check, as login.Importer's
// CheckHash does.
func CheckStored(stored string) error {
	if _, valid := storedCost(stored); valid {
		return nil
	}
	if strings.HasPrefix(stored, "$2a$") || strings.HasPrefix(stored, "$2b$") || strings.HasPrefix(stored, "$2y$") {
		return fmt.Errorf("bcrypt hash: malformed, cut short, or of a cost outside %d to %d", MinCost, MaxCost)
	}
	_, err := foreign.Parse(stored)
	if errors.Is(err, foreign.ErrUnknown) || errors.Is(err, foreign.ErrEmailTooLong) {
		err = fmt.Errorf("%w: %w", err, login.ErrHashLeft)
	}
	return err
}

// waste does the work of one comparison that must not succeed.
func (h hasher) waste(cost int, password string) {
	_ = h.compare(dummyHash(cost), []byte(password))
}

// ownPrefix is the prefix of the format that this service writes.
const ownPrefix = "$2a$"

// dummyHash is well formed and matches no password: its salt and digest are made up.
// bcrypt compares against it in full before it finds no match; it would refuse a
// malformed hash at once, and the time would reveal that. Since it is a constant, the
// first call after the start costs as much as any other.
func dummyHash(cost int) []byte {
	const saltAndDigest = "N0passw0rdHasThisHash.ItIs0nlyThereToCostWork........"
	return fmt.Appendf(nil, "%s%02d$%s", ownPrefix, cost, saltAndDigest)
}

// storedCost reads the cost of a bcrypt hash of the formats 2a, 2b and 2y,
// which agree on passwords of up to 72 bytes without NUL. Anything else is not
// valid: the empty hash of an unknown account, a mark such as "!" that locks
// one, the flawed format 2x, costs out of range.
func storedCost(stored string) (cost int, valid bool) {
	const length = len("$2a$10$") + 22 + 31 // salt and digest in bcrypt's base64
	if len(stored) != length || stored[:2] != "$2" || stored[3] != '$' || stored[6] != '$' {
		return 0, false
	}
	if !strings.ContainsRune("aby", rune(stored[2])) {
		return 0, false
	}
	tens, ones := stored[4], stored[5]
	if tens < '0' || tens > '9' || ones < '0' || ones > '9' {
		return 0, false
	}
	for _, r := range stored[7:] {
		if !strings.ContainsRune("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", r) {
			return 0, false
		}
	}
	cost = int(tens-'0')*10 + int(ones-'0')
	return cost, cost >= MinCost && cost <= MaxCost
}
