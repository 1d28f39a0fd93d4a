package metadata

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
)

// projectConfig is config.yaml, with every key that the CLI knows.
type projectConfig struct {
	Version               int    `yaml:"version"`
	Endpoint              string `yaml:"endpoint"`
	AdminSecret           string `yaml:"admin_secret"`
	InsecureSkipTLSVerify bool   `yaml:"insecure_skip_tls_verify"`
	CertificateAuthority  string `yaml:"certificate_authority"`
	APIPaths              any    `yaml:"api_paths"`
	MetadataDirectory     string `yaml:"metadata_directory"`
	MigrationsDirectory   string `yaml:"migrations_directory"`
	SeedsDirectory        string `yaml:"seeds_directory"`
	Actions               any    `yaml:"actions"`
}

// source is an entry of databases.yaml; tables may be an include.
type source struct {
	Name             string              `yaml:"name"`
	Kind             string              `yaml:"kind"`
	Configuration    SourceConfiguration `yaml:"configuration"`
	Tables           any                 `yaml:"tables"`
	Functions        any                 `yaml:"functions"`
	QueryTags        any                 `yaml:"query_tags"`
	Customization    any                 `yaml:"customization"`
	HealthCheck      any                 `yaml:"health_check"`
	LogicalModels    any                 `yaml:"logical_models"`
	NativeQueries    any                 `yaml:"native_queries"`
	StoredProcedures any                 `yaml:"stored_procedures"`
}

// SourceConfiguration is how Hasura reaches a database.
type SourceConfiguration struct {
	ConnectionInfo struct {
		DatabaseURL           DatabaseURL    `yaml:"database_url"`
		IsolationLevel        string         `yaml:"isolation_level"`
		UsePreparedStatements bool           `yaml:"use_prepared_statements"`
		PoolSettings          map[string]any `yaml:"pool_settings"`
		SSLConfiguration      any            `yaml:"ssl_configuration"`
	} `yaml:"connection_info"`
	ExtensionsSchema string `yaml:"extensions_schema"`
	ReadReplicas     any    `yaml:"read_replicas"`
}

// DatabaseURL is a connection URL given through the environment or a file.
type DatabaseURL struct {
	FromEnv         string `yaml:"from_env"`
	DynamicFromFile string `yaml:"dynamic_from_file"`
}

// otherFiles are the top-level files that the CLI knows and the stand-in does
// not serve.
var otherFiles = []string{
	"allow_list", "cron_triggers", "query_collections", "remote_schemas", "rest_endpoints",
	"inherited_roles", "network", "opentelemetry", "backend_configs", "api_limits",
	"graphql_schema_introspection", "metrics_config",
}

// Load reads the project whose config.yaml lies at the root of the file system.
func Load(project fs.FS) (*Metadata, error) {
	var cfg projectConfig
	if err := decodeFile(project, "config.yaml", &cfg); err != nil {
		return nil, err
	}
	if cfg.Version != 3 || cfg.MetadataDirectory == "" {
		return nil, errors.New("config.yaml: version must be 3 and metadata_directory must be set")
	}
	dir, err := fs.Sub(project, cfg.MetadataDirectory)
	if err != nil {
		return nil, fmt.Errorf("metadata_directory: %w", err)
	}
	m := &Metadata{}
	return m, errors.Join(
		checkFiles(dir),
		checkVersion(dir),
		m.loadSources(dir),
		m.loadActions(dir),
		m.noteUnserved(dir),
	)
}

func checkVersion(dir fs.FS) error {
	var version struct {
		Version int `yaml:"version"`
	}
	if err := decodeFile(dir, "version.yaml", &version); err != nil {
		return err
	}
	if version.Version != 3 {
		return fmt.Errorf("version.yaml: version is %d, not 3", version.Version)
	}
	return nil
}

// checkFiles refuses top-level files that the CLI would pass over.
func checkFiles(dir fs.FS) error {
	known := map[string]bool{"version.yaml": true, "databases": true, "actions.yaml": true, "actions.graphql": true}
	for _, name := range otherFiles {
		known[name+".yaml"] = true
	}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return fmt.Errorf("reading the metadata directory: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !known[e.Name()] {
			errs = append(errs, fmt.Errorf("%s: the CLI knows no such metadata file", e.Name()))
		}
	}
	return errors.Join(errs...)
}

func (m *Metadata) loadSources(dir fs.FS) error {
	const file = "databases/databases.yaml"
	var sources []source
	if err := decodeFile(dir, file, &sources); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a missing top-level file counts as empty
		}
		return err
	}
	for _, s := range sources {
		if s.Kind != "postgres" {
			return fmt.Errorf("%s: source %s is of kind %q, only postgres is served", file, s.Name, s.Kind)
		}
		tables, err := loadTables(dir, file, s.Tables)
		if err != nil {
			return fmt.Errorf("source %s: %w", s.Name, err)
		}
		m.Sources = append(m.Sources, Source{Name: s.Name, Configuration: s.Configuration, Tables: tables})
		for name, value := range map[string]any{
			"functions": s.Functions, "customization": s.Customization, "logical_models": s.LogicalModels,
			"native_queries": s.NativeQueries, "stored_procedures": s.StoredProcedures,
		} {
			if value != nil {
				m.Unserved = append(m.Unserved, name+" of source "+s.Name)
			}
		}
	}
	return nil
}

// loadTables resolves includes, which the CLI does under tables and functions
// only, relative to the file that holds them.
func loadTables(dir fs.FS, file string, value any) ([]Table, error) {
	if target, ok := includeTarget(value); ok {
		file = path.Join(path.Dir(file), target)
		var list any
		if err := decodeFile(dir, file, &list); err != nil {
			return nil, err
		}
		return loadTables(dir, file, list)
	}
	if value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: tables is not a list", file)
	}
	tables := make([]Table, len(list))
	for i, entry := range list {
		var err error
		if target, ok := includeTarget(entry); ok {
			err = decodeFile(dir, path.Join(path.Dir(file), target), &tables[i])
		} else {
			err = redecode(file, entry, &tables[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func includeTarget(value any) (string, bool) {
	text, ok := value.(string)
	if !ok || !strings.Contains(text, "!include") {
		return "", false
	}
	_, target, _ := strings.Cut(text, "!include")
	return strings.TrimSpace(target), true
}

func (m *Metadata) noteUnserved(dir fs.FS) error {
	for _, s := range m.Sources {
		for _, t := range s.Tables {
			m.Unserved = append(m.Unserved, t.unserved()...)
		}
	}
	for _, name := range otherFiles {
		var content any
		err := decodeFile(dir, name+".yaml", &content)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if list, isList := content.([]any); content != nil && (!isList || len(list) > 0) {
			m.Unserved = append(m.Unserved, name)
		}
	}
	sort.Strings(m.Unserved)
	return nil
}

func decodeFile(dir fs.FS, file string, into any) error {
	b, err := fs.ReadFile(dir, file)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(b, into, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, false))
	}
	return nil
}

func redecode(file string, value, into any) error {
	b, err := yaml.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := yaml.UnmarshalWithOptions(b, into, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, false))
	}
	return nil
}
