package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hasura-login/app/config"
	"hasura-login/dev/standin/auth"
)

// known are the engine's variables. Unlike the engine, the stand-in refuses any
// other HASURA_ variable: a misspelt one would go unnoticed.
var known = []string{
	"ACCESS_KEY", "ADMIN_INTERNAL_ERRORS", "ADMIN_SECRET", "ASYNC_ACTIONS_FETCH_BATCH_SIZE", "ASYNC_ACTIONS_FETCH_INTERVAL", "AUTH_HOOK",
	"CLOSE_WEBSOCKETS_ON_METADATA_CHANGE", "CONFIGURED_HEADER_PRECEDENCE", "CONSOLE_ASSETS_DIR", "CORS_DOMAIN", "DATABASE_URL", "DEV_MODE", "DISABLE_CORS", "DISABLE_EVENTING", "DISABLE_EVENT_PROCESSING",
	"DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX", "ENABLED_APIS", "ENABLED_LOG_TYPES", "ENABLE_ALLOWLIST", "ENABLE_CONSOLE", "ENABLE_RELAY", "ENABLE_TELEMETRY",
	"ENDPOINT", "EVENTS_FETCH_BATCH_SIZE", "EVENTS_FETCH_INTERVAL", "EVENTS_HTTP_POOL_SIZE", "GRACEFUL_SHUTDOWN_TIMEOUT",
	"HTTP_LOG_QUERY_ONLY_ON_ERROR", "INFER_FUNCTION_PERMISSIONS", "JWT_SECRET", "LIVE_QUERIES_MULTIPLEXED_BATCH_SIZE",
	"LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL", "LOG_LEVEL", "MAX_TOTAL_HEADER_LENGTH", "METADATA_DATABASE_URL", "NO_OF_RETRIES", "PG_CONNECTIONS",
	"PG_CONN_LIFETIME", "PG_POOL_TIMEOUT", "PG_STRIPES", "PG_TIMEOUT", "PRESERVE_401_ERRORS", "REDACT_ACTION_HANDLER_LOGS",
	"SCHEMA_SYNC_POLL_INTERVAL", "SERVER_HOST",
	"SERVER_PORT", "SERVER_TIMEOUT", "STRINGIFY_NUMERIC_TYPES", "UNAUTHORIZED_ROLE", "WEBSOCKET_CONNECTION_INIT_TIMEOUT",
	"WEBSOCKET_KEEPALIVE", "WEBSOCKET_QUEUE_SIZE", "WS_READ_COOKIE",
}

const prefix = "HASURA_GRAPHQL_"

// settings are the engine's environment and flags.
type settings struct {
	env map[string]string

	listen      string
	adminSecret string
	jwt         *auth.JWT // nil: admin secret only
	metadataURL string
	apis        []string

	headerPrecedence, preserve401, devMode bool
}

func readSettings(args, environ []string) (settings, error) {
	s := settings{env: map[string]string{}}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		s.env[name] = value
		if short, ours := strings.CutPrefix(name, prefix); ours && !slices.Contains(known, short) {
			return s, fmt.Errorf("%s: the engine knows no such variable", name)
		}
	}
	if err := s.readFlags(args); err != nil {
		return s, err
	}
	secret, set := s.env[prefix+"ADMIN_SECRET"]
	if !set || secret == "" {
		return s, errors.New("the admin secret is not set or empty: everybody would be admin")
	}
	s.adminSecret = secret
	s.metadataURL = s.env[prefix+"METADATA_DATABASE_URL"]
	if s.metadataURL == "" {
		return s, errors.New("no database for the metadata: set " + prefix + "METADATA_DATABASE_URL")
	}
	if role, set := s.env[prefix+"UNAUTHORIZED_ROLE"]; set && role == "" {
		return s, errors.New("the unauthorized role is empty")
	}
	if text, set := s.env[prefix+"JWT_SECRET"]; set {
		var err error
		if s.jwt, err = auth.ParseJWT(text); err != nil {
			return s, err
		}
	}
	return s, s.readBooleans()
}

// readFlags reads "serve" and its flags, which beat the environment.
func (s *settings) readFlags(args []string) error {
	if len(args) == 0 || args[0] != "serve" {
		return errors.New("the only command is: serve")
	}
	get := func(name, otherwise string) string {
		if value, set := s.env[prefix+name]; set {
			return value
		}
		return otherwise
	}
	host, port, apis := get("SERVER_HOST", ""), get("SERVER_PORT", "8080"), get("ENABLED_APIS", "metadata,graphql,pgdump,config")
	flags := map[string]*string{"--server-host": &host, "--server-port": &port, "--enabled-apis": &apis}
	for rest := args[1:]; len(rest) > 0; {
		name, value, together := strings.Cut(rest[0], "=")
		rest = rest[1:]
		if !together && len(rest) > 0 {
			value, rest = rest[0], rest[1:]
		}
		into := flags[name]
		if into == nil {
			return fmt.Errorf("unknown flag %s (known: %v)", name, slices.Sorted(maps.Keys(flags)))
		}
		*into = value
	}
	s.listen = host + ":" + port
	for api := range strings.SplitSeq(apis, ",") {
		api = strings.TrimSpace(api)
		if !slices.Contains([]string{"metadata", "graphql", "pgdump", "config", "developer", "metrics"}, api) {
			return fmt.Errorf("unknown API %q", api)
		}
		s.apis = append(s.apis, api)
	}
	return nil
}

// readBooleans: whatever is not a plain yes or no ends the engine too.
func (s *settings) readBooleans() error {
	into := map[string]*bool{"CONFIGURED_HEADER_PRECEDENCE": &s.headerPrecedence, "PRESERVE_401_ERRORS": &s.preserve401, "DEV_MODE": &s.devMode}
	for _, name := range []string{"ENABLE_TELEMETRY", "ENABLE_CONSOLE", "ADMIN_INTERNAL_ERRORS"} {
		into[name] = new(bool)
	}
	for name, value := range into {
		text, set := s.env[prefix+name]
		if !set {
			continue
		}
		switch strings.ToLower(text) {
		case "true", "t", "yes", "y":
			*value = true
		case "false", "f", "no", "n":
		default:
			return fmt.Errorf("%s%s: %q is neither true nor false", prefix, name, text)
		}
	}
	return nil
}

func (s *settings) lookup(name string) (string, bool) { v, ok := s.env[name]; return v, ok }

func (s *settings) serves(api string) bool { return slices.Contains(s.apis, api) }

// allowOrigin is the engine's CORS policy. A pattern such as https://*.example.org
// stands for one label.
func (s *settings) allowOrigin() func(string) bool {
	domains, set := s.env[prefix+"CORS_DOMAIN"]
	if !set || domains == "*" {
		return nil
	}
	var allowed []string
	for domain := range strings.SplitSeq(domains, ",") {
		allowed = append(allowed, strings.TrimSpace(domain))
	}
	return config.AllowOrigin(allowed)
}
