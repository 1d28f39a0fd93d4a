package ratelimit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// redisTimeout bounds every step of a call: waiting for a connection, making one,
	// writing, reading. It is far more than a nearby Redis needs, even on saturated
	// cores, and far less than users are willing to wait: when Redis hangs, the
	// attempts under way wait this long once, the next ones not at all.
	redisTimeout = 250 * time.Millisecond
	// redisSlack keeps a counter longer than its window, as the clocks of the
	// processes that share it may differ a little.
	redisSlack = 2 * time.Second
	// redisRetire is how long a client outlives its URL, for calls on their way.
	redisRetire = time.Second
	// redisConns are connected ahead, because a burst of attempts is the worst
	// moment to dial. At some 40 µs a call they carry 200,000 a second.
	redisConns = 8
	// redisBuffer holds any call but the first of each script, bytes.
	redisBuffer = 4 << 10
	// redisPrefix keeps all counters in one hash slot, as a script over several
	// keys needs in a cluster.
	redisPrefix = "{login-limit}:"
	redisMark   = redisPrefix + "mark"
	maxMark     = 1 << 52 // a script's numbers are exact up to here
)

// takeScript adds to all counters, or to none. For each key: cost, limit (0:
// none) and milliseconds to live, in ARGV. It answers whether it refused, the
// number of the deciding key (0: none has a limit), that one's count, and the
// mark. A refusal reports the counter that stays longest, a grant the one with
// the least left.
//
// The last key is the mark, a random number from the last ARGV that is set if there is
// none: a different mark means that the counts were lost in between.
var takeScript = redis.NewScript(`
local held = redis.call('MGET', unpack(KEYS))
local n, mark = #KEYS - 1, held[#KEYS]
if not mark then
  mark = ARGV[#ARGV]
  redis.call('SET', KEYS[#KEYS], mark)
end
local refused, at, count, life, left = 0, 0, 0, -1, math.huge
for i = 1, n do
  local cost, limit, ttl = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  held[i] = tonumber(held[i] or 0)
  if limit > 0 then
    if held[i] + cost > limit then
      if ttl > life then refused, at, count, life = 1, i, held[i], ttl end
    elseif refused == 0 and limit - held[i] - cost < left then
      at, count, left = i, held[i] + cost, limit - held[i] - cost
    end
  end
end
if refused == 0 then
  for i = 1, n do
    redis.call('INCRBY', KEYS[i], ARGV[3*i-2])
    if held[i] == 0 then redis.call('PEXPIRE', KEYS[i], ARGV[3*i]) end
  end
end
return {refused, at, count, tonumber(mark)}
`)

// refundScript gives back. For each group of keys, the first of which is its
// ledger: the number of keys and the amount (0: all that the ledger holds), in
// ARGV. A counter that is gone stays gone.
var refundScript = redis.NewScript(`
local at = 0
for g = 1, #ARGV, 2 do
  local n, amount = tonumber(ARGV[g]), tonumber(ARGV[g+1])
  local held = tonumber(redis.call('GET', KEYS[at+1]) or 0)
  if amount == 0 or amount > held then amount = held end
  if amount > 0 then
    for i = at + 1, at + n do
      local v = tonumber(redis.call('GET', KEYS[i]) or 0)
      if v > amount then redis.call('DECRBY', KEYS[i], amount) elseif v > 0 then redis.call('DEL', KEYS[i]) end
    end
  end
  at = at + n
end
return {}
`)

// silent keeps the library from writing to stderr; the Observer reports that Redis is
// away.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var silenceOnce sync.Once

// redisStore keeps counts in Redis, each call in one round trip.
type redisStore struct {
	url func() string

	mu      sync.Mutex
	current string // URL of client
	client  *redis.Client
}

func newRedisStore(url func() string) (*redisStore, error) {
	silenceOnce.Do(func() { redis.SetLogger(silent{}) })
	r := &redisStore{url: url}
	_, err := r.connection()
	return r, err
}

// errRedisURL does not wrap its cause, which quotes the URL with its password.
var errRedisURL = errors.New("the Redis URL is not one (redis://user:password@host:port/db, or redis://sentinel1:26379/db?master_name=name&addr=sentinel2:26379&username=user&password=password)")

// CheckRedisURL returns what is wrong with a URL, without repeating the URL.
func CheckRedisURL(url string) error {
	client, err := newRedisClient(url, 0)
	if err == nil {
		_ = client.Close()
	}
	return err
}

