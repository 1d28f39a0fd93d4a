package hasura_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"hasura-login/hasura"
)

func TestFiles_AreAFileSystem(t *testing.T) {
	project, err := hasura.WithOrganizations()
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(project, "config.yaml", "metadata/databases/default/tables/public_organizations.yaml"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(project, "organizations"); err == nil {
		t.Error("the optional files are there twice")
	}
}
