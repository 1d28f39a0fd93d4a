package token_test

import (
	"testing"

	"hasura-login/app/token"
)

func BenchmarkIssue(b *testing.B) {
	for _, a := range token.Algorithms() {
		b.Run(string(a), func(b *testing.B) {
			f := newFolder(b, newClock())
			first(b, f, a)
			s := newService(b, f, token.Hooks{})
			subject := alice()
			subject.Account.Claims = map[string]string{"x-hasura-org-id": "7"}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.issuer.Issue(subject, start); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, a := range token.Algorithms() {
		b.Run(string(a), func(b *testing.B) {
			f := newFolder(b, newClock())
			first(b, f, a)
			s := newService(b, f, token.Hooks{})
			raw := s.issue(b, start)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.verifier.Verify(raw, start); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The cost of looking at a folder in which nothing changed, paid twice a second.
func BenchmarkReload(b *testing.B) {
	f := newFolder(b, newClock())
	first(b, f, token.EdDSA)
	rotate(b, f, token.RotateOptions{PublishAhead: life})
	s := newService(b, f, token.Hooks{})
	b.ReportAllocs()
	for b.Loop() {
		s.Reload()
	}
}
