package metadata

import "errors"

// Relationship leads from a table's rows to rows of another table.
type Relationship struct {
	Name    string `yaml:"name"`
	Using   Using  `yaml:"using"`
	Comment string `yaml:"comment"`
}

// Using says how the rows are joined: by a foreign key, or by columns that are named.
type Using struct {
	ForeignKey *ForeignKey `yaml:"foreign_key_constraint_on"`
	Manual     *ManualJoin `yaml:"manual_configuration"`
}

// ManualJoin maps columns of the table to columns of the other.
type ManualJoin struct {
	RemoteTable    TableName         `yaml:"remote_table"`
	ColumnMapping  map[string]string `yaml:"column_mapping"`
	InsertionOrder any               `yaml:"insertion_order"`
}

// ForeignKey names the columns of a foreign key. Without a table they are the table's
// own; otherwise they are the other table's and refer to this one.
type ForeignKey struct {
	Table   *TableName
	Columns []string
}

// UnmarshalYAML reads a column, a list of columns, or a table with its columns.
func (k *ForeignKey) UnmarshalYAML(unmarshal func(any) error) error {
	var column string
	if unmarshal(&column) == nil {
		k.Columns = []string{column}
		return nil
	}
	if unmarshal(&k.Columns) == nil {
		return nil
	}
	var other struct {
		Table   TableName `yaml:"table"`
		Column  string    `yaml:"column"`
		Columns []string  `yaml:"columns"`
	}
	if err := unmarshal(&other); err != nil {
		return err
	}
	k.Table, k.Columns = &other.Table, other.Columns
	if other.Column != "" {
		k.Columns = []string{other.Column}
	}
	if len(k.Columns) == 0 || k.Table.Name == "" {
		return errors.New("foreign_key_constraint_on needs a column, or a table with its column")
	}
	return nil
}
