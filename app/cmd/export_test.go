package cmd

// For tests of the log's lines.
var (
	LineEncoder = jsonEncoder
	PlainZap    = zapEncoder
)
