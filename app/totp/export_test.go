package totp

// SealForTest seals a secret of the test's choice.
func SealForTest(s *Secrets, userID, secret string) []byte {
	sealed, err := s.seal(userID, secret)
	if err != nil {
		panic(err)
	}
	return sealed
}
