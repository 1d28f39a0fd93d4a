package password

// What black-box tests need of the inside.

// CommonPasswords is the embedded list.
var CommonPasswords = commonPasswords

// DummyHash is what unknown accounts are compared against.
var DummyHash = dummyHash

// NewGateOn is New with other hash functions.
func NewGateOn(
	c Config,
	generate func(password []byte, cost int) ([]byte, error),
	compare func(stored, password []byte) error,
) (*Gate, error) {
	return newGate(c, algorithm{generate: generate, compare: compare})
}

// LowerThreadPriority is what workers do to their own thread.
var LowerThreadPriority = lowerThreadPriority
