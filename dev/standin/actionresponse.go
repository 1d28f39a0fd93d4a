package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/metadata"
)

// actionResponse is what an action's handler said.
type actionResponse struct {
	action *metadata.Action
	body   actionBody
	status int
	header http.Header
	text   []byte
}

// value checks the answer in Hasura's order: JSON, then status, then shape.
func (a actionResponse) value(types ast.DefinitionList) (any, *graphqlError) {
	value, ok := jsonValue(a.text)
	switch {
	case !ok:
		f := unexpected("not a valid json response from webhook")
		f.Status = http.StatusInternalServerError
		f.Internal = a.internal("invalid JSON: " + string(a.text))
		return nil, f
	case a.status >= 400 && a.status <= 499:
		return nil, a.refusal(value)
	case a.status < 200 || a.status > 299:
		f := unexpected("internal error")
		f.Status = http.StatusInternalServerError
		f.Internal = a.internal(fmt.Sprintf("expecting 2xx or 4xx status code, but found %d", a.status))
		return nil, f
	}
	if wrong := checkShape(value, a.action.Output, types); wrong != "" {
		f := unexpected("%s", wrong)
		f.Internal = a.internal("unexpected response")
		return nil, f
	}
	return value, nil
}

// refusal is a 4xx answer. The handler's extensions replace Hasura's own; without
// them its top-level code is used.
func (a actionResponse) refusal(value any) *graphqlError {
	const parser = "parsing Hasura.GraphQL.Execute.Action.Types.ActionWebhookErrorResponse(ActionWebhookErrorResponse) failed, "
	object, isObject := value.(map[string]any)
	message, isText := object["message"].(string)
	if !isText {
		why := "expected Object, but encountered " + jsonTypeName(value)
		if isObject {
			why = `key "message" not found`
		}
		return &graphqlError{Message: parser + why, Code: "parse-failed", Internal: a.internal("unexpected response")}
	}
	f := &graphqlError{Message: message, Code: "unexpected", Status: a.status}
	if code, ok := object["code"].(string); ok {
		f.Code = code
	}
	if extensions := object["extensions"]; extensions != nil {
		f.Extensions = mustJSON(extensions)
	}
	return f
}

func (a actionResponse) internal(reason string) actionInternal {
	type line struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	lines := []line{}
	for name, values := range a.header {
		for _, v := range values {
			lines = append(lines, line{name, v})
		}
	}
	slices.SortFunc(lines, func(x, y line) int { return strings.Compare(x.Name, y.Name) })
	var body any = string(a.text)
	if json.Valid(a.text) {
		body = json.RawMessage(a.text)
	}
	return actionInternal{
		Error:    reason,
		Request:  internalRequestOf(a.action, a.body),
		Response: map[string]any{"status": a.status, "body": body, "headers": lines},
	}
}

// checkShape compares a good answer with the output type, only at the first level, and
// returns what is wrong, or "". It ignores scalars inside an object and types of the
// database.
func checkShape(value any, t *ast.Type, types ast.DefinitionList) string {
	const where = "for the action webhook response"
	if value == nil {
		if t.NonNull {
			return "got null " + where
		}
		return ""
	}
	list, isList := value.([]any)
	if t.Elem != nil {
		if !isList {
			return "expecting array " + where
		}
		for _, e := range list {
			if wrong := checkShape(e, t.Elem, types); wrong != "" {
				return wrong
			}
		}
		return ""
	}
	object, isObject := value.(map[string]any)
	def := types.ForName(t.NamedType)
	isObjectType := def != nil && def.Kind == ast.Object
	if !isObjectType && !slices.Contains(builtInScalars, t.NamedType) {
		return ""
	}
	switch {
	case isList:
		return fmt.Sprintf("got array %s, expecting %s", where, t.NamedType)
	case !isObjectType && isObject:
		return fmt.Sprintf("got object %s, expecting %s", where, t.NamedType)
	case !isObjectType:
		return ""
	case !isObject:
		if _, isBool := value.(bool); isBool {
			return fmt.Sprintf("got scalar Boolean %s, expecting %s", where, t.NamedType)
		}
		return fmt.Sprintf("got scalar String %s, expecting %s", where, t.NamedType)
	}
	for _, f := range def.Fields {
		inner, given := object[f.Name]
		switch {
		case !f.Type.NonNull:
		case !given:
			return fmt.Sprintf("field %q expected in webhook response, but not found", f.Name)
		case inner == nil:
			return fmt.Sprintf("expecting not null value for field %q", f.Name)
		}
	}
	return ""
}

// renderAction picks the selected fields out of a handler's answer.
func renderAction(value any, selection []*field) json.RawMessage {
	switch v := value.(type) {
	case []any:
		values := make([]json.RawMessage, len(v))
		for i, e := range v {
			values[i] = renderAction(e, selection)
		}
		return array(values)
	case map[string]any:
		if len(selection) == 0 { // a scalar that is made of JSON
			return mustJSON(v)
		}
		var o object
		for _, f := range selection {
			switch {
			case f.name == "__typename":
				o.add(f.key, mustJSON(f.parent.Name))
			case len(f.selection) == 0:
				o.add(f.key, mustJSON(v[f.name]))
			default:
				// Hasura looks a nested object up by its alias and leaves it out if it
				// is missing.
				if inner, ok := v[f.key]; ok {
					o.add(f.key, renderAction(inner, f.selection))
				}
			}
		}
		return o.json()
	default:
		return mustJSON(v)
	}
}
