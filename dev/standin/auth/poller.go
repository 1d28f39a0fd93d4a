package auth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// DefaultCycle is how often Hasura looks whether its key set is due.
const DefaultCycle = 60 * time.Second

// maxKeySetBytes bounds an answer of the JWKS endpoint.
const maxKeySetBytes = 1 << 20

// poller holds the key set of a JWKS endpoint and renews it only by the clock: neither
// an unknown key id nor a failed signature causes a fetch.
type poller struct {
	url    string
	client *http.Client
	now    func() time.Time
	report func(error)

	mu     sync.RWMutex
	keys   keySet
	due    time.Time // zero: no expiry known
	hasDue bool
}

// newPoller makes a poller with an empty set. report hears of failed fetches.
func newPoller(url string, now func() time.Time, report func(error)) *poller {
	return &poller{url: url, client: &http.Client{Timeout: 30 * time.Second}, now: now, report: report}
}

// probe fetches the set and throws it away, as Hasura does at start: a set that
// cannot be had or parsed is fatal then.
func (p *poller) probe(ctx context.Context) error {
	_, _, err := p.fetch(ctx)
	return err
}

// check is one cycle: it fetches if the set is empty or its expiry has come. A
// set without known expiry is never fetched again. A failed fetch leaves keys
// and expiry as they were.
func (p *poller) check(ctx context.Context) {
	p.mu.RLock()
	due := len(p.keys) == 0 || p.hasDue && !p.now().Before(p.due)
	p.mu.RUnlock()
	if !due {
		return
	}
	keys, header, err := p.fetch(ctx)
	if err != nil {
		p.report(err)
		return
	}
	at, known, err := expiry(header, p.now())
	if err != nil {
		p.report(fmt.Errorf("caching headers of %s: %w", p.url, err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
	if known {
		p.due, p.hasDue = at, true
	}
}

func (p *poller) set() keySet {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.keys
}

func (p *poller) fetch(ctx context.Context) (keySet, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the key set: %w", err)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the key set: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, nil, fmt.Errorf("fetching the key set: non-2xx response from %s", p.url)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeySetBytes))
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the key set: %w", err)
	}
	keys, err := parseJWKS(body)
	if err != nil {
		return nil, nil, fmt.Errorf("parsing the key set of %s: %w", p.url, err)
	}
	return keys, res.Header, nil
}
