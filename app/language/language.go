// Package language reads Accept-Language, finds the best of the languages there are by
// RFC 4647 lookup, and holds the texts of pages and mails in each of them.
package language

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxRanges and maxSubtags bound how much of a header is kept.
	maxRanges  = 8
	maxSubtags = 3
	maxHeader  = 1000
)

var (
	languageRange = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	weight        = regexp.MustCompile(`^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$`)
)

// Preferred lists the languages of an Accept-Language header, the most wanted first,
// separated by commas: "de-CH,fr". It leaves out languages of weight 0, *, malformed
// ranges, and languages that an earlier entry covers.
func Preferred(header string) string {
	type entry struct {
		tag string
		q   float64
	}
	var entries []entry
	for item := range strings.SplitSeq(header[:min(len(header), maxHeader)], ",") {
		tag, parameter, weighted := strings.Cut(item, ";")
		tag, q := strings.TrimSpace(tag), 1.0
		if weighted {
			name, value, _ := strings.Cut(parameter, "=")
			value = strings.TrimSpace(value)
			if !strings.EqualFold(strings.TrimSpace(name), "q") || !weight.MatchString(value) {
				continue
			}
			q, _ = strconv.ParseFloat(value, 64)
		}
		if q > 0 && languageRange.MatchString(tag) {
			entries = append(entries, entry{shortened(tag), q})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.q, a.q) })
	var tags []string
	for _, e := range entries {
		covered := slices.ContainsFunc(tags, func(earlier string) bool {
			return strings.HasPrefix(strings.ToLower(earlier)+"-", strings.ToLower(e.tag)+"-")
		})
		if !covered && len(tags) < maxRanges {
			tags = append(tags, strings.Clone(e.tag))
		}
	}
	return strings.Join(tags, ",")
}

// shortened is a tag without the subtags that no translation distinguishes.
func shortened(tag string) string {
	subtags := strings.Split(tag, "-")
	return strings.Join(subtags[:min(len(subtags), maxSubtags)], "-")
}

// Lookup finds the best language in a list such as Preferred gives. Each is cut short
// from its end until has knows it (RFC 4647, 3.4); has is asked in lower case.
func Lookup(preferred string, has func(tag string) bool) (tag string, found bool) {
	for item := range strings.SplitSeq(strings.ToLower(preferred), ",") {
		for tag := item; tag != ""; tag = cutShort(tag) {
			if has(tag) {
				return tag, true
			}
		}
	}
	return "", false
}

// cutShort drops the last subtag, and then one of a single character, which only
// introduces others.
func cutShort(tag string) string {
	tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
	if i := strings.LastIndexByte(tag, '-'); i >= 0 && i == len(tag)-2 {
		tag = tag[:i]
	}
	return tag
}
