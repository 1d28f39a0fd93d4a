package pages_test

import (
	"reflect"
	"testing"

	"hasura-login/app/pages"
)

func TestTexts_AreThereInEveryLanguage(t *testing.T) {
	all := pages.Texts()
	english := reflect.ValueOf(all[0]).Elem()
	for _, other := range all {
		v := reflect.ValueOf(other).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() {
				t.Errorf("%s has no %s", other.Lang, name)
			}
			if v.Field(i).Kind() != reflect.Map {
				continue
			}
			for _, key := range english.Field(i).MapKeys() {
				if text := v.Field(i).MapIndex(key); !text.IsValid() || text.String() == "" {
					t.Errorf("%s has no %s of %s", other.Lang, name, key)
				}
			}
			if v.Field(i).Len() != english.Field(i).Len() {
				t.Errorf("%s has %d of %s, English %d", other.Lang, v.Field(i).Len(), name, english.Field(i).Len())
			}
		}
	}
}
