package cmd

// LineEncoder is that of the log.
var LineEncoder = jsonEncoder

// OwnAddressOf runs ownAddress with a test's names and interfaces.
var OwnAddressOf = ownAddressOf

// OwnExports makes the copies that the account page sends.
var OwnExports = ownExports
