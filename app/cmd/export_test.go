package cmd

// LineEncoder is that of the log.
var LineEncoder = jsonEncoder

// OwnAddressOf runs ownAddress with a test's names and interfaces.
var OwnAddressOf = ownAddressOf

// ForgetStartCode is what Run does once it serves.
var ForgetStartCode = forgetStartCode

// OwnExports makes the copies that the account page sends.
var OwnExports = ownExports
