package provider

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const microsoftHost = "https://login.microsoftonline.com/"

// consumerTenant is the tenant of all personal accounts.
const consumerTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

var tenantID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// newMicrosoft follows learn.microsoft.com/entra/identity-platform: "OpenID Connect",
// "ID token claims reference". Tenant names the tenant whose accounts may sign in, or
// common, organizations or consumers; of these, only Tenants may, if it lists any. Each
// tenant is an issuer of its own.
func newMicrosoft(s Settings) (preset, error) {
	p := preset{title: "Microsoft", issuer: microsoftHost + s.Tenant + "/v2.0", rules: rules{verified: vouchedByMicrosoft}}
	for _, tenant := range s.Tenants {
		if !tenantID.MatchString(tenant) {
			return p, fmt.Errorf("tenants: %q is not a tenant's id such as 72f988bf-86f1-41af-91ab-2d7cd011db47", tenant)
		}
	}
	switch {
	case tenantID.MatchString(s.Tenant):
		if len(s.Tenants) > 0 {
			return p, errors.New("tenants: only common and organizations take a list")
		}
	case s.Tenant == "common" || s.Tenant == "organizations" || s.Tenant == "consumers":
		p.rules.issuerOf = func(c idClaims) (string, error) { return microsoftIssuer(s, c.Tenant) }
	default:
		return p, fmt.Errorf("tenant: %q is none of common, organizations, consumers, or a tenant's id", s.Tenant)
	}
	return p, nil
}

// microsoftIssuer returns the issuer of a tenant whose accounts may sign in.
func microsoftIssuer(s Settings, tenant string) (string, error) {
	tenant = strings.ToLower(tenant)
	personal := tenant == consumerTenant
	switch {
	case !tenantID.MatchString(tenant):
		return "", errors.New("the ID token names no tenant")
	case s.Tenant == "organizations" && personal, s.Tenant == "consumers" && !personal,
		len(s.Tenants) > 0 && !slices.Contains(s.Tenants, tenant):
		return "", fmt.Errorf("accounts of the tenant %s may not sign in here", tenant)
	}
	return microsoftHost + tenant + "/v2.0", nil
}

// vouchedByMicrosoft: any administrator of a tenant can write any address into the
// claim email. It counts only if the tenant has proved that it owns the domain.
func vouchedByMicrosoft(c idClaims) bool { return bool(c.DomainOwner) }
