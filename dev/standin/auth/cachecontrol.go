package auth

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// expiresFormat is the only form of the Expires header that Hasura reads.
const expiresFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// expiry says when a key set is due for its next fetch. known is false if the headers
// do not say; the caller then keeps its present time.
func expiry(h http.Header, now time.Time) (at time.Time, known bool, err error) {
	// Only the first Cache-Control header counts.
	directives := parseCacheControl(h.Get("Cache-Control"))
	age, hasAge, err := maxAge(directives)
	_, mustRevalidate := directives.find("must-revalidate")
	_, noCache := directives.find("no-cache")
	_, noStore := directives.find("no-store")
	switch {
	case mustRevalidate && err != nil:
		return time.Time{}, false, err
	case mustRevalidate && hasAge:
		return now.Add(age), true, nil
	case mustRevalidate, noCache, noStore:
		return now, true, nil
	case err != nil:
		return time.Time{}, false, err
	case hasAge:
		return now.Add(age), true, nil
	}
	text := h.Get("Expires")
	if text == "" {
		return time.Time{}, false, nil
	}
	at, err = time.Parse(expiresFormat, text)
	return at, err == nil, err
}

type directive struct{ name, value string }

type directives []directive

func (d directives) find(names ...string) (directive, bool) {
	for _, each := range d {
		for _, name := range names {
			if each.name == name {
				return each, true
			}
		}
	}
	return directive{}, false
}

func maxAge(d directives) (time.Duration, bool, error) {
	found, ok := d.find("max-age", "s-maxage")
	if !ok {
		return 0, false, nil
	}
	seconds, err := strconv.Atoi(found.value)
	if err != nil || seconds < 0 {
		return 0, false, errors.New("max-age is not a number")
	}
	return time.Duration(seconds) * time.Second, true, nil
}

// parseCacheControl reads lower-case directives. At most one blank may follow a
// comma; the rest of the header is dropped otherwise.
func parseCacheControl(header string) directives {
	var list directives
	for i, part := range strings.Split(header, ",") {
		if i > 0 {
			part = strings.TrimPrefix(part, " ")
		}
		name, value, _ := strings.Cut(part, "=")
		if name == "" || strings.ContainsAny(name, " \t") {
			break
		}
		list = append(list, directive{name, strings.Trim(value, `"`)})
	}
	return list
}
