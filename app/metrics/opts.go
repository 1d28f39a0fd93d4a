package metrics

import "github.com/prometheus/client_golang/prometheus"

// Names and help texts. docs/metrics.md is generated from them.
var (
	attemptsOpts = prometheus.CounterOpts{
		Name: "login_attempts_total",
		Help: "Calls of use cases by result: ok, the code of the error, or caller-gone if the caller had left. Each call in a batch or a WebSocket frame counts.",
	}
	httpRequestsOpts = prometheus.CounterOpts{
		Name: "login_http_requests_total",
		Help: "Requests to the API listener by interface (rest, action, page, or other: no such route) and class of status.",
	}
	httpSecondsOpts = prometheus.HistogramOpts{
		Name:    "login_http_request_seconds",
		Help:    "Time from a request's head to the end of its answer, including the wait in the hash queue, by operation. REST, the action and the page's form of a use case count together; use cases without a histogram of their own are other.",
		Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5},
	}
	hashSecondsOpts = prometheus.HistogramOpts{
		Name:    "login_hash_seconds",
		Help:    "Time one password hash took on its worker, without the wait.",
		Buckets: []float64{.025, .05, .1, .2, .3, .5, .75, 1, 2},
	}
	queueSecondsOpts = prometheus.HistogramOpts{
		Name:    "login_hash_queue_seconds",
		Help:    "Time a password hash waited for a free worker.",
		Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2, 5},
	}
	queueLengthOpts = prometheus.GaugeOpts{
		Name: "login_hash_queue_length",
		Help: "Password hashes waiting for a free worker now.",
	}
	hashWorkersOpts = prometheus.GaugeOpts{
		Name: "login_hash_workers",
		Help: "Worker threads of the hash limiter.",
	}
	hashRefusedOpts = prometheus.CounterOpts{
		Name: "login_hash_refused_total",
		Help: "Password hashes refused without any work, because the wait would have been too long or the client has half of the places.",
	}
	throttledOpts = prometheus.CounterOpts{
		Name: "login_throttled_total",
		Help: "Attempts refused by a limit, by the narrowest limit that refused them: client (IPv4 /32, IPv6 /64), client-wide (wider ranges), account, device, session, unknown (one limit for all calls whose client is not known), or request (more than 10 actions for one request).",
	}
	degradedOpts = prometheus.GaugeOpts{
		Name: "login_limiter_degraded",
		Help: "1 while Redis cannot be reached and each replica counts limits on its own.",
	}
	sessionsOpts = prometheus.CounterOpts{
		Name: "login_sessions_total",
		Help: "Events of sessions: started, refreshed, reused (a spent refresh token was used again and its session ended), ended (one), ended-all (all of a user).",
	}
	tokensOpts = prometheus.CounterOpts{
		Name: "login_tokens_issued_total",
		Help: "Access tokens signed, by algorithm.",
	}
	auditOpts = prometheus.CounterOpts{
		Name: "login_audit_events_total",
		Help: "Audit events written by this process, by name. Operators' actions are only in the audit trail.",
	}
	auditWritableOpts = prometheus.GaugeOpts{
		Name: "login_audit_writable",
		Help: "0 while audit events cannot be written.",
	}
	auditLostOpts = prometheus.CounterOpts{
		Name: "login_audit_lost_total",
		Help: "Audit events that were written to the log instead of the audit trail.",
	}
	auditDisplacedOpts = prometheus.CounterOpts{
		Name: "login_audit_displaced_total",
		Help: "Files of the audit trail that were deleted early for lack of space.",
	}
	logDroppedOpts = prometheus.CounterOpts{
		Name: "login_log_dropped_total",
		Help: "Log lines that were dropped because nothing read the log.",
	}
	storeSecondsOpts = prometheus.SummaryOpts{
		Name: "login_store_seconds",
		Help: "Time of calls to the database, by operation (a short description; a series exists from the first such call) and outcome: ok, refused (the database said no, or the caller left), error (a defect), and unavailable. Unavailable has one series for all operations, because then they all fail.",
	}
	storeLatencyOpts = prometheus.HistogramOpts{
		Name:    "login_store_latency_seconds",
		Help:    "The same times for all operations and outcomes together, for percentiles.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .5, 2},
	}
	mailOpts = prometheus.CounterOpts{
		Name: "login_mail_total",
		Help: "Attempts to send a mail, by kind and result: sent, postponed (failed, will be retried), abandoned (refused for good, or a day old), no-smtputf8 (given up: the mailbox name is not ASCII, and the mail server does not offer SMTPUTF8), void (no longer needed: its link was replaced or voided).",
	}
	mailQueueOpts = prometheus.GaugeOpts{
		Name: "login_mail_queue_length",
		Help: "Mails that wait to be sent, as last counted, at most 10000. All replicas share one queue.",
	}
	providerOpts = prometheus.CounterOpts{
		Name: "login_provider_requests_total",
		Help: "Steps of sign-ins with a provider (its address looked up, a code redeemed) by how they ended: ok, refused (it has not confirmed the person), unavailable (it did not answer as it should).",
	}
	buildInfoOpts = prometheus.GaugeOpts{
		Name: "login_build_info",
		Help: "Always 1; the labels name the release and the Go version it was built with.",
	}

	keyStateDesc = prometheus.NewDesc("login_key_state",
		"Signing keys in the ring by state: pending (published, not yet used), active, retired (still published for tokens that have not expired).",
		[]string{"state"}, nil)
	keyAgeDesc = prometheus.NewDesc("login_key_active_age_seconds",
		"How long the active signing key has been in use; 0 without one.", nil, nil)
	keyProblemsDesc = prometheus.NewDesc("login_key_problems",
		"Problems of the key ring, as 'hasura-login keys list' shows them, such as a ring that cannot be read at present.", nil, nil)
)
