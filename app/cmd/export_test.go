package cmd

// For tests of the log's lines.
var (
	LineEncoder = jsonEncoder
	PlainZap    = zapEncoder
)

// OwnAddressOf takes the names and interfaces of a test.
var OwnAddressOf = ownAddressOf
