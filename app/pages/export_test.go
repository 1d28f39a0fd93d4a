package pages

// Texts are all languages.
func Texts() []*texts { return []*texts{english, german} }