// newRedisClient makes a client that keeps some connections ready. If the URL has a
// master_name, its servers are Sentinels, and the client follows the master that they
// name.
func newRedisClient(address string, ready int) (*redis.Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errRedisURL
	}
	if u.Query().Get("master_name") != "" {
		return newFailoverClient(address, ready)
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		return nil, errRedisURL
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	opts.PoolTimeout = redisTimeout
	opts.MaxRetries, opts.DialerRetries = -1, 1 // memory takes over instead
	opts.PoolSize, opts.MinIdleConns = redisConns, ready
	opts.PipelinePoolSize = -1
	opts.ReadBufferSize, opts.WriteBufferSize = redisBuffer, redisBuffer
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(opts), nil
}

func newFailoverClient(address string, ready int) (*redis.Client, error) {
	opts, err := redis.ParseFailoverURL(address)
	if err != nil || opts.RouteByLatency || opts.RouteRandomly || opts.ReplicaOnly {
		return nil, errRedisURL
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	opts.PoolTimeout = redisTimeout
	opts.MaxRetries, opts.DialerRetries = -1, 1
	opts.PoolSize, opts.MinIdleConns = redisConns, ready
	opts.PipelinePoolSize = -1
	opts.ReadBufferSize, opts.WriteBufferSize = redisBuffer, redisBuffer
	opts.DisableIdentity = true
	return redis.NewFailoverClient(opts), nil
}

// connection returns the client for the URL of now.
func (r *redisStore) connection() (*redis.Client, error) {
	address := r.url()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil && address == r.current {
		return r.client, nil
	}
	client, err := newRedisClient(address, redisConns)
	if err != nil {
		return nil, err
	}
	if old := r.client; old != nil {
		time.AfterFunc(redisRetire, func() { _ = old.Close() })
	}
	r.current, r.client = address, client
	return r.client, nil
}

func (r *redisStore) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.client.Close()
}

// run runs a script whether or not the caller is still there: a counter left
// half settled would punish the next caller.
func (r *redisStore) run(ctx context.Context, script *redis.Script, keys []string, args []any) ([]int64, error) {
	client, err := r.connection()
	if err != nil {
		return nil, err
	}
	return script.Run(context.WithoutCancel(ctx), client, keys, args...).Int64Slice()
}

// take adds all hits, or none if one would exceed its limit.
func (r *redisStore) take(ctx context.Context, now time.Time, hits []hit) (verdict, error) {
	keys := make([]string, 0, len(hits)+1)
	args := make([]any, 0, 3*len(hits)+1)
	for i := range hits {
		c := &hits[i]
		keys = append(keys, redisKey(c))
		args = append(args, c.cost, c.limit, (c.left(now) + redisSlack).Milliseconds())
	}
	keys = append(keys, redisMark)
	args = append(args, 1+rand.Int64N(maxMark)) // #nosec G404 -- no secret, only unlike the last
	answer, err := r.run(ctx, takeScript, keys, args)
	if err != nil {
		return verdict{}, fmt.Errorf("counting in Redis: %w", err)
	}
	if len(answer) != 4 || answer[1] < 0 || answer[1] > int64(len(hits)) {
		return verdict{}, errors.New("counting in Redis: unexpected answer")
	}
	return verdict{refused: answer[0] == 1, deciding: int(answer[1]) - 1, count: answer[2], shared: true, mark: answer[3]}, nil
}

// refund gives back in the windows that have not ended.
func (r *redisStore) refund(ctx context.Context, now time.Time, refunds []refund) error {
	var keys []string
	var args []any
	for i := range refunds {
		p := &refunds[i]
		if p.ledger.left(now) <= 0 {
			continue
		}
		amount := p.ledger.cost
		if p.all {
			amount = 0
		}
		keys = append(keys, redisKey(&p.ledger))
		for j := range p.along {
			keys = append(keys, redisKey(&p.along[j]))
		}
		args = append(args, 1+len(p.along), amount)
	}
	if len(keys) == 0 {
		return nil
	}
	if _, err := r.run(ctx, refundScript, keys, args); err != nil {
		return fmt.Errorf("giving back in Redis: %w", err)
	}
	return nil
}

// redisKey names a counter in one window.
func redisKey(c *hit) string {
	b := make([]byte, 0, len(redisPrefix)+48)
	b = append(b, redisPrefix...)
	b = base64.RawURLEncoding.AppendEncode(b, c.id[:])
	b = append(b, ':')
	b = strconv.AppendInt(b, c.period, 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, c.window, 10)
	return string(b)
}
