package main

import (
	"encoding/json"
	"net/http"
)

// call is a request to the metadata API or the query API.
type call struct {
	Type string          `json:"type"`
	Args json.RawMessage `json:"args"`
}

// maxCall bounds a request of an admin.
const maxCall = 8 << 20

// adminAPI serves the few calls that the migrations job needs.
func (e *engine) adminAPI(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Hasura-Admin-Secret") != e.settings.adminSecret {
		answer(w, http.StatusUnauthorized, map[string]string{"path": "$", "error": "invalid \"x-hasura-admin-secret\"/\"x-hasura-access-key\"", "code": "access-denied"})
		return
	}
	var c call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&c); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"path": "$", "error": err.Error(), "code": "invalid-json"})
		return
	}
	result, err := e.do(r, c)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"path": "$", "error": err.Error(), "code": "unexpected"})
		return
	}
	answer(w, http.StatusOK, result)
}

func (e *engine) do(r *http.Request, c call) (any, error) {
	ctx := r.Context()
	success := map[string]string{"message": "success"}
	switch c.Type {
	case "export_metadata":
		text, _, err := e.catalog.metadata(ctx)
		return json.RawMessage(text), err
	case "replace_metadata":
		var project []byte
		if err := json.Unmarshal(c.Args, &project); err != nil {
			return nil, err
		}
		if err := e.catalog.replace(ctx, project); err != nil {
			return nil, err
		}
		return success, e.load(ctx)
	case "reload_metadata":
		if err := e.catalog.reload(ctx); err != nil {
			return nil, err
		}
		return success, e.load(ctx)
	case "get_inconsistent_metadata":
		problems := append([]string{}, e.now.Load().Problems()...)
		return map[string]any{"is_consistent": len(problems) == 0, "inconsistent_objects": problems}, nil
	case "get_catalog_state":
		return e.catalog.cliState(ctx)
	case "set_catalog_state":
		return success, e.catalog.setCLIState(ctx, c.Args)
	case "run_sql":
		return success, e.runSQL(r, c.Args)
	default:
		return nil, unknownCall(c.Type)
	}
}

// runSQL runs one file: many statements, one transaction.
func (e *engine) runSQL(r *http.Request, args json.RawMessage) error {
	var a struct {
		Source string `json:"source"`
		SQL    string `json:"sql"`
	}
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	if e.source == nil {
		return unknownSource(a.Source)
	}
	// Without arguments the driver sends everything at once, and Postgres runs it as
	// one transaction.
	_, err := e.source.ExecContext(r.Context(), a.SQL)
	return err
}

type unknownCall string

func (u unknownCall) Error() string { return "the stand-in has no call " + string(u) }

type unknownSource string

func (u unknownSource) Error() string { return "source with name \"" + string(u) + "\" does not exist" }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
