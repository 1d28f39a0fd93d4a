package pages

import (
	"reflect"
)

// TextFields returns the names of the texts that the pages read by fields, and the
// beginnings of the names of those that they read by maps.
func TextFields() (names, groups []string) {
	v := reflect.TypeFor[texts]()
	for i := range v.NumField() {
		switch field := v.Field(i); field.Type.Kind() {
		case reflect.String:
			names = append(names, textName(field))
		case reflect.Map:
			groups = append(groups, textName(field)+".")
		}
	}
	return names, groups
}
