package standin

import "encoding/json"

// object builds a JSON object whose keys keep the order in which they came, as
// GraphQL answers have to.
type object struct{ members []byte }

func (o *object) add(key string, value json.RawMessage) {
	if len(o.members) > 0 {
		o.members = append(o.members, ',')
	}
	o.members = append(o.members, mustJSON(key)...)
	o.members = append(o.members, ':')
	o.members = append(o.members, value...)
}

func (o *object) json() json.RawMessage {
	return append(append(json.RawMessage{'{'}, o.members...), '}')
}

// array is a JSON array of the given values.
func array(values []json.RawMessage) json.RawMessage {
	b := json.RawMessage{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

var jsonNull = json.RawMessage("null")
