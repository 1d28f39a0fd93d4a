package sqlvalue

import "regexp"

// ImportedForm matches the part of a stored hash that decides its cost, for the kinds
// that package foreign verifies and for bcrypt of other systems; it does not match a
// hash of ours. The index of the migration "imports" has the same text.
const ImportedForm = `^[$]argon2id?[$][^$]*[$][^$]*|^[$](?:scrypt|fbscrypt|pbkdf2[^$]*)[$][^$]*|^[$][56][$](?:rounds=[0-9]+)?|^[$][PH][$].|` +
	`^[$](?:wp[$])?2[by][$][0-9]+|^bcrypt_sha256[$][$]2[aby][$][0-9]+|^[$]email-bcrypt[$]`

var importedForm = regexp.MustCompile(ImportedForm)

// FormOf is what ImportedForm matches of a stored hash; empty: nothing.
func FormOf(stored string) string { return importedForm.FindString(stored) }
